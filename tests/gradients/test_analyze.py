from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from interfere import GradientSettings, InputError, LossSums, RunError, analyze_gradients, bundled_checkpoint
from interfere.checkpoint import Checkpoint, checkpoint_from_model
from interfere.engine import Progress
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {name: some_text(name, 40, seed=2) for name in ("de", "en", "ru")}
SETTINGS = GradientSettings(chunks=4, tokens_per_chunk=60)


def tiny(kind: str = "bert") -> Checkpoint:
    return checkpoint_from_model(tiny_model(kind), tiny_tokenizer(kind))


def test_the_model_is_left_as_it_was() -> None:
    checkpoint = tiny()
    model = checkpoint.model
    model.train()
    parameters = dict(model.named_parameters())
    frozen = next(iter(parameters))
    parameters[frozen].requires_grad_(False)
    parameters[list(parameters)[3]].grad = torch.ones_like(parameters[list(parameters)[3]])
    before = {name: p.detach().clone() for name, p in parameters.items()}
    analyze_gradients(checkpoint, TEXTS, settings=SETTINGS)
    assert model.training
    assert [name for name, p in parameters.items() if not p.requires_grad] == [frozen]
    assert [name for name, p in parameters.items() if p.grad is not None] == [list(parameters)[3]]
    assert all(torch.equal(before[name], p) for name, p in parameters.items())


def test_the_same_run_twice_gives_the_same_bits() -> None:
    first, second = (analyze_gradients(tiny(), TEXTS, settings=SETTINGS) for _ in range(2))
    assert np.array_equal(first.arrays["euclidean/layer"], second.arrays["euclidean/layer"])


def test_tables_have_the_promised_columns_and_rows() -> None:
    result = analyze_gradients(tiny(), TEXTS, settings=SETTINGS)
    assert list(result.pairs.columns) == [
        *("a", "b", "group", "metric", "cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "verdict"),
        *("reason", "transfer_ab", "transfer_ba", "transfer_bytes_ab", "transfer_bytes_ba", "centred"),
        *("magnitude_similarity", "tokens_to_settle", "sketch_error"),
    ]
    assert list(result.self_similarity.columns) == [
        *("language", "group", "metric", "self_similarity", "ci_low", "ci_high", "norm", "norm_share", "loss"),
        *("tokens", "documents"),
    ]
    assert list(result.groups.columns) == [
        *("group", "metric", "parameters", "common_share", "mixture_residual", "sketch_size", "sketch_error"),
    ]
    groups = ["body", "encoder.0", "encoder.1"]
    assert list(result.groups["group"]) == groups
    assert len(result.pairs) == 3 * len(groups)
    assert result.tensors["norm_share"].sum() == pytest.approx(1)
    shares = result.self_similarity[result.self_similarity["group"] != "body"].groupby("language")["norm_share"].sum()
    np.testing.assert_allclose(shares, 1)
    assert list(result.chunks.columns) == ["language", "slot", "documents", "tokens", "bytes", "loss", "lines"]
    assert len(result.chunks) == 3 * 4
    for row in result.chunks.itertuples():
        assert len(row.lines.split()) == row.documents
        # The bytes of the lines that are named are the bytes that were counted.
        assert sum(len(TEXTS[row.language][int(line) - 1].encode()) for line in row.lines.split()) == row.bytes
    assert set(result.data["de"]) >= {"documents", "tokens", "bytes", "sha256"}
    for key in ("id", "revision", "architecture", "objective", "parameters", "weights_sha256"):
        assert key in result.model


def test_scope_all_adds_embeddings_and_head() -> None:
    body = analyze_gradients(tiny(), TEXTS, settings=SETTINGS)
    everything = analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, scope="all"))
    assert {"embeddings", "head"} <= set(everything.groups["group"])
    assert not {"embeddings", "head"} & set(body.groups["group"])


