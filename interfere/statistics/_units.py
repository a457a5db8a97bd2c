"""Scores of units, slot by slot, and what is done with them before languages are compared.

Slots are halved: the even ones are half a, the odd ones half b. What is picked on one half is judged on the other, and
two languages are compared across halves, so that a language's own other half is a fair ceiling: both share no document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats

OF_METHOD = {"activation": ("neuron",), "gates": ("head", "kv", "neuron")}
"""The kinds of units that a method scores, where it does not score all."""

ABSOLUTE = ("activation", "gates")
"""Methods whose scores are probabilities and are compared as they are; others are compared as shares of their layer."""


@dataclass(frozen=True)
class UnitGroup:
    """Units of one kind in one layer, which stand together in the vector of all units.

    Args:
        layer: `encoder.3`.
        block: `attention`, `cross-attention` or `mlp`.
        kind: `head`, `kv`, `neuron`, `block` or `tensor`.
        start: the first one's place.
        count: how many.
    """

    layer: str
    block: str
    kind: str
    start: int
    count: int

    @property
    def where(self) -> slice:
        """The places of its units."""
        return slice(self.start, self.start + self.count)


def halves(slots: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slots of half a and of half b."""
    return np.arange(0, slots, 2), np.arange(1, slots, 2)


def shares(scores: Floats, groups: Sequence[UnitGroup]) -> Floats:
    """Scores as shares of those of the same group, for each language and slot.

    Args:
        scores: shape (…, units).
        groups: of units; places of no group are NaN.
    """
    out = np.full_like(scores, np.nan)
    for group in groups:
        own = scores[..., group.where]
        total = own.sum(axis=-1, keepdims=True)
        # Nothing is the share of nothing; languages without numbers stay NaN.
        out[..., group.where] = own / np.where(total == 0, 1.0, total)
    return out


def comparable(scores: Floats, method: str, groups: Sequence[UnitGroup]) -> Floats:
    """Scores that can be compared between languages: probabilities as they are, others as shares of their layer."""
    return scores if method in ABSOLUTE else shares(scores, groups)


def scored_groups(method: str, groups: Sequence[UnitGroup]) -> list[UnitGroup]:
    """The groups of units that a method scores."""
    return [group for group in groups if group.kind in OF_METHOD.get(method, (group.kind,))]


def top_count(count: int, q: float) -> int:
    """How many of `count` units are the top share q; never all of them."""
    return min(int(q * count + 0.5), count - 1)


def top(values: Floats, count: int) -> NDArray[np.bool_]:
    """Which values are among the `count` largest along the last axis; ties go to the first."""
    order = np.argsort(-values, axis=-1, kind="stable")
    out = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(out, order[..., :count], True, axis=-1)
    return out


def jackknife(values: Floats, axis: int = 0) -> Floats:
    """Half the width of a 95 % interval from leave-one-out values; NaN from fewer than four.

    Args:
        values: leave-one-out estimates along `axis`.
    """
    n = values.shape[axis]
    if n < 4:
        return np.full(np.delete(values.shape, axis), np.nan)
    variance = (n - 1) / n * ((values - values.mean(axis=axis, keepdims=True)) ** 2).sum(axis=axis)
    half: Floats = stats.t.ppf(0.975, n - 1) * np.sqrt(variance)
    return half
