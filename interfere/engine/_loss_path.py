"""Which of two ways to a loss is taken: the fast one where it agrees with the model's own, else the plain one."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from interfere.engine._plan import Chunk, Microbatches, example_length
from interfere.engine._store import write_json
from interfere.engine._work import (
    NonFiniteError,
    OutOfMemoryError,
    memory_errors,
    require_finite,
    square_norm,
    sum_batch,
)
from interfere.errors import InterfereError
from interfere.objectives import (
    Batch,
    Classification,
    Example,
    Objective,
    TokenObjective,
    UnlikeOthersError,
    collate,
    targets_only,
)

TOLERANCES = {torch.float32: (1e-4, 1e-3), torch.float64: (1e-6, 1e-6)}
"""How far loss and gradient may differ, relative to their size, by precision of the weights."""

_LOW_PRECISION = (1e-2, 5e-2)
_LOW_PRECISION_TOGETHER = (4e-2, 0.2)
"""The same for documents in a batch and by themselves, which few digits alone make differ by more."""

_SAMPLE = 4096
"""Numbers of a tensor's gradient that are compared, evenly spaced."""


@dataclass(frozen=True)
class LossPath:
    """How a run computes its loss.

    Args:
        name: `fast` (the head runs only where something is predicted, in pieces) or `plain`.
        reason: why it is plain; "" where it is fast.
        alone: why each document is read by itself; "" where microbatches may have several.
    """

    name: str
    reason: str = ""
    alone: str = ""


def choose_loss_path(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Iterable[Chunk],
    microbatches: Microbatches,
    folder: Path,
) -> LossPath:
    """Compare the two ways on the run's longest text and on its most padded one, in the microbatches they are read in.

    Loss and gradients of both ways are computed for one document at a time, padded as it will be, so that even the
    plain way needs no more memory than a single document's logits. Then the two are read together and each by itself:
    where that is not the same (a convolution that reads padding, experts with room for so many tokens), no microbatch
    may have more than one document.

    Args:
        model: with gradients asked for `parameters` alone.
        objective: the loss.
        parameters: by name.
        chunks: what will be read.
        microbatches: how chunks are cut.
        folder: where the choice is kept, so that a resumed run computes as it did before.

    """
    file = folder / "loss_path.json"
    if file.exists():
        return LossPath(**json.loads(file.read_text(encoding="utf-8")))
    path = _choose(model, objective, parameters, list(chunks), microbatches)
    write_json(file, asdict(path))
    return path


def _choose(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Sequence[Chunk],
    microbatches: Microbatches,
) -> LossPath:
    path = _compare(model, objective, parameters, chunks, microbatches)
    return dataclasses.replace(
        path, alone=_why_alone(model, on_path(objective, path, model), parameters, chunks, microbatches)
    )


def _why_alone(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Iterable[Chunk],
    microbatches: Microbatches,
) -> str:
    """Why documents are to be read one at a time; "" where a batch of two gives what each gives by itself."""
    weights = next(model.parameters())
    loss_tolerance, gradient_tolerance = TOLERANCES.get(weights.dtype, _LOW_PRECISION_TOGETHER)
    examples = [example for example, _ in hardest_examples(chunks, microbatches).values()]
    if microbatches.batch_size == 1 or not examples:
        return ""
    # Two at least: what mixes documents up shows only where there are several.
    rows = (examples * 2)[:2]
    try:
        own = [
            _loss_and_gradient(model, objective, collate([row], objective.pad_id, weights.device), parameters)
            for row in rows
        ]
        together = _loss_and_gradient(model, objective, collate(rows, objective.pad_id, weights.device), parameters)
    except (NonFiniteError, OutOfMemoryError):
        # The one will be reported when its chunk is computed, and the other leads to smaller microbatches.
        return ""
    except (InterfereError, UnlikeOthersError):
        raise
    except Exception as error:
        return f"the model's code raised {type(error).__name__} on two at once"
    expected = sum(loss for loss, _ in own)
    if abs(together[0] - expected) > loss_tolerance * abs(expected):
        return f"the loss of two together is {together[0]:.6g}, and {expected:.6g} of each by itself"
    summed: dict[str, torch.Tensor] = {}
    for _, gradient in own:
        for name, sample in gradient.items():
            summed[name] = summed[name] + sample if name in summed else sample
    apart = _distance(together[1], summed)
    if not apart <= gradient_tolerance:
        return f"the gradient of two together is off by {apart:.2g} of that of each by itself"
    return ""


def on_path(objective: Objective, path: LossPath, model: Any) -> Objective:
    """The objective that computes a loss in the way that was chosen."""
    if path.name == "fast" and isinstance(objective, TokenObjective):
        return targets_only(objective, model)
    return objective