def test_a_chunk_takes_whole_documents_up_to_its_tokens() -> None:
    result = analyze_gradients(tiny("llama"), TEXTS, settings=GradientSettings(chunks=4, tokens_per_chunk=200))
    for facts in result.data.values():
        assert facts["tokens"] <= 4 * 200
        assert facts["unused"] > 0
    one = analyze_gradients(tiny("llama"), TEXTS, settings=GradientSettings(chunks=4, tokens_per_chunk=1))
    assert all(facts["documents"] == 4 for facts in one.data.values())


def test_mask_passes_predict_more_of_the_same_text() -> None:
    once, thrice = (
        analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, tokens_per_chunk=9999, mask_passes=passes))
        for passes in (1, 3)
    )
    for language in TEXTS:
        assert thrice.data[language]["documents"] == once.data[language]["documents"]
        assert thrice.data[language]["bytes"] == once.data[language]["bytes"]
        assert thrice.data[language]["tokens"] == pytest.approx(3 * once.data[language]["tokens"], rel=0.1)


def test_progress_rises_to_its_total() -> None:
    seen: list[Progress] = []
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, metrics=("euclidean", "adam"))
    analyze_gradients(tiny(), TEXTS, settings=settings, progress=seen.append)
    assert [p.phase for p in seen] == ["calibration"] * 3 + ["gradients"] * 12
    for phase in ("calibration", "gradients"):
        done = [p.done for p in seen if p.phase == phase]
        assert done == sorted(done)
        assert done[-1] == seen[-1].total or phase == "calibration"


def test_a_language_whose_loss_is_not_finite_is_named_and_the_others_go_on() -> None:
    def broken(model: object, batch: object) -> LossSums:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # type: ignore[operator,attr-defined]
        rows = logits.square().mean(dim=(1, 2))
        bad = torch.tensor([e.language == "en" and e.document.line == 7 for e in batch.examples])  # type: ignore[attr-defined]
        rows = torch.where(bad, torch.full_like(rows, math.inf), rows)
        return LossSums(rows.sum(), len(rows), rows.detach())

    settings = GradientSettings(chunks=4, tokens_per_chunk=9999)
    result = analyze_gradients(tiny("llama"), TEXTS, broken, settings)
    touched = result.pairs[(result.pairs["a"] == "en") | (result.pairs["b"] == "en")]
    assert (touched["verdict"] == "undetermined").all()
    assert touched["reason"].str.contains("line 7").all()
    assert any("en" in warning and "line 7" in warning for warning in result.warnings)
    others = result.pairs[(result.pairs["a"] == "de") & (result.pairs["b"] == "ru")]
    assert others["corrected"].notna().any()


def test_nothing_left_when_all_languages_break() -> None:
    def broken(model: object, batch: object) -> LossSums:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # type: ignore[operator,attr-defined]
        rows = logits.mean(dim=(1, 2)) * math.nan
        return LossSums(rows.sum(), len(rows), rows.detach())

    with pytest.raises(RunError, match="fewer than two languages"):
        analyze_gradients(tiny("llama"), TEXTS, broken, SETTINGS)


def test_fewer_than_four_chunks_give_no_verdict() -> None:
    result = analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=3))
    assert set(result.pairs["verdict"]) == {"undetermined"}
    assert result.pairs["ci_low"].isna().all()
    assert any("--chunks" in warning for warning in result.warnings)


def test_resume_computes_what_is_missing_and_gives_the_same_bits(tmp_path: Path) -> None:
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, metrics=("adam",))
    whole = analyze_gradients(tiny(), TEXTS, settings=settings)

    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.phase == "gradients" and len(list(tmp_path.glob("chunk-*.safetensors"))) == 5:
            raise StopError

    with pytest.raises(StopError):
        analyze_gradients(tiny(), TEXTS, settings=settings, workdir=tmp_path, progress=stop)
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.glob("chunk-*")}
    assert len(finished) == 5
    seen: list[Progress] = []
    resumed = analyze_gradients(tiny(), TEXTS, settings=settings, workdir=tmp_path, progress=seen.append)
    assert [p.phase for p in seen] == ["gradients"] * 7
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert np.array_equal(whole.arrays["adam/layer"], resumed.arrays["adam/layer"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "settings.seed"),
        ({"tokens_per_chunk": 61}, "settings.tokens_per_chunk"),
        ({"metrics": ("per-tensor",)}, "settings.metrics"),
    ],
)
def test_resume_with_other_settings_is_refused(tmp_path: Path, change: dict[str, object], named: str) -> None:
    base = {"chunks": 4, "tokens_per_chunk": 60}
    analyze_gradients(tiny(), TEXTS, settings=GradientSettings(**base), workdir=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=named):
        analyze_gradients(tiny(), TEXTS, settings=GradientSettings(**(base | change)), workdir=tmp_path)  # type: ignore[arg-type]


