r"""What changed in bits per byte between two runs that read the same documents.

Bits per byte are a ratio R = Σ bits / Σ bytes of each model, linearised document by document as (bits − R·bytes) /
Σ bytes. What a document adds to a difference of several such ratios is the sum of its terms, so that what makes a
document hard for all models drops out; terms are summed source by source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._changes import Influence, from_influence, ratio_influence
from interfere.statistics._kernels import Floats
from interfere.statistics._quality import LEAST_SOURCES

Documents = tuple[Floats, Floats]
"""Bits and bytes of each document, each of shape (N,)."""


def quality_change(
    before: Documents, after: Documents, sources: NDArray[np.int64], level: float = 0.95
) -> tuple[float, float, Influence]:
    """Bits per byte of one model in two runs, and their difference.

    Args:
        before: bits and bytes of each document in the first run.
        after: in the second.
        sources: shape (N,): documents of one number are not independent.
        level: of the interval.
    """
    (one, first), (two, second) = ratio_influence(*before), ratio_influence(*after)
    return one, two, from_influence(two - one, by_source(second - first, sources), LEAST_SOURCES, level)


def delta_change(
    before: tuple[Documents, Documents],
    after: tuple[Documents, Documents],
    sources: NDArray[np.int64],
    level: float = 0.95,
) -> dict[str, tuple[float, float, Influence]]:
    """The difference between a multilingual and a monolingual model in two runs, and how it changed.

    Args:
        before: of the multilingual and of the monolingual model in the first run.
        after: in the second.
        sources: shape (N,).
        level: of the intervals.

    Returns:
        `delta`, in bits per byte, and `relative` to the monolingual model, m/n − 1: of each the two values, and their
        difference. Of a ratio of ratios each term is (Iₘ − (m/n) Iₙ) / n, with the terms I of both models.
    """
    values: dict[str, list[float]] = {"delta": [], "relative": []}
    terms: dict[str, list[Floats]] = {"delta": [], "relative": []}
    for multilingual, monolingual in (before, after):
        (m, of_m), (n, of_n) = ratio_influence(*multilingual), ratio_influence(*monolingual)
        values["delta"].append(m - n)
        terms["delta"].append(of_m - of_n)
        values["relative"].append(m / n - 1 if n > 0 else np.nan)
        terms["relative"].append((of_m - m / n * of_n) / n if n > 0 else np.full_like(of_m, np.nan))
    out = {}
    for name, (one, two) in values.items():
        parts = by_source(terms[name][1] - terms[name][0], sources)
        out[name] = (one, two, from_influence(two - one, parts, LEAST_SOURCES, level))
    return out


def by_source(terms: Floats, sources: NDArray[np.int64]) -> Floats:
    """Sums of each source's terms, shape (sources,)."""
    names, place = np.unique(sources, return_inverse=True)
    sums = np.zeros(len(names))
    np.add.at(sums, place, terms)
    return sums
