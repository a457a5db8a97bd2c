"""Real checkpoints and real text: what the packages hold is what was measured when they were chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.assets import (
    GNOME_LANGUAGES,
    UDHR_LANGUAGES,
    AssetError,
    AssetUnavailableError,
    TextSummary,
    _cache,
    cache_directory,
    e5_encoder,
    gnome_text,
    smollm2,
    udhr_text,
)
from benchmarks.assets._text import Segment, write_aligned
from interfere.corpus import deal_slots, read_corpus

PROSE = (
    "The sun had not yet risen when the fishermen walked down to the beach to mend their nets. They talked about the "
    "weather, about the price of fish in the market, and about the children who would soon go back to school."
)


def fetched(fetch: Callable[[], Any]) -> Any:
    """An asset, or a skipped test where this machine cannot have it."""
    try:
        return fetch()
    except AssetUnavailableError as error:
        pytest.skip(str(error))


def read_rows(summary: TextSummary, language: str) -> list[dict[str, Any]]:
    lines = (summary.directory / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def check_aligned(summary: TextSummary) -> None:
    """All languages have the same ids and sources line for line, and nothing that a reader would drop."""
    keys = [[(row["id"], row["source"]) for row in read_rows(summary, language)] for language in summary.languages]
    assert all(each == keys[0] for each in keys)
    assert len(keys[0]) == summary.written
    corpus = read_corpus(summary.directory)
    assert corpus.languages == summary.languages
    assert not any(corpus.skipped.values())


@pytest.mark.checkpoint
def test_gnome_text_is_aligned(tmp_path: Path) -> None:
    summary = fetched(lambda: gnome_text(GNOME_LANGUAGES, tmp_path))
    assert summary.shared == 1613
    assert (summary.written, summary.sources) == (1475, 218)
    check_aligned(summary)
    assert all(len(row["text"]) >= 40 for row in read_rows(summary, "en"))
    english = {row["text"] for row in read_rows(summary, "en")}
    assert not any(row["text"] in english for row in read_rows(summary, "sv"))
    deal = deal_slots(read_corpus(tmp_path), 16, 0)
    assert deal.alignment == "id"
    assert set(deal.units.values()) == {218}


@pytest.mark.checkpoint
def test_the_declaration_is_aligned_by_article(tmp_path: Path) -> None:
    summary = fetched(lambda: udhr_text(list(UDHR_LANGUAGES), tmp_path))
    assert summary.written == 31
    check_aligned(summary)
    rows = read_rows(summary, "en")
    assert rows[1]["text"].startswith("All human beings are born free and equal in dignity and rights.")
    assert rows[3]["text"].startswith("Everyone has the right to life, liberty and")
    with pytest.raises(AssetError, match=r"no translation named '\.\./eng'"):
        udhr_text(["../eng"], tmp_path)


@pytest.mark.checkpoint
def test_smollm2_loads_as_any_folder_and_knows_english() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = fetched(smollm2)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    assert model.dtype == torch.float32
    assert tokenizer.padding_side == "right"
    tokens = tokenizer(PROSE, return_tensors="pt").input_ids
    with torch.no_grad():
        loss = model(tokens, labels=tokens).loss.item()
        shuffled = tokens[:, torch.randperm(tokens.shape[1], generator=torch.Generator().manual_seed(0))]
        noise = model(shuffled, labels=shuffled).loss.item()
    assert loss < 3.5
    assert noise > loss + 2


@pytest.mark.checkpoint
def test_the_encoder_puts_translations_near_each_other() -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = fetched(e5_encoder)
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    meanings = [
        [
            "The cat sleeps on the sofa.",
            "Die Katze schläft auf dem Sofa.",
            "Кошка спит на диване.",
            "고양이가 소파에서 잔다.",
        ],
        [
            "The bank raised its interest rates.",
            "Die Bank hat ihre Zinsen erhöht.",
            "Банк повысил процентные ставки.",
            "은행이 금리를 올렸다.",
        ],
    ]
    batch = tokenizer([f"query: {text}" for group in meanings for text in group], padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch.attention_mask.unsqueeze(-1)
    vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    cats, banks = vectors[:4], vectors[4:]
    # Languages have directions of their own, so two meanings are compared in one language.
    margins = torch.stack([cats @ cats.T - cats @ banks.T, banks @ banks.T - banks @ cats.T])
    assert margins.min() > 0.02


def test_repeats_are_left_out_in_all_languages(tmp_path: Path) -> None:
    pairs = [("a", "x"), ("b", "y"), ("a", "z"), ("c", "y"), ("d", "w")]
    segments = [Segment(str(n), "s", {"de": de, "en": en}) for n, (de, en) in enumerate(pairs)]
    summary = write_aligned(segments, ["en", "de"], tmp_path)
    assert [row["id"] for row in read_rows(summary, "de")] == ["0", "1", "4"]
    assert (summary.shared, summary.written, summary.characters) == (5, 3, {"de": 3, "en": 3})


def test_the_cache_is_never_inside_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERFERE_CACHE", str(Path(__file__).parent / "cache"))
    with pytest.raises(AssetError, match="lies inside the repository"):
        cache_directory()


def test_a_file_with_another_digest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERFERE_CACHE", str(tmp_path))
    monkeypatch.setattr(_cache, "_call_client", lambda package, folder: (folder / "a.whl").write_text("tampered"))
    package = _cache.Package("pip", "a", "1", "0" * 64, "none")
    with pytest.raises(AssetError, match=r"a\.whl \(a 1\) has SHA-256"):
        _cache.build("a-r1", package, lambda unpacked, made: None)
    assert not (tmp_path / "a-r1").exists()
    assert not list((tmp_path / "downloads").iterdir())


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERFERE_CACHE", str(tmp_path))
    monkeypatch.setattr(_cache, "_download", lambda package, folder: tmp_path)
    monkeypatch.setattr(_cache, "_unpack", lambda package, archive, folder: None)
    package = _cache.Package("pip", "a", "1", "0" * 64, "none")

    def fail(unpacked: Path, made: Path) -> None:
        (made / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _cache.build("a-r1", package, fail)
    assert not list(tmp_path.iterdir())
    folder = _cache.build("a-r1", package, lambda unpacked, made: None)
    assert _cache.build("a-r1", package, fail) == folder