def test_resume_with_other_text_or_weights_is_refused(tmp_path: Path) -> None:
    analyze_gradients(tiny(), TEXTS, settings=SETTINGS, workdir=tmp_path)
    with pytest.raises(InputError, match=r"data\.de"):
        analyze_gradients(tiny(), TEXTS | {"de": TEXTS["de"][:-1]}, settings=SETTINGS, workdir=tmp_path)
    other = checkpoint_from_model(tiny_model("bert", seed=1), tiny_tokenizer("bert"))
    with pytest.raises(InputError, match="weights_sha256"):
        analyze_gradients(other, TEXTS, settings=SETTINGS, workdir=tmp_path)


def test_gram_exact_is_refused_beyond_the_budget_and_auto_sketches() -> None:
    with pytest.raises(InputError, match="--memory-budget"):
        analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, gram="exact", memory_budget=1000))
    small = GradientSettings(chunks=4, memory_budget=1000, sketch_size=64)
    assert analyze_gradients(tiny(), TEXTS, settings=small).settings["gram"] == "sketch"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chunks": 1}, "--chunks"),
        ({"scope": "heads"}, "--scope"),
        ({"metrics": ("euclid",)}, "--metric"),
        ({"metrics": ()}, "--metric"),
        ({"margin": 0.0}, "--margin"),
        ({"batch_size": 0}, "--batch-size"),
        ({"batch_size": "many"}, "--batch-size"),
        ({"mixture": {"de": -1.0}}, "--mixture"),
        ({"adam_state": "x.pt"}, "--adam-state"),
    ],
)
def test_settings_name_the_option_that_is_wrong(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GradientSettings(**settings)  # type: ignore[arg-type]


def test_a_mixture_of_other_languages_is_refused() -> None:
    with pytest.raises(InputError, match="--mixture"):
        analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, mixture={"de": 1.0}))


def test_one_language_and_too_few_documents() -> None:
    with pytest.raises(InputError, match="at least 2"):
        analyze_gradients(tiny(), {"de": TEXTS["de"]}, settings=SETTINGS)
    with pytest.raises(RunError, match="de"):
        analyze_gradients(tiny(), {"de": TEXTS["de"][:3], "en": TEXTS["en"]}, settings=SETTINGS)


def test_adam_state_of_a_trained_model(tmp_path: Path) -> None:
    checkpoint = tiny()
    model = checkpoint.model
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW([p for _, p in named])
    ids = torch.randint(5, 400, (4, 12))
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    state = tmp_path / "optimizer.pt"
    torch.save(optimizer.state_dict(), state)
    settings = GradientSettings(chunks=4, metrics=("adam",), adam_state=state, adam_floor=0.0)
    result = analyze_gradients(checkpoint, TEXTS, settings=settings)
    moments = {name: optimizer.state[p]["exp_avg_sq"] for name, p in named}
    from safetensors.torch import save_file

    save_file({f"{name}.exp_avg_sq": v.contiguous() for name, v in moments.items()}, tmp_path / "v.safetensors")
    by_name = GradientSettings(chunks=4, metrics=("adam",), adam_state=tmp_path / "v.safetensors", adam_floor=0.0)
    again = analyze_gradients(checkpoint, TEXTS, settings=by_name)
    assert np.array_equal(result.arrays["adam/layer"], again.arrays["adam/layer"])
    plain = analyze_gradients(checkpoint, TEXTS, settings=GradientSettings(chunks=4))
    assert not np.allclose(result.matrix(), plain.matrix(), atol=1e-3, equal_nan=True)


