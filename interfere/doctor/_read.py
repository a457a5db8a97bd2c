"""Whatever of an examination needs the model to be run."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint import Checkpoint, ParameterInfo, embedding_rows
from interfere.doctor._cost import cost_checks, estimate_cost, microbatches
from interfere.doctor._gaps import Reader, compare_alone, extremes, padding_check, repeat_check
from interfere.doctor._losses import language_loss_checks, own_loss_check, peeking_check, read_languages
from interfere.doctor._text import Plan
from interfere.doctor._tokenizer import spread
from interfere.doctor._types import Check, Cost, Gap
from interfere.engine import (
    Chunk,
    LossPath,
    NonFiniteError,
    OutOfMemoryError,
    choose_loss_path,
    group_parameters,
    on_path,
    only_gradients_of,
)
from interfere.errors import InputError, RunError
from interfere.objectives import Classification, Example, Objective, TokenObjective
from interfere.settings import GradientSettings

FEW = 3
"""Documents of each language that the model reads, beside those of one microbatch."""


@dataclass
class Read:
    """What reading with the model has found.

    Args:
        checks: as far as it got.
        losses: language → mean loss of a prediction, in nats.
        guessing: the loss of guessing every token alike; None where the loss is not one of tokens.
        gaps: documents alone against in a batch.
        cost: what a run would need.
    """

    checks: list[Check] = field(default_factory=list)
    losses: Mapping[str, float] = field(default_factory=dict)
    guessing: float | None = None
    gaps: tuple[Gap, ...] = ()
    cost: Cost | None = None


def read_with(
    checkpoint: Checkpoint,
    objective: Objective,
    scope: Sequence[ParameterInfo],
    examples: Mapping[str, Sequence[Example]],
    planned: Plan,
    settings: GradientSettings,
    heard: Callable[[str], None],
) -> Read:
    """Run the model on a few documents, and check what it gives.

    Args:
        checkpoint: the model.
        objective: the loss.
        scope: the parameters whose gradients would be measured.
        examples: language → examples to choose from.
        planned: the chunks of a run.
        settings: of that run.
        heard: called with each language that has been read.

    Raises:
        InputError: settings do not fit the model.
    """
    out = Read()
    model = checkpoint.model
    every = [example for own in examples.values() for example in own]
    if not every:
        return out
    with only_gradients_of(model, [info.name for info in scope]) as parameters, _surviving(out.checks):
        path = _path(model, objective, parameters, planned, extremes(every), settings)
        out.checks.append(_path_check(path, custom=not isinstance(objective, TokenObjective)))
        layers = group_parameters(scope, "layer")
        reader = Reader(model, on_path(objective, path, model), objective, parameters, layers)
        rows = embedding_rows(model)
        out.guessing = math.log(rows) if rows and isinstance(objective, TokenObjective) else None
        if isinstance(objective, Classification):
            out.guessing = math.log(objective.classes)
        found = read_languages(reader, {name: spread(own, FEW) for name, own in examples.items()}, heard)
        out.losses = found.losses
        out.checks += language_loss_checks(found, out.guessing)
        few = extremes([example for example in every if example.language not in found.failed])
        if not few:
            return out
        out.checks.append(repeat_check(reader, few[-1]))
        out.gaps = compare_alone(reader, few)
        out.checks.append(padding_check(reader, out.gaps, few))
        out.checks.append(own_loss_check(reader, few))
        out.checks += peeking_check(reader, few, rows)
        if planned.chunks:
            out.cost = estimate_cost(reader, path, scope, planned, len(examples), settings)
            out.checks += cost_checks(out.cost, settings, reader.device)
    return out


def _path(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    planned: Plan,
    few: Sequence[Example],
    settings: GradientSettings,
) -> LossPath:
    """The way to the loss that a run would choose; by a few documents where there are no chunks."""
    chunks = list(planned.chunks.values()) or [Chunk("", 0, tuple(few), len(few), 0, 0)]
    cut = microbatches(settings, next(iter(parameters.values())).device)
    with tempfile.TemporaryDirectory(prefix="interfere-") as folder:
        return choose_loss_path(model, objective, parameters, chunks, cut, Path(folder))


def _path_check(path: LossPath, *, custom: bool) -> Check:
    if path.name == "fast":
        return Check(
            "loss-path",
            "ok",
            "Fast: the head runs only where something is predicted. Loss and gradients were compared with the plain "
            "path on the longest and the most padded document.",
        )
    return Check(
        "loss-path",
        "ok" if custom else "warn",
        f"Plain: {path.reason}. Results are those of the model's own forward; a run takes longer and more memory.",
    )


@contextmanager
def _surviving(checks: list[Check]) -> Iterator[None]:
    """Turn what a model's code raises into a check that fails; what is wrong with the settings stays an error."""
    try:
        yield
    except InputError:
        raise
    except OutOfMemoryError as error:
        sentence = f"{str(error)[:1].upper()}{str(error)[1:]}: use a smaller --max-length, or --gradient-checkpointing."
        checks.append(Check("reading", "fail", sentence))
    except (NonFiniteError, RunError) as error:
        checks.append(Check("reading", "fail", f"{str(error)[:1].upper()}{str(error)[1:]}."))
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0][:200]
        checks.append(
            Check(
                "reading",
                "fail",
                f"The model's code raised {type(error).__name__}: {first}. Checks from here on could not be made.",
            )
        )
