"""How much monolingual text gives the quality that a multilingual model has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from interfere.statistics._kernels import Floats
from interfere.statistics._quality import LEAST_SOURCES

_RESAMPLES = 2000


@dataclass(frozen=True)
class Worth:
    """Text that is worth as much, in the unit of the sizes.

    Args:
        text: the estimate; NaN where it lies beyond the sizes that there are.
        low: lower end of its interval; 0 where that is below the smallest size.
        high: upper end; infinite where that is above the largest size.
        beyond: `less` or `more` where the quality is worse than with the least text, or better than with the most.
    """

    text: float
    low: float
    high: float
    beyond: str = ""


def worth_in_text(
    sizes: Sequence[float],
    bits: Floats,
    totals: Floats,
    target_bits: Floats,
    target_totals: Floats,
    sources: NDArray[np.int64],
    seed: int = 0,
) -> Worth:
    """The size of monolingual training text whose model has the target's bits per byte.

    Bits per byte of the sizes are made to fall (isotonic regression), and between two sizes they are taken to change
    in proportion to the logarithm of the size (Chang et al. 2023, https://arxiv.org/abs/2311.09205, measure
    multilinguality in text of the same kind). The interval holds the middle 95 % of resampled sources; it knows
    nothing of how training runs differ.

    Args:
        sizes: M sizes of text, rising.
        bits: shape (M, N): what each document costs the model of each size.
        totals: shape (M, N): bytes.
        target_bits: shape (N,): of the multilingual model.
        target_totals: shape (N,).
        sources: shape (N,): documents of one number are resampled together.
        seed: of the resamples.
    """
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    names, place = np.unique(sources, return_inverse=True)

    def summed(values: Floats) -> Floats:
        out = np.zeros((*values.shape[:-1], len(names)))
        np.add.at(np.moveaxis(out, -1, 0), place, np.moveaxis(values, -1, 0))
        return out

    parts = [summed(values) for values in (bits, totals, target_bits, target_totals)]

    def solve(weights: Floats) -> float:
        own, sums, target, target_sum = (part @ weights for part in parts)
        return _crossing(logs, own / sums, float(target / target_sum))

    best = solve(np.ones(len(names)))
    if len(names) < LEAST_SOURCES:
        drawn = np.array([-np.inf, np.inf])
    else:
        random = np.random.default_rng(seed)
        counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
        drawn = np.array([solve(count.astype(np.float64)) for count in counts])
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    beyond = {-np.inf: "less", np.inf: "more"}.get(best, "")
    return Worth(float("nan") if beyond else float(np.exp(best)), float(np.exp(low)), float(np.exp(high)), beyond)


def _crossing(logs: Floats, quality: Floats, target: float) -> float:
    """The logarithm of the size at which falling quality reaches the target; infinite where it does not."""
    falling = isotonic_regression(quality, increasing=False).x
    if target > falling[0]:
        return -np.inf
    if target < falling[-1]:
        return np.inf
    right = int(np.argmax(falling <= target))
    if right == 0:
        return float(logs[0])
    share = (falling[right - 1] - target) / (falling[right - 1] - falling[right])
    return float(logs[right - 1] + share * (logs[right] - logs[right - 1]))
