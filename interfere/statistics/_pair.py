"""Everything that is estimated of one pair of languages, for all groups at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._corrected import corrected_cosine
from interfere.statistics._kernels import FEWEST_SLOTS, Floats, Variance, kernel, strict_variance
from interfere.statistics._missing import kernel_of_seen, raw_cosine_of_seen, self_estimate_of_seen
from interfere.statistics._reached import Reached, View, present_pairs
from interfere.statistics._self import SelfEstimate, raw_cosine
from interfere.statistics._sketch import SketchVariance

ROUNDING = 1e-12
"""Least standard error of a ratio: an exact clone's is 0, but its 1 is rounded."""


@dataclass(frozen=True)
class Levels:
    """What findings are held against: half width of neutral, confidence of intervals, level of the q-values."""

    margin: float
    confidence: float
    alpha: float


@dataclass(frozen=True)
class Languages:
    """What is known of the L languages before pairs are looked at.

    Args:
        names: L names.
        failed: language → why it has no gradients.
        own: per language, its own dots.
        sure: (G, L) whether dot(ℓ,ℓ) is above 0 for sure: whether the lower end of its interval is.
        tokens_per_chunk: (L,) mean predicted tokens of a chunk, NaN where unknown.
        tokens_per_byte: (L,) predicted tokens per UTF-8 byte, NaN where unknown.
        sketch: the sketch's variances, None if the Gram is exact.
        own_sketch: (G, L) sketch variance of dot(ℓ,ℓ).
        reached: which chunks reached the experts of a group; None where there are none.
    """

    names: Sequence[str]
    failed: Mapping[str, str]
    own: Sequence[SelfEstimate]
    sure: NDArray[np.bool_]
    tokens_per_chunk: Floats
    tokens_per_byte: Floats
    sketch: SketchVariance | None
    own_sketch: Floats
    reached: Reached | None = None


@dataclass(frozen=True)
class Side:
    """One language of a pair, over what the pair is compared over: `own`, `sure` and `own_sketch` as in `Languages`."""

    own: SelfEstimate
    sure: NDArray[np.bool_]
    sketch: Floats


@dataclass(frozen=True)
class Pair:
    """Estimates of one pair of languages, each (G,), `total` over all experts as a step of training would see it."""

    a: Side
    b: Side
    total: Floats
    dot: Floats
    dot_variance: Variance | None
    dot_sketch: Floats
    cosine: Floats
    corrected: Floats
    corrected_variance: Variance | None
    corrected_sketch: Floats
    p_value: Floats
    low: Floats
    high: Floats


def pair_block(gram: Floats, a: int, b: int) -> Floats:
    """(G, K, K) the entries of one pair of languages."""
    block: Floats = gram[:, a, :, b, :]
    return block


@overload
def t_quantile(slots: int, confidence: float) -> float: ...


@overload
def t_quantile(slots: int | NDArray[Any], confidence: float) -> Any: ...


def t_quantile(slots: int | NDArray[Any], confidence: float) -> Any:
    """Two-sided quantile of Student's t at K−1 degrees of freedom, NaN below four slots."""
    if isinstance(slots, int):
        return float(stats.t.ppf((1 + confidence) / 2, slots - 1)) if slots >= FEWEST_SLOTS else float("nan")
    return stats.t.ppf((1 + confidence) / 2, np.where(slots >= FEWEST_SLOTS, slots - 1, np.nan))


def estimate_pair(gram: Floats, a: int, b: int, languages: Languages, levels: Levels) -> Pair:
    n_groups, slots = len(gram), gram.shape[2]
    block = pair_block(gram, a, b)
    total = dot = kernel(block)
    dot_sketch, corrected_sketch = np.zeros(n_groups), np.zeros(n_groups)
    counted: Floats | int = slots
    scales: tuple[Floats | float, Floats | float, Floats | float] = (1.0, 1.0, 1.0)
    kept = None
    if languages.reached is None:
        side_a, side_b = (Side(languages.own[x], languages.sure[:, x], languages.own_sketch[:, x]) for x in (a, b))
        own_a, own_b = side_a.own, side_b.own
        cosine = raw_cosine(block, own_a.chunk_norms, own_b.chunk_norms)
    else:
        view = languages.reached.view(a, b)
        kept = view.both
        dot = kernel_of_seen(view.ab, view.seen_a, view.seen_b)
        side_a = _side(a, view.aa, view.seen_a, view, languages, levels)
        side_b = _side(b, view.bb, view.seen_b, view, languages, levels)
        own_a, own_b = side_a.own, side_b.own
        cosine = raw_cosine_of_seen(view.ab, own_a.chunk_norms, own_b.chunk_norms, view.seen_a, view.seen_b)
        counted = np.minimum(view.seen_a.sum(axis=1), view.seen_b.sum(axis=1))
        scales = (
            present_pairs(view.seen_a, view.seen_a),
            present_pairs(view.seen_a, view.seen_b),
            present_pairs(view.seen_b, view.seen_b),
        )
    estimate = corrected_cosine(own_a.dot, own_b.dot, dot)
    if languages.sketch is not None:
        pair = languages.sketch.pair(a, b, kept)
        dot_sketch = pair.of(0.0, scales[1], 0.0)
        corrected_sketch = pair.of(*(weight * scale for weight, scale in zip(estimate.weights, scales, strict=True)))
    dot_variance = None
    p_value: Floats = np.full(n_groups, np.nan)
    half: Floats | float = np.full(n_groups, np.nan)
    if estimate.variance is not None:
        dot_variance = strict_variance(dot)
        # 0/0, two languages whose dots are all 0, is NaN and stays out of the family.
        statistic = np.abs(dot.mean) / np.sqrt(dot_variance.total + dot_sketch)
        p_value = np.asarray(2 * stats.t.sf(statistic, counted - 1))
        error = np.maximum(np.sqrt(estimate.variance.total + corrected_sketch), ROUNDING)
        half = t_quantile(counted, levels.confidence) * error
    return Pair(
        a=side_a,
        b=side_b,
        total=total.mean,
        dot=dot.mean,
        dot_variance=dot_variance,
        dot_sketch=dot_sketch,
        cosine=cosine,
        corrected=estimate.value,
        corrected_variance=estimate.variance,
        corrected_sketch=corrected_sketch,
        p_value=p_value,
        low=estimate.value - half,
        high=estimate.value + half,
    )


def _side(a: int, block: Floats, seen: NDArray[np.bool_], view: View, languages: Languages, levels: Levels) -> Side:
    """A language over the experts that it shares with another."""
    own = self_estimate_of_seen(block, seen)
    sketch = np.zeros(len(block))
    if languages.sketch is not None:
        sketch = languages.sketch.pair(a, a, view.both).of(present_pairs(seen, seen), 0.0, 0.0)
    return Side(own, surely_positive(own, sketch, seen.sum(axis=1), levels.confidence), sketch)


def surely_positive(
    own: SelfEstimate, sketch: Floats, slots: int | NDArray[np.int64], confidence: float
) -> NDArray[np.bool_]:
    """(G,) whether dot(ℓ,ℓ) is above 0 for sure: whether the lower end of its interval is.

    Args:
        own: of one language.
        sketch: (G,) the sketch variance of dot(ℓ,ℓ).
        slots: how many slots there are, or (G,) how many of them the language has.
        confidence: of the interval.
    """
    if own.dot_variance is None:
        return np.zeros(len(own.ratio), dtype=bool)
    sure: NDArray[np.bool_] = own.dot.mean > t_quantile(slots, confidence) * np.sqrt(own.dot_variance.total + sketch)
    return sure
