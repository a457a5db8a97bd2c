"""From short matched runs to the difference at full length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from interfere.statistics._kernels import Floats


@dataclass(frozen=True)
class Extrapolation:
    """A predicted difference.

    Args:
        value: what is predicted.
        low: lower end of the interval in which the difference of a full run with as many seeds should lie.
        high: upper end.
        slope: how much it changes with each tenfold of training.
    """

    value: float
    low: float
    high: float
    slope: float


def extrapolate(lengths: Sequence[float], deltas: Floats, full: float, level: float = 0.95) -> Extrapolation:
    """Extend a line through differences of short runs, over the logarithm of their length.

    How a difference grows is not known, and it may stop growing. So the interval covers two assumptions, that it goes
    on along the line and that it stays as the longest runs have it: it reaches from the lower end of the lower
    prediction to the upper end of the higher one.

    Args:
        lengths: M different lengths of training, in updates.
        deltas: shape (S, M): of each seed.
        full: the length that is predicted for.
        level: of either prediction: for the mean of S new seeds, from the residuals of all S·M runs.

    Returns:
        The line's value, without interval where there are fewer than two residual degrees of freedom.
    """
    seeds, count = deltas.shape
    x = np.tile(np.log10(np.asarray(lengths, dtype=np.float64)), seeds)
    y = deltas.reshape(-1)
    at = float(np.log10(full))
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else 0.0
    value = float(y.mean() + slope * (at - x.mean()))
    free = len(y) - (2 if count > 1 else 1)
    if free < 2:
        return Extrapolation(value, np.nan, np.nan, slope)
    variance = float(((y - y.mean() - slope * (x - x.mean())) ** 2).sum() / free)
    ends = []
    for place in (at, float(x.max())):
        off = place - x.mean()
        leverage = 1 / len(y) + (off**2 / spread if spread > 0 else 0.0)
        half = stats.t.ppf((1 + level) / 2, free) * np.sqrt(variance * (leverage + 1 / seeds))
        ends += [y.mean() + slope * off - half, y.mean() + slope * off + half]
    return Extrapolation(value, float(min(ends)), float(max(ends)), slope)
