"""Whether a document's gradient depends on what it is read together with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interfere.doctor._types import Check, Gap
from interfere.engine import Group
from interfere.engine._work import square_norm, sum_batch
from interfere.objectives import IGNORE, Batch, Example, Objective, TokenObjective, collate

LIMITS = {torch.float32: (1e-4, 1e-3), torch.float64: (1e-7, 1e-6)}
"""Relative differences from which on there is a warning, and a failure, by precision of the weights. Gradients that are
the same agree to 5e-6 in float32 on the small models of the tests; larger ones round more often."""

_LOW_PRECISION = (2e-2, 1e-1)

_NUMBERS = 1 << 16
"""About how many numbers of a larger tensor's gradient are compared, evenly spaced."""

BODY = "body"
_FLOOR = 1e-3

Sample = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Reader:
    """A model with what is needed to form its gradients.

    Args:
        model: in eval mode, with gradients asked for `parameters` alone.
        objective: the loss, on the path that a run would take.
        plain: the same on the plain path.
        parameters: by name, in scope.
        groups: layers.
    """

    model: Any
    objective: Objective
    plain: Objective
    parameters: Mapping[str, torch.nn.Parameter]
    groups: Sequence[Group]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(iter(self.parameters.values())).device

    @property
    def limits(self) -> tuple[float, float]:
        """Relative differences of gradients that are warned of, and that fail."""
        return LIMITS.get(next(iter(self.parameters.values())).dtype, _LOW_PRECISION)

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Examples in a batch, as a run pads them."""
        return collate(examples, self.objective.pad_id, self.device)

    def gradient(self, batch: Batch) -> Sample:
        """Numbers of the gradient of a batch's summed loss.

        Raises:
            NonFiniteError: the loss is no number.
            OutOfMemoryError: memory does not suffice.
        """
        samples: Sample = {}

        def take(name: str, gradient: torch.Tensor) -> None:
            # An odd step, so that not the same few columns of a matrix are hit.
            step = 1 if gradient.numel() <= _NUMBERS else gradient.numel() // _NUMBERS | 1
            sample = gradient.detach().reshape(-1)[::step].float().cpu()
            samples[name] = samples[name] + sample if name in samples else sample

        sum_batch(self.model, self.objective, batch, self.parameters, take)
        return samples


def extremes(examples: Sequence[Example]) -> list[Example]:
    """Four documents, or as many as there are: the longest, the shortest, and two between; the longest first."""
    ordered = sorted(examples, key=lambda example: -len(example.input_ids))
    if len(ordered) <= 4:
        return ordered
    last = len(ordered) - 1
    return [ordered[0], ordered[last // 3], ordered[2 * last // 3], ordered[last]]


def compare_alone(reader: Reader, examples: Sequence[Example]) -> tuple[Gap, ...]:
    """Gradients of the longest and the shortest of several documents, alone and in a batch of all of them.

    Which document's gradient a batch gives is chosen by its labels: the others are read and predict nothing. A loss of
    the user's own may not know that, so there the batch is compared with the sum of its documents.
    """
    batch = reader.batch(examples)
    if not isinstance(reader.plain, TokenObjective):
        total: Sample = {}
        for example in examples:
            for name, value in reader.gradient(reader.batch([example])).items():
                total[name] = total[name] + value if name in total else value
        return _differences("all documents", reader.gradient(batch), total, reader.groups)
    rows = {"longest": 0, "shortest": len(examples) - 1}
    out: list[Gap] = []
    for which, row in rows.items():
        example = examples[row]
        alone = reader.gradient(reader.batch([example]))
        words = f"{which} ({len(example.input_ids)} tokens, {example.language})"
        out += _differences(words, reader.gradient(_only(batch, row)), alone, reader.groups)
    return tuple(out)


def padding_check(reader: Reader, gaps: Sequence[Gap], examples: Sequence[Example]) -> Check:
    """Whether batches change gradients, and if so by what.

    Args:
        reader: the model.
        gaps: as `compare_alone` found them.
        examples: the documents that were compared.
    """
    warn, fail = reader.limits
    worst = max(gaps, key=lambda gap: gap.difference)
    value = worst.difference
    lengths = f"{len(examples)} documents of {len(examples[-1].input_ids)} to {len(examples[0].input_ids)} tokens"
    text = (
        f"In a padded batch of {lengths}, a document's gradient is within {value:.1e} of its gradient alone "
        f"({worst.document}, {worst.group})"
    )
    if value <= warn:
        return Check("padding", "ok", f"{text}.", value, fail)
    if value <= fail:
        return Check(
            "padding", "warn", f"{text}, which is more than rounding. Compare with --batch-size 1.", value, fail
        )
    # Another text of the same length, so that nothing is padded.
    other = dataclasses.replace(examples[0], input_ids=examples[0].input_ids[::-1])
    twins = reader.batch([examples[0], other])
    alone = reader.gradient(reader.batch(examples[:1]))
    together = _distance(reader.gradient(_only(twins, 0)), alone, list(alone), 0.0)
    cause = (
        "It changes without padding too, beside a text of the same length: documents share something, such as the "
        "capacity of experts or statistics of the batch."
        if isinstance(reader.plain, TokenObjective) and together > fail
        else "Beside a text of the same length it does not, so it is the padding: the attention mask is "
        "not heeded, or positions are counted from it."
    )
    return Check(
        "padding",
        "fail",
        f"A document's gradient in a padded batch is off by {value:.1e} of its gradient alone ({worst.document}, "
        f"{worst.group}). {cause} Results would depend on --batch-size; use --batch-size 1.",
        value,
        fail,
    )


def repeat_check(reader: Reader, example: Example) -> Check:
    """Whether the same document gives the same gradient twice."""
    warn, fail = reader.limits
    batch = reader.batch([example])
    first, second = reader.gradient(batch), reader.gradient(batch)
    value = _distance(second, first, list(first), 0.0)
    if value <= warn:
        same = "the same gradient" if value == 0 else f"gradients that agree to {value:.1e}"
        return Check("determinism", "ok", f"One document read twice gives {same}.", value, fail)
    return Check(
        "determinism",
        "fail" if value > fail else "warn",
        f"One document read twice gives gradients that differ by {value:.1e}, in eval mode: something is drawn at "
        "random in the forward, such as dropout that is always on. No cosine can be trusted before it is off.",
        value,
        fail,
    )


def _only(batch: Batch, row: int) -> Batch:
    """The same batch, in which one row predicts."""
    labels = torch.full_like(batch.labels, IGNORE)
    labels[row] = batch.labels[row]
    return dataclasses.replace(batch, labels=labels)


def _differences(document: str, found: Sample, expected: Sample, groups: Sequence[Group]) -> tuple[Gap, ...]:
    names = sorted(found.keys() | expected.keys())
    floor = _FLOOR * _norm(expected, names)
    return (
        Gap(document, BODY, _distance(found, expected, names, 0.0)),
        *(Gap(document, group.name, _distance(found, expected, group.tensors, floor)) for group in groups),
    )


def _distance(a: Sample, b: Sample, names: Sequence[str], floor: float) -> float:
    """‖a − b‖ / (‖b‖ + floor) over some tensors."""
    apart = 0.0
    for name in names:
        if name in a or name in b:
            zeros = torch.zeros_like(a[name] if name in a else b[name])
            apart += square_norm(a.get(name, zeros) - b.get(name, zeros))
    size = _norm(b, names) + floor
    return math.sqrt(apart) / size if size else float(apart > 0)


def _norm(sample: Sample, names: Sequence[str]) -> float:
    return math.sqrt(sum(square_norm(sample[name]) for name in names if name in sample))
