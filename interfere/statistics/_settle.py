"""How many more tokens would settle a pair that is undetermined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats, Variance

_MOST_SLOTS = 10_000_000


@dataclass(frozen=True)
class Unsettled:
    """What is known of N rows that are undetermined.

    Args:
        corrected: (N,) corrected cosine.
        corrected_variance: of it.
        corrected_sketch: (N,) its sketch variance, which more tokens do not reduce.
        dots: (N, 3) dot(a,b), dot(a,a), dot(b,b).
        dot_variances: of these three.
        dot_sketch: (N, 3) their sketch variances.
    """

    corrected: Floats
    corrected_variance: Variance
    corrected_sketch: Floats
    dots: Floats
    dot_variances: tuple[Variance, Variance, Variance]
    dot_sketch: Floats


def slots_to_settle(
    rows: Unsettled, *, slots: int, margin: float, confidence: float, threshold: float
) -> NDArray[np.float64]:
    """The number of slots at which each row would be settled if all estimates stayed as they are.

    The variance at K′ slots is taken as A/K′ + N/(K′(K′−1)), A and N from its two parts at the present K. A row is
    settled when dot(a,a) and dot(b,b) are above 0 for sure and either dot(a,b) = 0 is rejected at `threshold` or the
    interval of the corrected cosine fits within ±margin. An estimate out of [−1, 1] is taken as the nearer boundary,
    and its interval has to be no wider than ±0.5.

    Args:
        rows: what is known of the undetermined rows.
        slots: K.
        margin: half width of what counts as neutral.
        confidence: of the intervals.
        threshold: the p-value that would do; with R rows of a family of m significant at level α by Benjamini–Hochberg,
            α (R+1)/m is what the next one has to meet.

    Returns:
        (N,) slots, above K; NaN where none up to ten million would do.
    """
    grid = _grid(slots)
    t_interval = np.asarray(stats.t.ppf((1 + confidence) / 2, grid - 1))
    t_test = np.asarray(stats.t.isf(threshold / 2, grid - 1))
    outside = np.abs(rows.corrected) > 1
    size = np.minimum(np.abs(rows.corrected), 1.0)

    def settled(index: NDArray[np.intp]) -> NDArray[np.bool_]:
        k = grid[index]

        def error(v: Variance, sketch: Floats) -> Floats:
            linear, degenerate = v.linear * slots, v.degenerate * slots * (slots - 1)
            return np.asarray(np.sqrt(linear / k + degenerate / (k * (k - 1)) + sketch))

        t = t_interval[index]
        sure = np.ones(len(k), dtype=bool)
        for i in (1, 2):
            sure &= rows.dots[:, i] > t * error(rows.dot_variances[i], rows.dot_sketch[:, i])
        half = t * error(rows.corrected_variance, rows.corrected_sketch)
        found = np.abs(rows.dots[:, 0]) > t_test[index] * error(rows.dot_variances[0], rows.dot_sketch[:, 0])
        return sure & (found | (size + half < margin)) & (~outside | (half <= 0.5))

    # Each condition, once met, stays met as slots are added: bisection finds the first.
    low = np.zeros(len(size), dtype=np.intp)
    high = np.full(len(size), len(grid) - 1, dtype=np.intp)
    possible = settled(high)
    while np.any(low < high):
        middle = (low + high) // 2
        yes = settled(middle)
        high = np.where(yes, middle, high)
        low = np.where(yes, low, np.minimum(middle + 1, high))
    return np.where(possible, grid[high], np.nan)


def _grid(slots: int) -> Floats:
    """Numbers of slots above K: all of the next 200, then steps of 1 %."""
    near = np.arange(slots + 1, slots + 201)
    far = np.ceil(near[-1] * 1.01 ** np.arange(1, 1 + np.ceil(np.log(_MOST_SLOTS / near[-1]) / np.log(1.01))))
    return np.concatenate([near, far]).astype(np.float64)
