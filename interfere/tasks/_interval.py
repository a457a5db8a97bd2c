r"""Intervals over seeds and test items at once; NumPy and SciPy only.

A score of seed s is a ratio of sums over items, R(s) = Σᵢ aₛᵢ / Σᵢ bₛᵢ, with a = 2·TP and b = 2·TP + FP + FN. Around
its estimate it is a mean over items, of yₛᵢ = R(s) + (aₛᵢ − R(s)·bₛᵢ) / b̄ₛ. All seeds are tested on the same items, so
y is a crossed table, and the interval is that of its mean (`interfere.statistics.Crossed`).

Differences between models that differ
by chance alone are called different in 2 to 5 % of cases. The interval of a score is too wide rather than too narrow
where seeds hardly matter and few items are wrong (up to 99 % for a score of 0.9 on 100 items), and covers 93 % where
seeds differ so much that scores of 0.5 and of 1 are both common.

A table in which all items agree has no variance, but a sample of n items does not say that there is none: a few
pseudo-items are added for the width and the centre of the interval, never for the estimate. For a score, two items
that are right and two that are wrong for every seed (Agresti & Coull 1998, https://doi.org/10.2307/2685469); for a
difference, half an item each way and one without (Agresti & Min 2005, https://doi.org/10.1002/sim.2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interfere.statistics import Crossed
from interfere.tasks._scores import Counts, f1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate, the 95 % interval around it, and the p-value of its being 0.

    The last three are NaN where there are fewer than 2 seeds or 2 items.
    """

    value: float
    low: float
    high: float
    p_value: float


def score_estimate(counts: Counts, level: float = 0.95) -> Estimate:
    """Mean score over seeds, with an interval over seeds and items, within 0 and 1.

    Args:
        counts: shape (S, n, 3), as of `span_counts` or `label_counts`.
        level: of the interval.

    Returns:
        The estimate; its p-value is NaN, since that a score is 0 is no question.
    """
    value = float(f1(counts).mean())
    y = _linear(counts)
    seeds = y.shape[0]
    if min(y.shape) < 2:
        return Estimate(value, float("nan"), float("nan"), float("nan"))
    # The pseudo-items weigh as the average item does, since y is in units of it.
    pseudo = np.broadcast_to([0.0, 0.0, 1.0, 1.0], (seeds, 4))
    low, high = Crossed.of(np.concatenate([y, pseudo], axis=1)).interval(level)
    return Estimate(value, float(min(max(low, 0.0), value)), float(max(min(high, 1.0), value)), float("nan"))


def difference_estimate(counts: Counts, other: Counts, level: float = 0.95) -> Estimate:
    """Mean score of one model minus that of another, over seeds and items, paired by both.

    Args:
        counts: shape (S, n, 3) of the first.
        other: of the second, on the same items, with the same seeds in the same order.
        level: of the interval.
    """
    # Seed by seed, so that equal tables give exactly 0.
    value = float((f1(counts) - f1(other)).mean())
    y = _linear(counts) - _linear(other)
    seeds = y.shape[0]
    if min(y.shape) < 2:
        return Estimate(value, float("nan"), float("nan"), float("nan"))
    # Two rows with these values have the sum of squares of half an item each way, and the count of all three.
    pseudo = np.broadcast_to([-np.sqrt(0.5), np.sqrt(0.5)], (seeds, 2))
    parts = Crossed.of(np.concatenate([y, pseudo], axis=1))
    low, high = parts.interval(level)
    return Estimate(value, float(min(low, value)), float(max(high, value)), parts.p_value())


def _linear(counts: Counts) -> Floats:
    """The table y, shape (S, n), whose means over items are the scores."""
    tp, fp, fn = np.moveaxis(counts.astype(np.float64), -1, 0)
    a, b = 2 * tp, 2 * tp + fp + fn
    score = f1(counts)[:, None]
    out: Floats = score + (a - score * b) / b.mean(axis=1, keepdims=True)
    return out
