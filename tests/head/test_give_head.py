"""Heads that are trained here: only the head, as AdamW does it, the same in every sitting."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from interfere.checkpoint import Checkpoint, load_checkpoint
from interfere.engine import Microbatches, Progress, only_gradients_of
from interfere.errors import InputError, RunError
from interfere.gradients import analyze_gradients
from interfere.head import give_head, held_out, train_head
from interfere.importance import analyze_importance
from interfere.objectives import Example, collate
from interfere.ranks import Ranks
from interfere.runs import Reading, labels_of, prepare_reading
from interfere.settings import GradientSettings, ImportanceSettings
from tests.checkpoint.test_heads import save_body
from tests.tasks.toy import sentences, texts, write_rows
from tests.tiny import save_tiny

SETTINGS = GradientSettings(chunks=4, head="train", head_steps=12, head_learning_rate=0.01)
TEXT, WORDS = "text-classification", "token-classification"


@pytest.fixture(scope="module")
def bodies(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bodies")
    return {kind: save_body(root / kind, kind) for kind in ("bert", "llama")}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("data")
    for language in ("de", "en"):
        write_rows(root / TEXT / f"{language}.jsonl", texts(language, 160))
        write_rows(root / WORDS / f"{language}.jsonl", sentences(language, 60))
    return {task: root / task for task in (TEXT, WORDS)}


def reading_of(body: Path, data: Path, objective: str, settings: GradientSettings = SETTINGS) -> Reading:
    return prepare_reading(body, data, objective, settings)


CASES = [("bert", "masked-lm", TEXT), ("llama", "causal-lm", TEXT), ("bert", TEXT, TEXT), ("llama", WORDS, WORDS)]


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in checkpoint.model.state_dict().items()}


def mean_loss(reading: Reading, text: dict[str, list[Example]]) -> float:
    total, predictions = 0.0, 0
    for example in (each for own in text.values() for each in own):
        with torch.no_grad():
            sums = reading.objective.loss(reading.checkpoint.model, collate([example], 0))
        total, predictions = total + float(sums.total), predictions + sums.predictions
    return total / predictions


@pytest.mark.parametrize(("kind", "objective", "text"), CASES)
def test_the_head_is_trained_and_nothing_else(tmp_path, bodies, data, kind, objective, text):
    settings = replace(SETTINGS, head_steps=60)
    reading = reading_of(bodies[kind], data[text], objective, settings)
    before = weights(reading.checkpoint)
    flags = [each.requires_grad for each in reading.checkpoint.model.parameters()]
    at_first = mean_loss(reading, held_out(reading))
    facts = give_head(reading, settings, tmp_path, Ranks()).head
    after, fresh = weights(reading.checkpoint), set(reading.checkpoint.fresh)
    tied = {id(reading.checkpoint.model.get_parameter(name)) for name in fresh}
    own = {n for n, each in reading.checkpoint.model.named_parameters(remove_duplicate=False) if id(each) in tied}
    for name, value in before.items():
        assert torch.equal(value, after[name]) == (name not in own), name
    assert [each.requires_grad for each in reading.checkpoint.model.parameters()] == flags
    assert not reading.checkpoint.model.training
    assert mean_loss(reading, held_out(reading)) < at_first
    measured = {"de": [example for slot in range(4) for example in reading.chunks["de", slot].examples]}
    assert facts["loss_after"]["de"] == pytest.approx(mean_loss(reading, measured), rel=1e-5)
    assert facts["parameters"] == sum(reading.checkpoint.model.get_parameter(name).numel() for name in fresh)


def test_the_training_is_adamw_on_the_mean_of_the_languages(bodies, data):
    reading = reading_of(bodies["bert"], data[WORDS], WORDS)
    model, fresh = reading.checkpoint.model, reading.checkpoint.fresh
    text = {language: examples[:10] for language, examples in held_out(reading).items()}
    start = weights(reading.checkpoint)
    with only_gradients_of(model, fresh) as parameters:
        trained = train_head(
            model, reading.objective, parameters, text, Microbatches(3), steps=3, learning_rate=0.02, seed=5
        )
    # The same by hand: 16 of 10 examples a language, so a whole shuffle and the beginning of the next one.
    model.load_state_dict(start)
    head = [model.get_parameter(name) for name in fresh]
    optimizer = torch.optim.AdamW(head, lr=1.0)
    random = {language: np.random.default_rng([5, 0x4EAD]) for language in text}
    order = {language: np.concatenate([random[language].permutation(10) for _ in range(5)]) for language in text}
    for step in range(3):
        optimizer.param_groups[0]["lr"] = 0.02 * (3 - step) / 3
        optimizer.zero_grad()
        losses = []
        for language, examples in text.items():
            batch = collate([examples[i] for i in order[language][16 * step : 16 * step + 16]], 0)
            logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
            losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten()))
        loss = torch.stack(losses).mean()
        loss.backward()
        assert trained.losses[step] == pytest.approx(float(loss.detach()), rel=1e-5)
        optimizer.step()
    for name in fresh:
        torch.testing.assert_close(trained.weights[name], model.get_parameter(name).detach(), rtol=1e-4, atol=1e-6)


def test_nothing_that_is_measured_is_trained_on(bodies, data):
    settings = replace(SETTINGS, tokens_per_chunk=5)
    reading = reading_of(bodies["bert"], data[TEXT], TEXT, settings)
    for language, examples in held_out(reading).items():
        trained = {example.document.text for example in examples}
        measured = {e.document.text for (name, _), c in reading.chunks.items() if name == language for e in c.examples}
        every = {document.text for document in reading.corpus.documents[language]}
        assert not trained & measured
        assert trained | measured == every


def test_masks_cover_what_there_is_to_train_on(bodies, data):
    reading = reading_of(bodies["bert"], data[TEXT], "masked-lm")
    examples = held_out(reading)["de"]
    documents = {example.document.line for example in examples}
    assert len(examples) > 2 * len(documents)


def test_the_seed_decides_bit_by_bit_and_a_second_sitting_reads_what_the_first_has_trained(tmp_path, bodies, data):
    def head(folder: str, seed: int = 0, *, language: str | None = None) -> tuple[str, dict[str, torch.Tensor]]:
        (tmp_path / folder).mkdir(exist_ok=True)
        settings = replace(SETTINGS, seed=seed)
        reading = give_head(
            reading_of(bodies["bert"], data[TEXT], TEXT, settings), settings, tmp_path / folder, Ranks()
        )
        return reading.head["sha256"], weights(reading.checkpoint)

    (first, own), (again, same) = head("a"), head("b")
    assert first == again
    assert all(torch.equal(own[name], same[name]) for name in own)
    assert head("c", seed=1)[0] != first
    written = (tmp_path / "a" / "head.safetensors").stat().st_mtime_ns
    resumed, kept = head("a")
    assert resumed == first
    assert all(torch.equal(own[name], kept[name]) for name in own)
    assert (tmp_path / "a" / "head.safetensors").stat().st_mtime_ns == written


class StoppedError(Exception):
    """A run was stopped after its head had been trained."""


def begin(body: str, data: str, folder: str) -> None:
    """Begin a run and stop it when its first chunk is done."""

    def stop(progress: Progress) -> None:
        if progress.phase == "gradients":
            raise StoppedError

    with pytest.raises(StoppedError):
        analyze_gradients(body, data, TEXT, SETTINGS, workdir=folder, progress=stop)


@pytest.mark.parametrize("process", ["this one", pytest.param("another", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_goes_on_with_the_same_head(tmp_path, bodies, data, process):
    whole = analyze_gradients(bodies["bert"], data[TEXT], TEXT, SETTINGS, workdir=tmp_path / "whole")
    place = [str(bodies["bert"]), str(data[TEXT]), str(tmp_path / "stopped")]
    if process == "another":
        program = "import sys; from tests.head.test_give_head import begin; begin(*sys.argv[1:])"
        subprocess.run([sys.executable, "-c", program, *place], check=True)
    else:
        begin(*place)
    left = load_file(tmp_path / "stopped" / "head.safetensors")
    for name, value in load_file(tmp_path / "whole" / "head.safetensors").items():
        assert torch.equal(left[name], value)
    resumed = analyze_gradients(bodies["bert"], data[TEXT], TEXT, SETTINGS, workdir=tmp_path / "stopped")
    assert resumed.model == whole.model
    for name in ("pairs", "self", "chunks"):
        assert resumed.tables[name].equals(whole.tables[name])
    other = replace(SETTINGS, head_steps=13)
    with pytest.raises(InputError, match=r"another .*settings.head_steps"):
        analyze_gradients(bodies["bert"], data[TEXT], TEXT, other, workdir=tmp_path / "stopped")


def test_the_gradient_is_that_of_the_model_under_the_trained_head(tmp_path, bodies, data):
    reading = give_head(reading_of(bodies["bert"], data[TEXT], TEXT), SETTINGS, tmp_path, Ranks())
    result = analyze_gradients(
        bodies["bert"], data[TEXT], TEXT, replace(SETTINGS, granularity="tensor"), workdir=tmp_path / "run"
    )
    assert result.model["head"] == reading.head
    model = reading.checkpoint.model
    numbers = model.config.label2id
    for slot in range(2):
        chunk = reading.chunks["de", slot]
        model.zero_grad()
        losses = []
        for example in chunk.examples:
            inputs = reading.checkpoint.tokenizer(example.document.text, return_tensors="pt")
            losses.append(model(**inputs, labels=torch.tensor([numbers[example.document.labels[0]]])).loss)
        loss = torch.stack(losses).mean()
        loss.backward()
        table = result.tables["chunks"].set_index(["language", "slot"])
        assert table.loc[("de", slot), "loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
        gram = result.arrays["euclidean/tensor"]
        square = gram[:, 0, slot, 0, slot].sum()
        body = [n for n, each in model.named_parameters() if n.startswith("bert.encoder") and each.grad is not None]
        expected = sum(float(model.get_parameter(n).grad.double().square().sum()) for n in body)
        assert square == pytest.approx(expected, rel=1e-4)


def test_the_result_says_that_the_head_was_trained_here(bodies, data):
    result = analyze_gradients(bodies["llama"], data[WORDS], WORDS, SETTINGS)
    head = result.model["head"]
    assert head["steps"] == 12
    assert set(head["loss_before"]) == set(head["loss_after"]) == {"de", "en"}
    assert result.settings["head"] == "train"
    assert any("The head was trained here" in warning for warning in result.warnings)


def test_importance_takes_a_trained_head_too(bodies, data):
    settings = ImportanceSettings(
        chunks=4, methods=("taylor", "fisher"), ablate=True, draws=2, top=0.5, head="train", head_steps=5
    )
    result = analyze_importance(bodies["bert"], data[WORDS], WORDS, settings)
    assert result.model["head"]["steps"] == 5
    assert np.isfinite(result.tables["layers"].select_dtypes("number").to_numpy()).any()
    assert any("The head was trained here" in warning for warning in result.warnings)


def test_low_precision_is_trained_in_float32(tmp_path, bodies, data):
    corpus = prepare_reading(bodies["bert"], data[TEXT], TEXT, SETTINGS).corpus
    checkpoint = load_checkpoint(
        bodies["bert"], objective=TEXT, head="train", labels=labels_of(corpus), dtype="bfloat16"
    )
    # Steps far below what bfloat16 tells apart: only sums of them in float32 move a weight.
    settings = replace(SETTINGS, head_steps=200, head_learning_rate=2e-4)
    before = weights(checkpoint)
    reading = prepare_reading(checkpoint, corpus, TEXT, settings)
    give_head(reading, settings, tmp_path, Ranks())
    after = weights(checkpoint)
    moved = (after["classifier.weight"].float() - before["classifier.weight"].float()).abs()
    assert after["classifier.weight"].dtype == torch.bfloat16
    assert float(moved.max()) > 1e-3


def test_settings_and_checkpoint_have_to_say_the_same(tmp_path, bodies, data):
    checkpoint = load_checkpoint(bodies["bert"], head="train")
    with pytest.raises(InputError, match="needs --head train"):
        prepare_reading(checkpoint, data[TEXT], "auto", GradientSettings(chunks=4))
    save_tiny(tmp_path / "whole")
    with pytest.raises(InputError, match="load the checkpoint with head='train'"):
        prepare_reading(load_checkpoint(tmp_path / "whole"), data[TEXT], "auto", SETTINGS)
    with pytest.raises(InputError, match="--head-steps is for --head train alone"):
        GradientSettings(head_steps=3)


def test_a_training_that_diverges_says_so(tmp_path, bodies, data):
    settings = replace(SETTINGS, head_learning_rate=1e30, head_steps=8)
    reading = reading_of(bodies["bert"], data[TEXT], TEXT, settings)
    with pytest.raises(RunError, match="lower --head-learning-rate"):
        give_head(reading, settings, tmp_path, Ranks())
    assert not (tmp_path / "head.safetensors").exists()
