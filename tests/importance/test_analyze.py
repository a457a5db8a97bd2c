from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from interfere import (
    ImportanceSettings,
    InputError,
    LossSums,
    RunError,
    analyze_importance,
    load_result,
    own_units,
)
from interfere.checkpoint import checkpoint_from_model
from interfere.engine import Progress
from interfere.objectives import make_objective
from interfere.results import write_result
from tests.objectives.reference import tiny_checkpoint
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {name: some_text(name, 40, seed=2) for name in ("de", "en", "ru")}
SETTINGS = ImportanceSettings(
    chunks=4,
    tokens_per_chunk=60,
    methods=("taylor", "fisher", "activation", "gates"),
    gate_steps=3,
    ablate=True,
    draws=2,
    top=0.2,
)


def test_the_model_is_left_as_it_was():
    checkpoint = tiny_checkpoint("bert")
    model = checkpoint.model
    model.train()
    parameters = dict(model.named_parameters())
    frozen = next(iter(parameters))
    parameters[frozen].requires_grad_(False)
    before = {name: p.detach().clone() for name, p in parameters.items()}
    analyze_importance(checkpoint, TEXTS, settings=SETTINGS)
    assert model.training
    assert [name for name, p in parameters.items() if not p.requires_grad] == [frozen]
    assert all(p.grad is None for p in parameters.values())
    assert all(torch.equal(before[name], p) for name, p in parameters.items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("stop", ["scores", "gates", "means", "ablation"])
def test_a_run_that_is_interrupted_anywhere_gives_the_same_bits(stop: str, tmp_path: Path):
    whole = analyze_importance(tiny_checkpoint("llama"), TEXTS, settings=SETTINGS)

    def interrupt(progress: Progress) -> None:
        if progress.phase == stop and progress.done >= progress.total / 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze_importance(tiny_checkpoint("llama"), TEXTS, settings=SETTINGS, workdir=tmp_path, progress=interrupt)
    seen: list[Progress] = []
    found = analyze_importance(
        tiny_checkpoint("llama"), TEXTS, settings=SETTINGS, workdir=tmp_path, progress=seen.append
    )
    phases = ["scores", "gates", "means", "ablation"]
    assert {progress.phase for progress in seen} == set(phases[phases.index(stop) :])
    for method, scores in whole.arrays.items():
        np.testing.assert_array_equal(found.arrays[method], scores)
    for name in ("ablation", "specificity", "own_units"):
        assert whole.tables[name].equals(found.tables[name])


@pytest.mark.parametrize(
    ("change", "words"), [({"top": 0.3}, "settings.top"), ({"gate_steps": 4}, "settings.gate_steps")]
)
def test_a_run_with_other_settings_is_not_continued(change: dict, words: str, tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, ablate=False, draws=8)
    analyze_importance(tiny_checkpoint("bert"), TEXTS, settings=settings, workdir=tmp_path)
    with pytest.raises(InputError, match=words):
        analyze_importance(
            tiny_checkpoint("bert"), TEXTS, settings=dataclasses.replace(settings, **change), workdir=tmp_path
        )


def test_a_result_comes_back_from_its_files(tmp_path: Path):
    result = analyze_importance(tiny_checkpoint("gpt2"), TEXTS, settings=SETTINGS)
    write_result(result, tmp_path)
    assert (tmp_path / "scores.safetensors").is_file()
    again = load_result(tmp_path)
    assert again.kind == "importance"
    assert list(again.tables) == list(result.tables)
    for method, scores in result.arrays.items():
        np.testing.assert_array_equal(again.arrays[method], scores)


@pytest.mark.parametrize("kind", ["t5", "mixtral", "deberta-v2"])
def test_models_whose_documents_are_read_one_by_one(kind: str):
    settings = dataclasses.replace(SETTINGS, top=0.5)
    result = analyze_importance(tiny_checkpoint(kind), TEXTS, settings=settings)
    assert result.settings["scoring"] == "one by one"
    assert result.settings["scoring_reason"]
    assert result.tables["ablation"]["damage"].notna().all()
    if kind == "mixtral":
        assert any("no neurons were told apart" in warning for warning in result.warnings)


def test_the_table_of_own_units_is_the_strongest_of_all():
    texts = {name: some_text(name, 80, seed=2) for name in ("de", "hi", "ru")}
    settings = ImportanceSettings(chunks=20, tokens_per_chunk=100, methods=("activation",), top=0.2)
    result = analyze_importance(tiny_checkpoint("bert"), texts, settings=settings)
    table, whole = result.tables["own_units"], own_units(result).query("own")
    assert 0 < len(whole) <= 200
    columns = ["language", "layer", "unit", "q_value"]
    expected = whole[columns].sort_values(columns[:3]).to_numpy().tolist()
    assert table[columns].sort_values(columns[:3]).to_numpy().tolist() == expected
    assert result.tables["own_counts"]["own"].sum() == len(whole)
    with pytest.raises(KeyError, match="'fisher' is not in this result"):
        own_units(result, "fisher")


@pytest.mark.parametrize(
    ("given", "option"),
    [({"draws": 3}, "--draws"), ({"ablation": "zero"}, "--ablation"), ({"gate_rate": 1.0}, "--gate-rate")],
)
def test_an_option_that_would_be_ignored_is_refused(given: dict, option: str):
    with pytest.raises(InputError, match=option):
        ImportanceSettings(**given)


def test_a_top_share_of_less_than_one_unit_is_refused_before_anything_is_scored(tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, top=0.001)
    with pytest.raises(InputError, match=r"--top 0\.001"):
        analyze_importance(tiny_checkpoint("bert"), TEXTS, settings=settings, workdir=tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_heads_that_are_too_few_to_remove_are_named():
    settings = dataclasses.replace(SETTINGS, methods=("taylor",), gate_steps=200)
    result = analyze_importance(tiny_checkpoint("bert"), TEXTS, settings=settings)
    assert "No heads were removed: --top 0.2 of the 2 in a layer is less than half of one." in result.warnings


def test_removing_too_much_is_said():
    checkpoint = tiny_checkpoint("bert")
    plain = make_objective("masked-lm", checkpoint)
    removing = [False]

    def loss(model: object, batch: object) -> LossSums:
        # Whatever is removed doubles the loss.
        sums = plain.loss(model, batch)
        site = model.bert.encoder.layer[0].output.dense
        factor = 2.0 if removing[0] and site._forward_pre_hooks else 1.0
        return LossSums(sums.total * factor, sums.predictions, sums.per_document * factor)

    settings = dataclasses.replace(SETTINGS, methods=("activation",), gate_steps=200, ablation="zero")
    assert not any("so much is gone" in w for w in analyze_importance(checkpoint, TEXTS, loss, settings).warnings)

    def follow(progress: Progress) -> None:
        removing[0] = progress.phase == "ablation" or progress.done == progress.total

    found = analyze_importance(checkpoint, TEXTS, loss, settings, progress=follow)
    [warning] = [w for w in found.warnings if "so much is gone" in w]
    assert "raises the loss by 100%" in warning
    assert "Give less than --top 0.2" in warning


def test_only_what_is_asked_for_is_computed():
    checkpoint = tiny_checkpoint("bert")
    result = analyze_importance(
        checkpoint, TEXTS, settings=ImportanceSettings(chunks=4, tokens_per_chunk=60, methods=("activation",))
    )
    assert list(result.arrays) == ["activation"]
    assert set(result.tables["layers"]["kind"]) == {"neuron"}
    assert "ablation" not in result.tables
    assert result.tables["chunks"]["loss"].notna().all()


def test_a_language_without_finite_gradients_is_left_out_and_said():
    checkpoint = tiny_checkpoint("bert")
    plain = make_objective("masked-lm", checkpoint)

    def loss(model: object, batch: object) -> LossSums:
        sums = plain.loss(model, batch)
        bad = torch.tensor([e.language == "en" for e in batch.examples])
        per_document = sums.per_document.masked_fill(bad, float("nan"))
        return LossSums(sums.total, sums.predictions, per_document)

    result = analyze_importance(checkpoint, TEXTS, loss, SETTINGS)
    assert any("en has no numbers" in warning for warning in result.warnings)
    damage = result.tables["specificity"].set_index("language")
    assert damage["specificity"].notna().to_dict() == {"de": True, "en": False, "ru": True}
    assert set(own_units(result)["language"]) == {"de", "ru"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": ("magic",)}, "--method 'magic': choose from taylor, fisher, activation, gates"),
        ({"methods": ("fisher", "fisher")}, "--method: name each method once"),
        ({"top": 1.5}, "--top 1.5: give a share between 0 and 1"),
        ({"draws": 1}, "--draws 1: give at least 2"),
        ({"gate_sparsity": ()}, "--gate-sparsity"),
        ({"ablate": True, "chunks": 3}, "--ablate: half of 3 --chunks"),
        ({"ablation": "noise"}, "--ablation 'noise'"),
    ],
)
def test_settings_that_are_wrong(options: dict, words: str):
    with pytest.raises(InputError, match=words):
        ImportanceSettings(**options)


@pytest.mark.parametrize("phase", ["scores", "gates", "ablation"])
def test_where_memory_runs_out_smaller_batches_are_tried(phase: str, monkeypatch: pytest.MonkeyPatch):
    """More than two documents at once do not fit while a phase runs; the numbers stay the same."""
    settings = dataclasses.replace(SETTINGS, methods=("fisher", "gates"))
    expected = analyze_importance(tiny_checkpoint("bert"), TEXTS, settings=settings)
    checkpoint = tiny_checkpoint("bert")
    now = ["scores"]
    order = ["scores", "gates", "means", "ablation"]

    def refuse(module: object, arguments: object, options: dict[str, torch.Tensor]) -> None:
        if now[0] == phase and len(options["input_ids"]) > 2:
            raise torch.OutOfMemoryError("no room")

    checkpoint.model.register_forward_pre_hook(refuse, with_kwargs=True)

    def follow(progress: Progress) -> None:
        now[0] = progress.phase if progress.done < progress.total else order[min(3, order.index(progress.phase) + 1)]

    now[0] = "scores" if phase == "scores" else "before"
    found = analyze_importance(checkpoint, TEXTS, settings=settings, progress=follow)
    assert any("Memory did not suffice" in warning for warning in found.warnings)
    for method, scores in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[method], scores, rtol=1e-3, atol=1e-5 * np.nanmax(scores))


def test_a_model_without_heads_and_neurons_has_its_tensors_scored():
    config = {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4, "time_step_rank": 2, "pad_token_id": 3}
    checkpoint = checkpoint_from_model(tiny_model("MambaForCausalLM", **config), tiny_tokenizer("llama"))
    texts = {language: some_text(language, 12) for language in ("de", "en")}
    result = analyze_importance(checkpoint, texts, settings=ImportanceSettings(chunks=4))
    units = result.tables["units"]
    assert set(units["kind"]) == {"tensor"}
    assert (result.arrays["fisher"] > 0).mean() > 0.9
    assert any("No attention heads and no neurons" in warning for warning in result.warnings)
    with pytest.raises(RunError, match="--method gates needs"):
        analyze_importance(checkpoint, texts, settings=ImportanceSettings(chunks=4, methods=("gates",)))
    with pytest.raises(InputError, match="--ablate"):
        analyze_importance(checkpoint, texts, settings=ImportanceSettings(chunks=4, ablate=True))
