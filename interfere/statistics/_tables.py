"""From a Gram to the three tables of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from interfere.statistics._kernels import Floats
from interfere.statistics._missing import self_estimate_of_seen
from interfere.statistics._pair import ROUNDING, Languages, Levels, pair_block, surely_positive, t_quantile
from interfere.statistics._pairs import pair_estimates
from interfere.statistics._reached import UNSEEN, Reached, present_pairs
from interfere.statistics._self import self_estimate
from interfere.statistics._shared import centred_cosines, common_share
from interfere.statistics._sketch import SketchParts, SketchVariance

PAIR_COLUMNS = (
    "a", "b", "group", "metric", "cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "verdict", "reason",
    "transfer_ab", "transfer_ba", "transfer_bytes_ab", "transfer_bytes_ba", "centred", "magnitude_similarity",
    "tokens_to_settle", "sketch_error",
)  # fmt: skip
SELF_COLUMNS = (
    "language", "group", "metric", "self_similarity", "ci_low", "ci_high", "norm", "norm_share", "loss", "tokens",
    "documents",
)  # fmt: skip
GROUP_COLUMNS = ("group", "metric", "parameters", "common_share", "mixture_residual", "sketch_size", "sketch_error")


@dataclass(frozen=True)
class Tables:
    """The tables of one metric at one granularity; nulls are NaN, verdicts and reasons are strings.

    Args:
        pairs: one row per group and pair of languages, columns `a, b, group, metric, cosine, corrected, ci_low,
            ci_high, p_value, q_value, verdict, reason, transfer_ab, transfer_ba, transfer_bytes_ab, transfer_bytes_ba,
            centred, magnitude_similarity, tokens_to_settle, sketch_error`, the last the standard error that the sketch
            adds to `corrected`, null where a language's signal is not sure.
        self_: one row per group and language, columns `language, group, metric, self_similarity, ci_low, ci_high, norm,
            norm_share, loss, tokens, documents`.
        groups: one row per group, columns `group, metric, parameters, common_share, mixture_residual, sketch_size,
            sketch_error`, the last the largest of its pairs'.
    """

    pairs: pd.DataFrame
    self_: pd.DataFrame
    groups: pd.DataFrame


def gram_tables(
    gram: Floats,
    *,
    languages: Sequence[str],
    groups: Sequence[str],
    metric: str = "euclidean",
    tokens: ArrayLike | None = None,
    bytes_: ArrayLike | None = None,
    documents: ArrayLike | None = None,
    loss: ArrayLike | None = None,
    parameters: Sequence[int] | None = None,
    margin: float = 0.05,
    confidence: float = 0.95,
    alpha: float = 0.05,
    mixture: ArrayLike | None = None,
    sketch: SketchParts | None = None,
    reference: ArrayLike | None = None,
    failed: Mapping[str, str] | None = None,
    reached: Reached | None = None,
) -> Tables:
    """Every quantity of the gradient analysis from the inner products of chunk gradients.

    One call is one metric at one granularity: its rows with a p-value are one Benjamini–Hochberg family. Intervals are
    pointwise. With fewer than four slots there are none, no p-values, and every verdict is `undetermined`.

    Args:
        gram: (G, L, K, L, K), gram[g, l, k, m, n] = ⟨g(l,k), g(m,n)⟩ in group g, for L languages and K slots.
        languages: L names; pairs come in their order.
        groups: G names.
        metric: the metric's name, copied into the tables.
        tokens: (L, K) predicted tokens per chunk.
        bytes_: (L, K) UTF-8 bytes that they cover.
        documents: (L, K) documents per chunk.
        loss: (L, K) mean loss per predicted token of each chunk, in nats.
        parameters: number of parameters of each group.
        margin: half width of the interval around 0 that counts as neutral, in units of the cosine.
        confidence: of the intervals.
        alpha: the level of the q-values.
        mixture: (L,) the training mixture's weights, of any sum; equal by default.
        sketch: the parts that were sketched; None if the Gram is exact.
        reference: (L,) mean squared chunk norm that `norm_share` is a share of, usually the whole body's; the group's
            own by default.
        failed: language → why it has no gradients. Its entries may be NaN; its rows are undetermined for that reason,
            and it is left out of common share, mixture residual and centred cosine.
        reached: which chunks reached the experts of a group. A pair is then compared over the experts that both
            languages reached in at least four chunks, and over the chunks that reached one of them; where there are
            none, its row is undetermined with a reason that starts with `unseen`. Common share and mixture residual are
            of the languages that reached any of them, of at least two. Norm shares and centred cosine are of the whole
            gradient all the same.

    Raises:
        ValueError: a shape or a name does not fit, or an entry of a language that has not failed is not finite.

    Source of the definitions: see the functions of this package; of the intervals, Hoeffding (1948) and the jackknife.
    """
    gram = np.asarray(gram, dtype=np.float64)
    failed = dict(failed or {})
    good = _checked(gram, languages, groups, failed, sketch)
    n_groups, n_languages, slots = gram.shape[:3]
    chunks = (n_languages, slots)
    n_tokens, n_bytes = _table(tokens, chunks, "tokens"), _table(bytes_, chunks, "bytes_")
    weights = _table(np.ones(n_languages) if mixture is None else mixture, (n_languages,), "mixture")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"mixture: expected weights that are finite and not negative, got {weights}")
    if parameters is not None and len(parameters) != n_groups:
        raise ValueError(f"parameters: expected {n_groups} numbers, got {len(parameters)}")
    levels = Levels(margin, confidence, alpha)
    # What is undefined (0/0, the root of a negative dot) becomes NaN, which is how the tables write null.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        known = _languages(gram, languages, failed, n_tokens, n_bytes, sketch, confidence, reached)
        estimates = pair_estimates(gram, known, levels)
        centred = centred_cosines(estimates.dots, good)
        index = list(combinations(range(n_languages), 2))
        pairs = {name: values.ravel() for name, values in estimates.columns.items()} | {
            "a": [languages[a] for _ in groups for a, _ in index],
            "b": [languages[b] for _ in groups for _, b in index],
            "group": [group for group in groups for _ in index],
            "metric": [metric] * (n_groups * len(index)),
            "centred": np.stack([centred[:, a, b] for a, b in index], axis=1).ravel() if index else [],
        }
        own = _self_columns(known, good, slots, confidence)
        per_language = {
            "loss": _mean_loss(_table(loss, chunks, "loss"), n_tokens),
            "tokens": _sums(n_tokens),
            "documents": _sums(_table(documents, chunks, "documents")),
        }
        counted = good
        if reached is not None:
            counted = good & np.stack([reached.chunks(a).any(axis=1) for a in range(n_languages)], axis=1)
            counted &= counted.sum(axis=1, keepdims=True) > 1
            unseen = [str(reason).startswith(UNSEEN) for reason in pairs["reason"]]
            pairs["centred"] = np.where(unseen, np.nan, pairs["centred"])
        if reference is not None:
            own["norm_share"] = own["mean_square"] / _table(reference, (n_languages,), "reference")
        self_ = {name: values.ravel() for name, values in own.items()} | {
            "language": list(languages) * n_groups,
            "group": [group for group in groups for _ in languages],
            "metric": [metric] * (n_groups * n_languages),
            **{name: np.tile(values, n_groups) for name, values in per_language.items()},
        }
        of_group = {
            "group": list(groups),
            "metric": [metric] * n_groups,
            "parameters": np.full(n_groups, np.nan) if parameters is None else np.asarray(parameters),
            "common_share": common_share(estimates.dots, counted, np.ones(n_languages)),
            "mixture_residual": common_share(estimates.dots, counted, weights),
            "sketch_size": np.full(n_groups, np.nan) if sketch is None else sketch.smallest(),
            "sketch_error": np.zeros(n_groups) if sketch is None else _largest(estimates.columns["sketch_error"]),
        }
    return Tables(
        pd.DataFrame({name: pairs[name] for name in PAIR_COLUMNS}),
        pd.DataFrame({name: self_[name] for name in SELF_COLUMNS}),
        pd.DataFrame({name: of_group[name] for name in GROUP_COLUMNS}),
    )


def _checked(
    gram: Floats, languages: Sequence[str], groups: Sequence[str], failed: Mapping[str, str], sketch: SketchParts | None
) -> NDArray[np.bool_]:
    """(G, L) which languages have not failed, after shapes and names have been looked at."""
    if gram.ndim != 5 or gram.shape[1:3] != gram.shape[3:5]:
        raise ValueError(f"gram: expected the shape (groups, languages, slots, languages, slots), got {gram.shape}")
    if gram.shape[:2] != (len(groups), len(languages)):
        raise ValueError(f"gram: expected {len(groups)} groups and {len(languages)} languages, got {gram.shape[:2]}")
    unknown = sorted(set(failed) - set(languages))
    if unknown:
        raise ValueError(f"failed: {unknown} are not among the languages {list(languages)}")
    if sketch is not None:
        if sketch.gram.shape[1:] != gram.shape[1:] or len(sketch.sizes) != len(sketch.gram):
            raise ValueError(f"sketch: parts of shape {sketch.gram.shape} do not fit a gram of shape {gram.shape}")
        if len(sketch.members) != len(groups):
            raise ValueError(f"sketch: expected the parts of {len(groups)} groups, got {len(sketch.members)}")
    good = np.array([language not in failed for language in languages], dtype=bool)
    for a in np.flatnonzero(good).tolist():
        finite = np.isfinite(gram[:, a][:, :, good]).all(axis=(1, 2, 3))
        if not finite.all():
            group = groups[int(np.argmin(finite))]
            raise ValueError(f"gram: entries of {languages[a]} in {group} are not finite, and it is not in `failed`")
    return np.broadcast_to(good, (len(groups), len(languages)))


def _table(value: ArrayLike | None, shape: tuple[int, ...], name: str) -> Floats:
    """An argument as an array of the given shape; NaN everywhere where it was not given."""
    array = np.full(shape, np.nan) if value is None else np.asarray(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name}: expected the shape {shape}, got {array.shape}")
    return array


def _languages(
    gram: Floats,
    names: Sequence[str],
    failed: Mapping[str, str],
    tokens: Floats,
    bytes_: Floats,
    sketch: SketchParts | None,
    confidence: float,
    reached: Reached | None,
) -> Languages:
    n_groups, n_languages, slots = gram.shape[:3]
    own = []
    spread = None if sketch is None else SketchVariance(sketch)
    own_sketch = np.zeros((n_groups, n_languages))
    sure = np.zeros((n_groups, n_languages), dtype=bool)
    for a, name in enumerate(names):
        block = pair_block(gram, a, a)
        # The results of a language that failed are blanked later; zeros keep its NaN out of the arithmetic.
        block = np.zeros_like(block) if name in failed else block
        own.append(self_estimate(block) if reached is None else self_estimate_of_seen(block, reached.chunks(a)))
        if spread is not None:
            own_sketch[:, a] = spread.pair(a, a).of(1.0, 0.0, 0.0)
        sure[:, a] = surely_positive(own[a], own_sketch[:, a], slots, confidence)
    return Languages(
        names=names,
        failed=failed,
        own=own,
        sure=sure,
        tokens_per_chunk=tokens.mean(axis=1),
        tokens_per_byte=tokens.sum(axis=1) / bytes_.sum(axis=1),
        sketch=spread,
        own_sketch=own_sketch,
        reached=reached,
    )


def _self_columns(known: Languages, good: NDArray[np.bool_], slots: int, confidence: float) -> dict[str, Floats]:
    """The columns of the self table that come from the Gram, each (G, L), and the mean squared chunk norm."""
    names = ("self_similarity", "ci_low", "ci_high", "norm", "norm_share", "mean_square")
    columns = {name: np.full(good.shape, np.nan) for name in names}
    for a, own in enumerate(known.own):
        if known.names[a] in known.failed:
            continue
        columns["self_similarity"][:, a] = own.ratio
        counted: int | NDArray[np.int64] = slots
        scales: tuple[Floats | float, Floats | float] = (1.0, 1.0)
        if known.reached is not None:
            seen = known.reached.chunks(a)
            counted = seen.sum(axis=1)
            scales = present_pairs(seen, seen), slots / np.maximum(counted, 1)
        if own.ratio_variance is not None:
            extra = np.zeros(len(good))
            if known.sketch is not None:
                extra = known.sketch.self_similarity(a, own.ratio, own.mean_square, *scales)
            error = np.maximum(np.sqrt(own.ratio_variance.total + extra), ROUNDING)
            half = t_quantile(counted, confidence) * error
            columns["ci_low"][:, a], columns["ci_high"][:, a] = own.ratio - half, own.ratio + half
        columns["norm"][:, a] = np.sqrt(np.where(own.dot.mean > 0, own.dot.mean, np.nan))
        # Of all chunks, so that shares of it add up; those that reached no expert have 0.
        missing = known.reached is not None
        columns["mean_square"][:, a] = (own.chunk_norms**2).mean(axis=1) if missing else own.mean_square
        columns["norm_share"][:, a] = 1.0
    return columns


def _sums(chunks: Floats) -> NDArray[np.int64] | Floats:
    """(L,) sums over slots, as integers where they are known."""
    sums: Floats = chunks.sum(axis=1)
    return sums.astype(np.int64) if np.isfinite(sums).all() else sums


def _mean_loss(loss: Floats, tokens: Floats) -> Floats:
    """(L,) mean loss per predicted token; over chunks alike where the tokens are not known."""
    weights = np.where(np.isfinite(tokens), tokens, 1.0)
    mean: Floats = (loss * weights).sum(axis=1) / weights.sum(axis=1)
    return mean


def _largest(errors: Floats | NDArray[np.object_]) -> Floats:
    """(G,) the largest of the pairs' errors, (G, pairs), NaN where no pair has one."""
    known = np.asarray(errors, dtype=np.float64)
    largest: Floats = np.where(np.isfinite(known), known, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, np.nan)
