"""Whether something known early predicts which languages hurt each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats

_RESAMPLES = 4000

LEAST_PAIRS = 5
"""Pairs of languages below which no correlation is given an interval."""


@dataclass(frozen=True)
class Correlation:
    """A rank correlation over directions of pairs.

    Args:
        value: Spearman's; NaN where one side does not vary.
        low: lower end of the interval over pairs.
        high: upper end.
        within: share of pairs of which the direction that loses more is told right; NaN for what is symmetric.
        pairs: pairs of languages.
        rows: directions of them that have both numbers.
    """

    value: float
    low: float
    high: float
    within: float
    pairs: int
    rows: int


def rank_correlation(
    predictor: Floats, outcome: Floats, pairs: Sequence[str], *, expected: int = 1, seed: int = 0
) -> Correlation:
    """Spearman's rank correlation between a predictor and an outcome, with an interval over pairs of languages.

    Both directions of a pair are resampled together, since they share two models; the interval is the middle 95 % of
    resamples, on the scale of Fisher's z. Pairs that share a language are taken as independent, which makes the
    interval too narrow rather than too wide where a language has an effect of its own.

    Args:
        predictor: shape (R,); NaN where it is not known.
        outcome: shape (R,).
        pairs: the pair that each row is a direction of.
        expected: the sign that the correlation should have; of the directions of a pair, the one with the larger
            (−1: smaller) predictor is told to have the larger outcome.
        seed: of the resamples.
    """
    known = np.isfinite(predictor) & np.isfinite(outcome)
    x, y = predictor[known], outcome[known]
    names = np.array(pairs, dtype=object)[known]
    unique = list(dict.fromkeys(names))
    value = _spearman(x, y)
    within = _within(expected * x, y, names, unique)
    if len(unique) < LEAST_PAIRS or not np.isfinite(value):
        return Correlation(value, np.nan, np.nan, within, len(unique), len(x))
    rows = [np.flatnonzero(names == name) for name in unique]
    random = np.random.default_rng(seed)
    # Drawn together, resamples of one length at a time: pairs of which one direction is missing are shorter.
    drawn = [np.concatenate([rows[i] for i in own]) for own in random.integers(len(rows), size=(_RESAMPLES, len(rows)))]
    lengths = np.array([len(index) for index in drawn])
    found = np.concatenate(
        [
            _spearmans(*(values[np.stack([d for d in drawn if len(d) == n])] for values in (x, y)))
            for n in np.unique(lengths)
        ]
    )
    found = found[np.isfinite(found)]
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) > _RESAMPLES // 2 else (np.nan, np.nan)
    return Correlation(value, float(low), float(high), within, len(unique), len(x))


def _spearmans(x: Floats, y: Floats) -> Floats:
    """Row by row; NaN where one side does not vary."""
    ranks = [stats.rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (x, y)]
    spread = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        out: Floats = (ranks[0] * ranks[1]).sum(axis=1) / np.where(spread > 0, spread, np.nan)
    return out


def _spearman(x: Floats, y: Floats) -> float:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def _within(x: Floats, y: Floats, names: NDArray[np.object_], unique: Sequence[str]) -> float:
    """Share of pairs whose directions the predictor orders as the outcome does."""
    right = []
    for name in unique:
        rows = np.flatnonzero(names == name)
        if len(rows) == 2 and x[rows[0]] != x[rows[1]] and y[rows[0]] != y[rows[1]]:
            right.append((x[rows[0]] > x[rows[1]]) == (y[rows[0]] > y[rows[1]]))
    return float(np.mean(right)) if right else float("nan")


def ngram_overlap(texts: Sequence[Sequence[str]], n: int = 3) -> Floats:
    """How much of their byte n-grams languages share.

    Args:
        texts: L languages' documents.
        n: bytes of an n-gram.

    Returns:
        Shape (L, L): Σ min(p, q) over n-grams, of their shares in each language; 1 on the diagonal.
    """
    shares = []
    for own in texts:
        counts: Counter[bytes] = Counter()
        for text in own:
            data = text.encode()
            counts.update(data[i : i + n] for i in range(len(data) - n + 1))
        total = sum(counts.values()) or 1
        shares.append({gram: count / total for gram, count in counts.items()})
    out = np.eye(len(texts))
    for i, one in enumerate(shares):
        for j in range(i):
            other = shares[j]
            out[i, j] = out[j, i] = sum(min(share, other[gram]) for gram, share in one.items() if gram in other)
    return out
