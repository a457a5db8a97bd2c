"""What the tokenizer makes of languages, and text that is short or alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import braycurtis
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from interfere import InputError, checkpoint_from_model
from interfere.doctor import diagnose
from tests.doctor.text import SETTINGS, TEXTS, examined, failing, found, look
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer


def latin_tokenizer() -> PreTrainedTokenizerFast:
    """A word-piece tokenizer that knows Latin letters alone."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(some_text("de", 200) + some_text("en", 200), trainer)
    names = ("pad", "unk", "cls", "sep", "mask")
    named = {f"{name}_token": token for name, token in zip(names, special, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def test_a_script_that_the_tokenizer_does_not_know() -> None:
    diagnosis = look(checkpoint_from_model(tiny_model("bert"), latin_tokenizer()))
    check = found(diagnosis, "unknown-tokens", "fail", "ru", "zh", "script")
    assert set(check.languages) == {"ru", "zh"}
    assert set(found(diagnosis, "round-trip", "fail").languages) == {"ru", "zh"}
    rows = {row.language: row for row in diagnosis.languages}
    assert rows["de"].unknown == 0
    assert (rows["zh"].unknown or 0) > 0.9


def test_numbers_of_the_tokenizer_are_those_of_plain_counting() -> None:
    tokenizer = tiny_tokenizer("bert")
    rows = {row.language: row for row in examined("bert").languages}
    for language, texts in TEXTS.items():
        tokens = sum(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
        assert rows[language].size == len("".join(texts).encode())
        assert rows[language].tokens_per_byte == pytest.approx(tokens / len("".join(texts).encode()))
        assert rows[language].tokens_per_character == pytest.approx(tokens / len("".join(texts)))
        assert (rows[language].lost, rows[language].unknown, rows[language].cut) == (0, 0, 0)


def test_one_file_under_two_names() -> None:
    diagnosis = examined("bert", {**TEXTS, "uk": TEXTS["ru"]})
    check = found(diagnosis, "shared-documents", "fail", "ru and uk", "two names")
    assert check.languages == ("ru", "uk")
    assert check.value == 1
    row = diagnosis.shared[0]
    assert (row.a, row.b, row.exact, row.normalised) == ("ru", "uk", 40, 40)
    assert failing(diagnosis) == {"shared-documents"}


def test_copies_in_other_case_and_spacing_count_as_alike() -> None:
    german = TEXTS["de"][:20]
    diagnosis = examined(
        "bert", {"de": german + [f" {t.upper()}".replace(" ", "\u00a0 ") for t in german], "ru": TEXTS["ru"]}
    )
    check = found(diagnosis, "repeated-documents", "warn", "de 50%")
    assert check.languages == ("de",)
    assert [(r.a, r.b, r.exact, r.normalised) for r in diagnosis.shared] == [("de", "de", 0, 20)]


def test_two_samples_of_one_language_look_alike_and_languages_do_not() -> None:
    alike = {"a": some_text("de", 60, seed=1), "b": some_text("de", 60, seed=2), "ru": some_text("ru", 60)}
    check = found(examined("bert", alike), "vocabulary-overlap", "warn", "a and b")
    assert check.languages == ("a", "b")
    found(examined("bert"), "vocabulary-overlap", "ok")


def test_overlap_is_one_less_bray_and_curtis() -> None:
    tokenizer = tiny_tokenizer("bert")

    def shares(texts: list[str]) -> np.ndarray:
        counts = np.zeros(len(tokenizer))
        for text in texts:
            np.add.at(counts, tokenizer(text, add_special_tokens=False)["input_ids"], 1)
        return counts / counts.sum()

    rows = {(row.a, row.b): row.overlap for row in examined("bert").overlap}
    de, ru = (TEXTS[name] for name in ("de", "ru"))
    pairs = [(de[::2], ru[1::2]), (de[1::2], ru[::2])]
    expected = np.mean([1 - braycurtis(shares(a), shares(b)) for a, b in pairs])
    assert rows["de", "ru"] == pytest.approx(expected)
    assert rows["de", "de"] == pytest.approx(1 - braycurtis(shares(de[::2]), shares(de[1::2])))
    assert len(rows) == 6


def test_documents_of_a_single_token() -> None:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    diagnosis = examined("gpt2", {"de": letters, "ru": TEXTS["ru"]})
    check = found(diagnosis, "short-documents", "fail", "de 100%")
    assert check.languages == ("de",)
    assert found(diagnosis, "chunks", "fail", "'de'", "longer documents").languages == ("de",)


def test_every_document_short() -> None:
    words = {"de": ["ja", "nein"] + [f"Wort {i}" for i in range(30)], "ru": [f"да {i}" for i in range(30)]}
    diagnosis = examined("bert", words, tokens_per_chunk=400)
    check = found(diagnosis, "chunks", "warn", "used up", "--mask-passes")
    assert set(check.languages) == {"de", "ru"}


def test_too_little_text_for_the_chunks() -> None:
    diagnosis = examined("bert", {name: texts[:4] for name, texts in TEXTS.items()}, chunks=16)
    found(diagnosis, "chunks", "fail", "give more text")
    # The model is examined all the same.
    found(diagnosis, "padding", "ok")
    assert diagnosis.cost is None


def test_documents_that_are_cut() -> None:
    texts = {**TEXTS, "ru": some_text("ru", 40, words=(60, 80))}
    assert found(examined("bert", texts, max_length=64), "cut-documents", "warn", "ru").languages == ("ru",)


def test_settings_and_languages_that_are_wrong_are_errors() -> None:
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    with pytest.raises(InputError, match="at least 2"):
        diagnose(checkpoint, {"de": TEXTS["de"]}, "auto", SETTINGS)
    with pytest.raises(InputError, match="maximum length"):
        look(checkpoint, max_length=4096)
    with pytest.raises(InputError, match="--memory-budget"):
        look(checkpoint, gram="exact", memory_budget=1000)