def test_adam_state_errors(tmp_path: Path) -> None:
    def run(path: Path) -> None:
        analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, metrics=("adam",), adam_state=path))

    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("not a state")
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path / "text.pt")
    torch.save({"state": {}, "param_groups": []}, tmp_path / "empty.pt")
    with pytest.raises(InputError, match="exp_avg_sq"):
        run(tmp_path / "empty.pt")
    other = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(other.parameters())
    other(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "other.pt")
    with pytest.raises(InputError, match="parameters"):
        run(tmp_path / "other.pt")


def test_a_tensor_that_owns_the_gradient_is_named() -> None:
    checkpoint = tiny("llama")
    name = "model.layers.1.mlp.down_proj.weight"

    def one_term(model: object, batch: object) -> LossSums:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # type: ignore[operator,attr-defined]
        rows = logits.square().mean(dim=(1, 2))
        # A term of the kind that plotting raw cosines never shows: the same for all languages, and in one tensor.
        weight = dict(model.named_parameters())[name]  # type: ignore[attr-defined]
        rows = rows + 100 * weight.sum()
        return LossSums(rows.sum(), len(rows), rows.detach())

    owned = analyze_gradients(checkpoint, TEXTS, one_term, GradientSettings(chunks=4))
    assert any(name in warning and "own" in warning for warning in owned.warnings)
    share = owned.tensors.set_index("tensor").loc[name, "norm_share"]
    assert share > 0.5
    plain = analyze_gradients(checkpoint, TEXTS, settings=GradientSettings(chunks=4))
    assert not any("own" in warning for warning in plain.warnings)


def test_a_chunk_that_owns_a_language_is_named_with_its_lines() -> None:
    def one_document(model: object, batch: object) -> LossSums:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # type: ignore[operator,attr-defined]
        rows = logits.square().mean(dim=(1, 2))
        odd = torch.tensor([e.language == "ru" and e.document.line == 5 for e in batch.examples])  # type: ignore[attr-defined]
        rows = torch.where(odd, 1000 * rows, rows)
        return LossSums(rows.sum(), len(rows), rows.detach())

    # All documents are read but those of the calibration slot, and with this seed line 5 is not among them.
    result = analyze_gradients(tiny("llama"), TEXTS, one_document, GradientSettings(chunks=8, tokens_per_chunk=9999))
    heavy = [warning for warning in result.warnings if "chunks of" in warning]
    assert len(heavy) == 1
    assert "of ru" in heavy[0]
    assert " 5" in heavy[0]


def test_a_model_that_only_guesses_is_said_to() -> None:
    guessing = analyze_gradients(tiny(), TEXTS, settings=SETTINGS)
    [warning] = [w for w in guessing.warnings if "guessing" in w]
    assert "de, en, ru" in warning
    rows = tiny().model.get_input_embeddings().num_embeddings
    assert f"gives {math.log(rows):.2f}" in warning
    known = analyze_gradients(bundled_checkpoint(), None, settings=GradientSettings(chunks=2, tokens_per_chunk=20))
    assert not any("guessing" in w for w in known.warnings)


def test_text_that_ran_out_is_said_to_have_made_chunks_short() -> None:
    def short(tokens: int) -> list[str]:
        result = analyze_gradients(tiny(), TEXTS, settings=GradientSettings(chunks=4, tokens_per_chunk=tokens))
        return [w for w in result.warnings if "--tokens-per-chunk" in w]

    assert short(40) == []
    [warning] = short(9999)
    assert "All text of every language was dealt out" in warning
    assert "9,999" in warning
    assert "--mask-passes" in warning


def test_printing_a_result_takes_one_line() -> None:
    result = analyze_gradients(tiny(), TEXTS, settings=SETTINGS)
    assert "\n" not in repr(result)
    assert "de, en, ru" in repr(result)
    assert "pairs 9" in repr(result)
