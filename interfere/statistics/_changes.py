r"""What changed between two checkpoints that read the same slots of text.

Both runs have the same documents in slot k, so that what is peculiar to a slot is in both of their numbers and largely
drops out of the difference. Each statistic T is, to first order, the mean over pairs of different slots of a symmetric
kernel h, its linearisation (`interfere.statistics._kernels`). The difference of two runs is then linearised by

    h(k, k′) = h_after(k, k′) − h_before(k, k′),

the kernel of one U-statistic over the slots, and its variance is that of every other here: v = max(v_jack − v_nn, v_nn)
for intervals and the unreduced jackknife for tests, times K/(K−1) where what a kernel is divided by is estimated from
the same slots. Deleting a slot deletes it from both runs. A run against itself has h = 0: difference and width are
exactly 0.

The error of a sketch comes on top. Two runs of one seed use the same sketch, whose errors have a covariance that the
stored Grams do not tell; |cov| ≤ σ_before σ_after in any case, so (σ_before + σ_after)² is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from interfere.statistics._kernels import Floats, Kernel, combine, strict_variance, variance
from interfere.statistics._pair import ROUNDING, t_quantile
from interfere.statistics._verdicts import UNDETERMINED, q_values

HIGHER, LOWER, SAME = "higher", "lower", "same"


@dataclass(frozen=True)
class Linearised:
    """A statistic of one run.

    Args:
        value: (G,); NaN where it is not defined.
        kernel: its linearisation over slots; the mean of the kernel is not read.
        ratio: whether the kernel is divided by estimates from the same slots.
        sketch: (G,) the variance that a sketch adds.
    """

    value: Floats
    kernel: Kernel
    ratio: bool
    sketch: Floats | float = 0.0


@dataclass(frozen=True)
class Change:
    """A statistic of two runs, each field (G,).

    Args:
        before: in the first run.
        after: in the second.
        difference: after − before.
        low: lower end of the interval of the difference; NaN with fewer than four slots.
        high: upper end.
        p_value: of a difference of 0; NaN likewise.
    """

    before: Floats
    after: Floats
    difference: Floats
    low: Floats
    high: Floats
    p_value: Floats


def change(before: Linearised, after: Linearised, confidence: float = 0.95) -> Change:
    """The difference of a statistic between two runs of the same slots.

    Args:
        before: the statistic in the first run.
        after: in the second.
        confidence: of the interval, a t interval at K−1 degrees of freedom.
    """
    difference = after.value - before.value
    both = combine((1.0, after.kernel), (-1.0, before.kernel))
    unknown = np.full(difference.shape, np.nan)
    if both.centred is None:
        return Change(before.value, after.value, difference, unknown, unknown, unknown)
    slots = both.slots
    sketch = (np.sqrt(before.sketch) + np.sqrt(after.sketch)) ** 2
    factor = slots / (slots - 1) if before.ratio or after.ratio else 1.0
    # Equal gradients have equal sketches, whose errors are one.
    equal = (difference == 0) & (both.centred == 0).all(axis=(-1, -2)) & (both.rows == 0).all(axis=-1)
    error = np.maximum(np.sqrt(variance(both).total * factor + sketch), ROUNDING)
    half = np.where(equal, 0.0, t_quantile(slots, confidence) * error)
    tested = np.maximum(np.sqrt(strict_variance(both).total + sketch), ROUNDING)
    p_value = np.where(equal, 1.0, 2 * stats.t.sf(np.abs(difference) / tested, slots - 1))
    known = np.isfinite(difference)
    return Change(
        before.value,
        after.value,
        difference,
        np.where(known, difference - half, np.nan),
        np.where(known, difference + half, np.nan),
        np.where(known, p_value, np.nan),
    )


@dataclass(frozen=True)
class Influence:
    """The difference of a number that is a ratio of sums over independent parts of the text, as a single estimate.

    Args:
        difference: after − before.
        low: lower end of its interval; NaN where there are too few parts.
        high: upper end.
        p_value: of a difference of 0; NaN likewise.
    """

    difference: float
    low: float
    high: float
    p_value: float


def from_influence(difference: float, parts: Floats, least: int, confidence: float = 0.95) -> Influence:
    """The interval of a difference from what each part of the text adds to its deviation.

    Args:
        difference: after − before.
        parts: shape (N,): of each independent part, the sum of the linearised terms of both runs, after − before.
        least: parts below which there is no interval.
        confidence: of the interval.

    The variance is N/(N−1) Σ parts², with a t quantile at N−1 degrees of freedom (Cochran 1977, "Sampling Techniques",
    ch. 6).
    """
    n = len(parts)
    if n < least or not np.isfinite(difference):
        return Influence(difference, np.nan, np.nan, np.nan)
    error = float(np.sqrt((parts**2).sum() * n / (n - 1)))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    p = float(2 * stats.t.sf(abs(difference) / error, n - 1)) if error > 0 else float(difference == 0)
    return Influence(difference, difference - half, difference + half, p)


def ratio_influence(sums: Floats, sizes: Floats) -> tuple[float, Floats]:
    """Σ sums / Σ sizes, and what each part adds to its deviation, shape (N,)."""
    total = sizes.sum()
    ratio = float(sums.sum() / total) if total > 0 else float("nan")
    return ratio, (sums - ratio * sizes) / (total if total > 0 else np.nan)


def judge_changes(
    low: Floats, high: Floats, difference: Floats, p_value: Floats, margin: float, alpha: float
) -> tuple[Floats, list[str], list[str]]:
    """q-values, verdicts and reasons of one family of differences, each of shape (N,).

    `higher` and `lower` need q ≤ alpha; `same` an interval within ±margin, or no interval wider than 0 at all. The
    reason is empty where there is a verdict, and where there is no p-value: why is for the caller to say.
    """
    q = q_values(p_value)
    verdicts, reasons = [], []
    for i in range(len(q)):
        if q[i] <= alpha and difference[i] != 0:
            verdict, reason = (HIGHER if difference[i] > 0 else LOWER), ""
        elif low[i] >= -margin and high[i] <= margin:
            verdict, reason = SAME, ""
        else:
            verdict, reason = UNDETERMINED, ""
            if p_value[i] <= alpha:
                reason = f"clear of 0 by itself, but not as one of {int(np.isfinite(q).sum())} tested (q > {alpha:g})"
            elif np.isfinite(p_value[i]):
                reason = f"neither surely different from 0 nor surely within ±{margin:g}"
        verdicts.append(verdict)
        reasons.append(reason)
    return q, verdicts, reasons