def _compare(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Iterable[Chunk],
    microbatches: Microbatches,
) -> LossPath:
    if not isinstance(objective, TokenObjective):
        labels = isinstance(objective, Classification)
        return LossPath("plain", "a head for labels is small" if labels else "the loss is one of your own")
    weights = next(model.parameters())
    device = weights.device
    loss_tolerance, gradient_tolerance = TOLERANCES.get(weights.dtype, _LOW_PRECISION)
    try:
        fast = targets_only(objective, model)
        for batch in _hardest(objective, chunks, microbatches, device):
            try:
                expected = _loss_and_gradient(model, objective, batch, parameters)
            except NonFiniteError:
                # It will be reported when its chunk is computed.
                continue
            own = _loss_and_gradient(model, fast, batch, parameters)
            if abs(own[0] - expected[0]) > loss_tolerance * abs(expected[0]):
                return LossPath("plain", f"the fast path's loss is {own[0]:.6g} and the model's own {expected[0]:.6g}")
            apart = _distance(own[1], expected[1])
            if not apart <= gradient_tolerance:
                return LossPath("plain", f"the fast path's gradient is off by {apart:.2g} of the model's own")
    except UnlikeOthersError as error:
        return LossPath("plain", f"the model does not fit the fast path: {error}")
    except OutOfMemoryError:
        return LossPath("plain", "memory did not suffice to compare the fast path with the model's own loss")
    except Exception as error:
        return LossPath("plain", f"the model's code raised {type(error).__name__} on the fast path")
    return LossPath("fast")


def choose_forward_path(
    model: Any, objective: Objective, chunks: Iterable[Chunk], microbatches: Microbatches, folder: Path
) -> LossPath:
    """The same choice where no gradient is needed: losses alone are compared.

    Args:
        model: in eval mode.
        objective: the loss.
        chunks: what will be read.
        microbatches: how chunks are cut.
        folder: where the choice is kept, so that a resumed run computes as it did before.
    """
    file = folder / "loss_path.json"
    if file.exists():
        return LossPath(**json.loads(file.read_text(encoding="utf-8")))
    path = _choose(model, objective, {}, list(chunks), microbatches)
    write_json(file, asdict(path))
    return path


def hardest_examples(chunks: Iterable[Chunk], microbatches: Microbatches) -> dict[str, tuple[Example, Example]]:
    """The `longest` document and the most `padded` one, each with the longest of its microbatch; none where none is."""
    longest, padded = -1, 0
    found: dict[str, tuple[Example, Example]] = {}
    for chunk in chunks:
        lengths = [example_length(e) for e in chunk.examples]
        for rows in microbatches.plan(lengths):
            # Microbatches are sorted, so the first row is the longest and the last one the most padded.
            width, shortest = lengths[rows[0]], lengths[rows[-1]]
            first, last = chunk.examples[rows[0]], chunk.examples[rows[-1]]
            if width > longest:
                longest = width
                found["longest"] = (first, first)
            if width - shortest > padded:
                padded = width - shortest
                found["padded"] = (last, first)
    return found


def _hardest(
    objective: Objective, chunks: Iterable[Chunk], microbatches: Microbatches, device: torch.device
) -> list[Batch]:
    """The longest document and the most padded one, each alone and as wide as its microbatch."""
    found = hardest_examples(chunks, microbatches).values()
    return [_last_row(collate([longest, example], objective.pad_id, device)) for example, longest in found]


def _last_row(batch: Batch) -> Batch:
    return dataclasses.replace(
        batch,
        examples=batch.examples[-1:],
        input_ids=batch.input_ids[-1:],
        attention_mask=batch.attention_mask[-1:],
        labels=batch.labels[-1:],
    )


def _loss_and_gradient(
    model: Any, objective: Objective, batch: Batch, parameters: Mapping[str, torch.nn.Parameter]
) -> tuple[float, dict[str, torch.Tensor]]:
    """The summed loss, and a sample of every parameter's gradient: two paths that differ do so all over a tensor."""
    if not parameters:
        with torch.no_grad(), memory_errors(*batch.input_ids.shape):
            sums = objective.loss(model, batch)
        require_finite(sums, batch)
        return float(sums.per_document.double().sum()), {}
    samples: dict[str, torch.Tensor] = {}

    def take(name: str, gradient: torch.Tensor) -> None:
        # An odd step, so that not the same few columns of a matrix are hit.
        sample = gradient.reshape(-1)[:: gradient.numel() // _SAMPLE | 1].float()
        samples[name] = samples[name] + sample if name in samples else sample

    return sum_batch(model, objective, batch, parameters, take), samples


def _distance(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> float:
    """‖a − b‖ / ‖b‖."""
    apart = length = 0.0
    for name in a.keys() | b.keys():
        zeros = torch.zeros_like(a[name] if name in a else b[name])
        x, y = a.get(name, zeros), b.get(name, zeros)
        apart += square_norm(x - y)
        length += square_norm(y)
    return math.sqrt(apart / length) if length else float(apart > 0)
