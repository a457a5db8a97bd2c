"""`InterferenceCallback`: gradient conflict while transformers' Trainer trains, within a budget of time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from interfere.checkpoint import Checkpoint, map_parameters, scoped_parameters
from interfere.corpus import Corpus, read_corpus, require_languages
from interfere.errors import InputError, RunError
from interfere.gradients import analyze_gradients
from interfere.objectives import LossFunction
from interfere.results import Result
from interfere.runs import prepare_reading
from interfere.settings import GradientSettings
from interfere.trajectory._budget import MARGIN, Budget, TooLongError, Watch
from interfere.trajectory._join import Measured, join_runs
from interfere.trajectory._optimizer import live_second_moments
from interfere.trajectory._points import TrainingPoint
from interfere.trajectory._trained import (
    as_checkpoint,
    own_precision,
    plain_model,
    require_alone,
    require_plain_gradients,
)
from interfere.trajectory._undisturbed import undisturbed
from interfere.trajectory._values import PREFIX, logged_values

_log = logging.getLogger(__name__)

DEFAULT = GradientSettings(chunks=8, tokens_per_chunk=256, memory_budget=256 * 1024**2)
"""What is measured if nothing else is asked for: an eighth of the text of a run of its own."""

_FIRST = 4.0
"""Training steps that must fit the budget before the first measurement is tried, which stops itself if it is dearer."""

_NOT_ATTACHED = (
    "InterferenceCallback cannot log: callbacks do not know their Trainer. Make the Trainer without it, and call "
    "InterferenceCallback(...).attach(trainer) before trainer.train()"
)


class InterferenceCallback(TrainerCallback):
    """Measures gradient conflict between languages while a model is trained, and logs it through the Trainer.

    Every so many steps the gradients of all languages are compared on text of yours, as `analyze_gradients` does, and
    corrected cosines, counts of conflicts and self-similarities go where the Trainer's own logs go: its log history,
    TensorBoard, W&B, Trackio. Weights, gradients, the optimizer, random numbers and the order of the data stay as they
    are, so that the training gives the same model, bit by bit, as without. A measurement that fails is a warning and
    never the end of a training.

    The time that measuring takes is measured, and kept below a share of that of the training: a measurement that does
    not fit is left out and logged as skipped. One that turns out dearer than expected stops itself, so that the share
    is exceeded by the time of a chunk at most, until the training has caught up.

    Args:
        texts: from `read_corpus`, a folder of one file a language, or language → texts; best text that is not trained
            on. None: the bundled corpus.
        every: steps of the optimizer from one measurement to the next.
        budget: share of the training's time that may be spent, measuring included.
        languages: only these; None: all.
        settings: see `GradientSettings`; with the metric `adam` the optimizer's own second moments are used. None:
            8 chunks of 256 predicted tokens per language.
        objective: as for `analyze_gradients`.
        tokenizer: None: the Trainer's `processing_class`.
        clock: seconds, for tests.

    Raises:
        InputError: text or settings are wrong, or accelerate is not installed.
    """

    def __init__(
        self,
        texts: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
        *,
        every: int = 500,
        budget: float = 0.02,
        languages: Sequence[str] | None = None,
        settings: GradientSettings | None = None,
        objective: str | LossFunction = "auto",
        tokenizer: Any = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if find_spec("accelerate") is None:
            raise InputError("transformers' Trainer needs the extra `tasks`: pip install 'interfere-nlp[tasks]'")
        if every < 1:
            raise InputError(f"every {every}: give the steps from one measurement to the next, at least 1")
        settings = DEFAULT if settings is None else settings
        if settings.shard or settings.adam_state is not None:
            raise InputError("settings: shard and adam_state are for checkpoints, not for a training")
        self.every = every
        self.settings = settings
        self.runs: list[Measured] = []
        """What was measured so far, by step."""
        self.skipped: list[int] = []
        """Steps at which a measurement was due and did not fit the budget."""
        self._corpus = read_corpus(texts, languages)
        require_languages(self._corpus)
        self._objective = objective
        self._tokenizer = tokenizer
        self._clock = clock
        self._share = budget
        self._budget = Budget(budget, clock)
        self._trainer: Any = None
        self._checkpoint: Checkpoint | None = None
        self._expected: float | None = None
        self._began = 0
        self._failure = ""
        self._moments_reason = ""

    def attach(self, trainer: Any) -> InterferenceCallback:
        """Measure this Trainer's training; call it before `trainer.train()`.

        Returns:
            Itself.

        Raises:
            InputError: the training is spread over processes, or there is no tokenizer.
            RunError: there is not enough text, or the tokenizer is not the model's.
        """
        require_alone(trainer)
        if self._tokenizer is None:
            self._tokenizer = trainer.processing_class
        if self._tokenizer is None:
            raise InputError(
                "InterferenceCallback needs the tokenizer: give the Trainer a processing_class, or give "
                "InterferenceCallback(..., tokenizer=...)"
            )
        model = plain_model(trainer.model)
        with undisturbed(model):
            # What is wrong with text, tokenizer or settings is said before the training, and not in its middle.
            self._checkpoint = as_checkpoint(model, self._tokenizer, self._named_objective, None)
            prepare_reading(self._checkpoint, self._corpus, self._objective, self.settings, calibration=True)
        self._trainer = trainer
        if self not in trainer.callback_handler.callbacks:
            trainer.add_callback(self)
        return self

    def result(self) -> Result:
        """All that was measured in the training so far, as `analyze_trajectory` gives it.

        Raises:
            RunError: nothing was measured.
        """
        if not self.runs:
            raise RunError("nothing was measured yet: give more budget or fewer steps in between, or train for longer")
        more = {"every": self.every, "budget": self._share, "share_of_time": self._budget.share_spent}
        return join_runs(self.runs, "InterferenceCallback", {**more, "skipped": len(self.skipped)})

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write what `result` gives as a run directory, with tables, figures and page.

        Raises:
            RunError: nothing was measured.
            InputError: the directory exists and `overwrite` is not set.
        """
        return self.result().save(directory, overwrite=overwrite)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to count time."""
        if self._trainer is None:
            raise InputError(_NOT_ATTACHED)
        self._budget = Budget(self._share, self._clock)
        self.runs, self.skipped, self._failure = [], [], ""
        self._expected, self._began = None, int(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure, if it is time to and there is time for it."""
        step = int(state.global_step)
        if step % self.every:
            return
        model = plain_model(kwargs["model"])
        _wait_for(model)
        if not self._budget.allows(self._needed(step)):
            self._skip(step)
            return
        seconds = 0.0
        try:
            with self._budget.measuring():
                try:
                    run = self._measure(model, kwargs.get("optimizer"), step)
                finally:
                    _wait_for(model)
                    seconds = self._budget.used
        except TooLongError as stopped:
            self._expected = stopped.expected
            self._skip(step)
        except Exception as error:
            # Whatever goes wrong in a measurement, it must not end a training.
            self._expected = max(seconds, self._expected or 0.0)
            if not self._failure:
                _log.warning("interfere could not measure at step %d, training goes on: %s", step, error)
            self._failure = str(error)
        else:
            self._expected = seconds
            self.runs.append(replace(run, seconds=seconds))
            self._tell({**logged_values(run.result), f"{PREFIX}/seconds": seconds})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say so if nothing could be measured."""
        if self.runs or self._failure or not self.skipped:
            return
        budget = self._budget
        if self._expected is None:
            what = f"the training took {budget.elapsed:.3g} s, in which there is no room to try a measurement"
        else:
            what = (
                f"one takes about {self._expected:.3g} s, for which the training would have to take "
                f"{budget.needed(MARGIN * self._expected):.3g} s and took {budget.elapsed:.3g} s"
            )
        _log.warning(
            "interfere measured nothing within a budget of %g%% of the time: %s. Give more budget, fewer languages, or "
            "settings with fewer chunks or tokens_per_chunk.",
            100 * self._share,
            what,
        )

    def _needed(self, step: int) -> float:
        """Seconds that there must be room for before a measurement is begun."""
        if self._expected is not None:
            return self._expected
        trained = self._budget.elapsed - self._budget.spent
        return _FIRST * trained / max(step - self._began, 1)

    def _skip(self, step: int) -> None:
        self.skipped.append(step)
        self._tell({f"{PREFIX}/skipped": float(len(self.skipped))})

    def _measure(self, model: Any, optimizer: Any, step: int) -> Measured:
        require_plain_gradients(model)
        with undisturbed(model), own_precision(model):
            self._checkpoint = as_checkpoint(model, self._tokenizer, self._named_objective, self._checkpoint)
            settings = self.settings
            if any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
                # Whoever trains like this has no memory for anything else; it changes no result.
                settings = replace(settings, gradient_checkpointing=True)
            moments, source = self._second_moments(model, optimizer)
            result = analyze_gradients(
                self._checkpoint,
                self._corpus,
                self._objective,
                settings,
                second_moments=moments,
                progress=Watch(self._budget),
                command="InterferenceCallback",
            )
        point = TrainingPoint(self._checkpoint.id, step=step, name=f"step {step}", step_from="given")
        return Measured(point, result, source)

    @property
    def _named_objective(self) -> str:
        return self._objective if isinstance(self._objective, str) else "auto"

    def _second_moments(self, model: Any, optimizer: Any) -> tuple[dict[str, torch.Tensor] | None, str]:
        if "adam" not in self.settings.metrics:
            return None, ""
        names = list(scoped_parameters(map_parameters(model), self.settings.scope))
        moments, reason = live_second_moments(optimizer, model, names)
        if moments is not None:
            return moments, "optimizer"
        if reason != self._moments_reason:
            _log.warning("interfere takes second moments from held-out text: %s", reason)
            self._moments_reason = reason
        return None, f"calibration slot: {reason}"

    def _tell(self, values: Mapping[str, float]) -> None:
        """Log through the Trainer, and leave what it is about to do as it was."""
        from transformers import Trainer

        logs = {**values, f"{PREFIX}/share_of_time": self._budget.share_spent}
        control = self._trainer.control
        due = control.should_log
        # Not the log of a subclass, which may put its own means into these lines and start to count anew.
        Trainer.log(self._trainer, logs)
        # It would take these lines for those of the training that are due at this step.
        control.should_log = self._trainer.control.should_log = due


def _wait_for(model: Any) -> None:
    """What was begun on a GPU is part of what was done before."""
    device = next(model.parameters()).device
    if device.type == "cuda":
        torch.cuda.synchronize(device)
