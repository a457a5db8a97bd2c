from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainerCallback

from interfere import GradientSettings, InterferenceCallback, analyze_gradients, checkpoint_from_model, load_result
from interfere.errors import InputError, RunError
from interfere.trajectory import _callback
from tests.tiny import tiny_pair
from tests.trajectory.training import LANGUAGES, small_trainer, texts

SMALL = GradientSettings(chunks=4, tokens_per_chunk=40)
ALWAYS = 0.99


def callback(**options: Any) -> InterferenceCallback:
    return InterferenceCallback(texts(), **{"every": 3, "budget": ALWAYS, "settings": SMALL, **options})


def without_measuring(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the training itself has logged, without the time it took."""
    timed = ("train_runtime", "train_samples_per_second", "train_steps_per_second")
    return [
        {key: value for key, value in entry.items() if key not in timed}
        for entry in history
        if not any(key.startswith("interfere/") for key in entry)
    ]


def optimizer_state(trainer: Trainer) -> list[torch.Tensor]:
    state = trainer.optimizer.state_dict()["state"]
    return [value for entry in state.values() for value in entry.values() if isinstance(value, torch.Tensor)]


# Newer versions of transformers call it activation checkpointing.
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param(
            {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}},
            id="checkpointing",
            marks=pytest.mark.slow,
        ),
        pytest.param({"bf16": True}, id="bf16", marks=pytest.mark.slow),
    ],
)
def test_a_training_is_the_same_bit_by_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    alone = small_trainer(tmp_path / "a", **options)
    alone.train()
    random_after = torch.get_rng_state()
    watched = small_trainer(tmp_path / "b", **options)
    watching = callback(
        every=2, settings=GradientSettings(chunks=4, tokens_per_chunk=40, metrics=("euclidean", "adam"))
    )
    watching.attach(watched)
    watched.train()
    assert len(watching.runs) >= 4
    assert torch.equal(torch.get_rng_state(), random_after)
    for (name, a), b in zip(alone.model.named_parameters(), watched.model.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert all(torch.equal(a, b) for a, b in zip(optimizer_state(alone), optimizer_state(watched), strict=True))
    assert without_measuring(watched.state.log_history) == without_measuring(alone.state.log_history)
    # In mixed precision weights are float32, and so are the gradients that are measured.
    assert {run.result.settings["dtype"] for run in watching.runs} == {"float32"}


class _Reporter(TrainerCallback):
    """What TensorBoard, W&B and Trackio are to a Trainer."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, float]]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        self.seen.append((state.global_step, dict(logs)))


class _Counting(Trainer):
    """A Trainer with means of its own, as those of TRL."""

    counted = 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        type(self).counted += 1
        super().log(logs, start_time)


def test_numbers_are_those_of_a_measurement_of_its_own_and_reach_every_reporter(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path, steps=6, trainer=_Counting)
    reporter = _Reporter()
    trainer.add_callback(reporter)
    watching = callback(every=6).attach(trainer)
    trainer.train()
    expected = analyze_gradients(
        checkpoint_from_model(trainer.model, trainer.processing_class), texts(), settings=SMALL
    )
    ((step, logs),) = [(step, logs) for step, logs in reporter.seen if "interfere/conflicts" in logs]
    assert step == 6
    body = expected.pairs[expected.pairs["group"] == "body"]
    for a, b, value in zip(body["a"], body["b"], body["corrected"], strict=True):
        assert logs[f"interfere/corrected/{a}-{b}"] == pytest.approx(value, rel=1e-5)
    own = expected.self_similarity[expected.self_similarity["group"] == "body"]
    for language, value in zip(own["language"], own["self_similarity"], strict=True):
        assert logs[f"interfere/self_similarity/{language}"] == pytest.approx(value, rel=1e-5)
    assert logs["interfere/conflicts"] == (body["verdict"] == "conflict").sum()
    assert 0 < logs["interfere/share_of_time"] <= 1
    assert logs["interfere/seconds"] == watching.runs[0].seconds
    assert any("interfere/conflicts" in entry for entry in trainer.state.log_history)
    # Two of the training at steps 3 and 6, and one at its end.
    assert _Counting.counted == 3


def test_second_moments_are_the_optimizers(tmp_path: Path) -> None:
    settings = GradientSettings(chunks=4, tokens_per_chunk=40, metrics=("adam",))
    trainer = small_trainer(tmp_path, steps=6)
    watching = callback(every=6, settings=settings).attach(trainer)
    trainer.train()
    state = trainer.optimizer.state_dict()["state"]
    order = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    # Kingma and Ba, algorithm 1, with the Trainer's own β₂.
    given = {names[id(p)]: state[i]["exp_avg_sq"] / (1 - 0.999**6) for i, p in enumerate(order)}
    checkpoint = checkpoint_from_model(trainer.model, trainer.processing_class)
    expected = analyze_gradients(checkpoint, texts(), settings=settings, second_moments=given)
    run = watching.runs[0]
    assert run.second_moments == "optimizer"
    assert np.allclose(run.result.pairs["corrected"], expected.pairs["corrected"], rtol=1e-4, equal_nan=True)
    from_text = analyze_gradients(checkpoint, texts(), settings=settings)
    assert not np.allclose(run.result.pairs["corrected"], from_text.pairs["corrected"], rtol=1e-2, equal_nan=True)


@pytest.mark.slow
def test_an_optimizer_without_second_moments_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = small_trainer(tmp_path, steps=4, optim="sgd")
    settings = GradientSettings(chunks=4, tokens_per_chunk=40, metrics=("adam",))
    watching = callback(every=2, settings=settings).attach(trainer)
    with caplog.at_level(logging.WARNING, logger="interfere"):
        trainer.train()
    assert [run.second_moments.split(":")[0] for run in watching.runs] == ["calibration slot"] * len(watching.runs)
    assert sum("SGD keeps no second moments" in record.message for record in caplog.records) == 1
    assert "SGD" in watching.result().settings["second_moments"]


def test_a_failure_is_one_warning_and_the_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(checkpoint: Any, *_: Any, **__: Any) -> None:
        checkpoint.model.eval()
        torch.rand(5)
        for parameter in checkpoint.model.parameters():
            parameter.requires_grad_(False)
        raise RuntimeError("no such luck")

    alone = small_trainer(tmp_path / "a", steps=6)
    alone.train()
    watched = small_trainer(tmp_path / "b", steps=6)
    watching = callback(every=1).attach(watched)
    monkeypatch.setattr(_callback, "analyze_gradients", fail)
    with caplog.at_level(logging.WARNING, logger="interfere"):
        watched.train()
    (message,) = [record.message for record in caplog.records if "no such luck" in record.message]
    assert "training goes on" in message
    assert all(torch.equal(a, b) for a, b in zip(alone.model.parameters(), watched.model.parameters(), strict=True))
    with pytest.raises(RunError, match="nothing was measured"):
        watching.result()


def test_gradients_that_set_something_off_are_not_formed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = small_trainer(tmp_path, steps=2)
    watching = callback(every=1).attach(trainer)
    seen: list[int] = []
    parameter = next(trainer.model.parameters())
    parameter.register_post_accumulate_grad_hook(lambda _: seen.append(trainer.state.global_step))
    with caplog.at_level(logging.WARNING, logger="interfere"):
        trainer.train()
    assert watching.runs == []
    assert len(seen) == 4  # two batches in each of two steps
    assert any("has a hook on its gradient" in record.message for record in caplog.records)


class Clock:
    """A second for each step of the training; a measurement takes what it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class _Ticking(TrainerCallback):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.clock.now += 1.0


@pytest.mark.parametrize(
    ("budget", "least", "most"),
    [
        pytest.param(0.1, 1, 4, marks=pytest.mark.slow),
        (0.25, 10, 13),
        pytest.param(0.9, 19, 20, marks=pytest.mark.slow),
    ],
)
def test_the_budget_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, least: int, most: int
) -> None:
    clock = Clock()
    measure = _callback.analyze_gradients
    done: dict[str, Any] = {}

    def take_a_second(*arguments: Any, **options: Any) -> Any:
        clock.now += 1.0
        if not done:
            done["result"] = measure(*arguments, **{**options, "progress": None})
        return done["result"]

    monkeypatch.setattr(_callback, "analyze_gradients", take_a_second)
    trainer = small_trainer(tmp_path, steps=40, gradient_accumulation_steps=1)
    trainer.add_callback(_Ticking(clock))
    watching = callback(every=2, budget=budget, clock=clock).attach(trainer)
    trainer.train()
    spent = float(len(watching.runs))
    assert least <= len(watching.runs) <= most
    assert spent / (40 + spent) <= budget
    assert len(watching.runs) + len(watching.skipped) == 20
    shares = [entry["interfere/share_of_time"] for entry in trainer.state.log_history if "interfere/seconds" in entry]
    assert max(shares) <= budget
    skipped = [entry for entry in trainer.state.log_history if "interfere/skipped" in entry]
    assert len(skipped) == len(watching.skipped)


def test_a_budget_that_allows_nothing_says_what_would_be_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = small_trainer(tmp_path, steps=6)
    watching = callback(every=2, budget=1e-6).attach(trainer)
    with caplog.at_level(logging.WARNING, logger="interfere"):
        trainer.train()
    assert watching.skipped == [2, 4, 6]
    (message,) = [record.message for record in caplog.records if "measured nothing" in record.message]
    assert "Give more budget" in message


@pytest.mark.slow
def test_a_measurement_that_turns_out_dear_stops_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = small_trainer(tmp_path, steps=30, gradient_accumulation_steps=1)
    # Four steps' time is room enough to begin, and not for 3 languages × 8 chunks.
    settings = GradientSettings(chunks=8, tokens_per_chunk=100, mask_passes=4)
    watching = callback(every=10, budget=0.3, settings=settings).attach(trainer)
    with caplog.at_level(logging.WARNING, logger="interfere"):
        trainer.train()
    assert watching._budget.share_spent < 0.7
    assert len(watching.runs) < 3
    assert watching.skipped


@pytest.mark.slow
def test_what_was_measured_is_a_run_directory(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "t", steps=6)
    watching = callback(every=3).attach(trainer)
    trainer.train()
    result = load_result(watching.save(tmp_path / "run"))
    assert result.kind == "trajectory"
    assert list(result.tables["checkpoints"]["step"]) == [3, 6]
    assert (tmp_path / "run" / "report.html").is_file()
    assert result.tables["checkpoints"]["seconds"].notna().all()


def test_it_wants_a_trainer_that_it_can_measure(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path, steps=1)
    trainer.add_callback(callback())
    with pytest.raises(InputError, match=r"attach\(trainer\)"):
        trainer.train()
    trainer = small_trainer(tmp_path, steps=1)
    trainer.processing_class = None
    with pytest.raises(InputError, match="needs the tokenizer"):
        callback().attach(trainer)
    _, tokenizer = tiny_pair("bert")
    watching = callback(tokenizer=tokenizer).attach(trainer)
    assert trainer.callback_handler.callbacks.count(watching) == 1
    assert watching.attach(trainer) is watching
    assert trainer.callback_handler.callbacks.count(watching) == 1
    trainer.is_fsdp_enabled = True
    with pytest.raises(InputError, match="one process, and this one uses FSDP"):
        callback().attach(trainer)


def test_what_is_wrong_is_said_before_the_training(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path, steps=1)
    with pytest.raises(InputError, match="every 0"):
        callback(every=0)
    with pytest.raises(InputError, match="budget 2"):
        callback(budget=2)
    with pytest.raises(InputError, match="adam_state"):
        callback(settings=GradientSettings(metrics=("adam",), adam_state="x"))
    with pytest.raises(InputError, match="xx"):
        callback(languages=["de", "xx"])
    with pytest.raises((InputError, RunError), match="chunks"):
        callback(settings=GradientSettings(chunks=100)).attach(trainer)


def test_without_accelerate_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_callback, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"interfere-nlp\[tasks\]"):
        callback()


def test_languages_with_names_that_mean_something(tmp_path: Path) -> None:
    own = dict(zip(["a/b", "=x\n", "<i>"], texts().values(), strict=True))
    trainer = small_trainer(tmp_path, steps=2)
    try:
        watching = InterferenceCallback(own, every=2, budget=ALWAYS, settings=SMALL).attach(trainer)
    except InputError:
        return  # refused as the name of a language, which is as well
    trainer.train()
    keys = [key for entry in trainer.state.log_history for key in entry if key.startswith("interfere/corrected/")]
    assert len(keys) == 3 * len(watching.runs)
    assert all(key.count("/") == 2 and key.isprintable() for key in keys)


def test_accumulated_gradients_are_left_alone(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path)
    watching = callback().attach(trainer)
    model = trainer.model
    model.train()
    parameters = list(model.parameters())
    for parameter in parameters[::2]:
        parameter.grad = torch.randn_like(parameter)
    before = [None if p.grad is None else (p.grad, p.grad.clone()) for p in parameters]
    watching._measure(model, None, 1)
    for parameter, kept in zip(parameters, before, strict=True):
        if kept is None:
            assert parameter.grad is None
        else:
            assert parameter.grad is kept[0]
            assert torch.equal(parameter.grad, kept[1])
    assert model.training
    assert len(LANGUAGES) == len(watching._corpus.languages)
