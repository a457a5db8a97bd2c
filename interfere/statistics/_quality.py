"""Bits per byte over documents, and what sets two models apart on the same documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._verdicts import UNDETERMINED, q_values

BETTER, WORSE = "better", "worse"

LEAST_SOURCES = 8
"""Independent documents below which there is no interval: with fewer the spread between them is hardly known."""

DELTA_COLUMNS = (
    "delta", "ci_low", "ci_high", "relative", "relative_ci_low", "relative_ci_high", "p_value", "q_value",
    "verdict", "reason", "documents", "sources",
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A number with the interval that documents give it.

    Args:
        value: the number.
        low: lower end of the interval; NaN where there are too few documents.
        high: upper end.
        p: two-sided p-value of its being 0; NaN likewise.
    """

    value: float
    low: float
    high: float
    p: float


def bits_per_byte(bits: Floats, sizes: Floats, sources: NDArray[np.int64], level: float = 0.95) -> Estimate:
    """All bits over all bytes, with an interval over sources.

    Args:
        bits: shape (N,): of each document.
        sizes: shape (N,): bytes of each.
        sources: shape (N,): documents of one number are not independent.
        level: of the interval.

    The interval is that of a ratio estimator: the variance of its linearisation Σ (bits − R·bytes) / Σ bytes, summed
    source by source, with a t quantile (Cochran 1977, "Sampling Techniques", ch. 6).
    """
    ratio = bits.sum() / sizes.sum()
    return _interval(ratio, (bits - ratio * sizes) / sizes.sum(), sources, level)


def paired_delta(
    bits: Floats,
    sizes: Floats,
    other_bits: Floats,
    other_sizes: Floats,
    sources: NDArray[np.int64],
    level: float = 0.95,
) -> tuple[Estimate, Estimate]:
    """Bits per byte of one model minus those of another, and the same relative to the other.

    Args:
        bits: shape (N,): what each document costs the first model.
        sizes: shape (N,): bytes of what it predicts.
        other_bits: the same for the second model, document by document.
        other_sizes: see `sizes`; not always the same, since a tokenizer may leave out a first token.
        sources: shape (N,): documents of one number are not independent.
        level: of the intervals.

    Returns:
        The difference, and the difference over the second model's bits per byte. The interval of the latter is formed
        on the logarithm of the ratio, whose ends it keeps apart from −1.
    """
    one, two = bits.sum() / sizes.sum(), other_bits.sum() / other_sizes.sum()
    influence, other_influence = (
        (bits - one * sizes) / sizes.sum(),
        (other_bits - two * other_sizes) / other_sizes.sum(),
    )
    delta = _interval(one - two, influence - other_influence, sources, level)
    log = _interval(np.log(one / two), influence / one - other_influence / two, sources, level)
    relative = Estimate(float(np.expm1(log.value)), float(np.expm1(log.low)), float(np.expm1(log.high)), log.p)
    return delta, relative


def _interval(value: float, influence: Floats, sources: NDArray[np.int64], level: float) -> Estimate:
    """From the part that each document has in a number's deviation, summed source by source."""
    names, place = np.unique(sources, return_inverse=True)
    count = len(names)
    if count < LEAST_SOURCES:
        return Estimate(float(value), np.nan, np.nan, np.nan)
    sums = np.zeros(count)
    np.add.at(sums, place, influence)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1)))
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    p = float(2 * stats.t.sf(abs(value) / error, count - 1)) if error > 0 else (1.0 if value == 0 else 0.0)
    return Estimate(float(value), float(value - half), float(value + half), p)


@dataclass(frozen=True)
class PairedDocuments:
    """What two models make of one language's documents.

    Args:
        language: which.
        bits: shape (N,); NaN where nothing is predicted.
        sizes: shape (N,), bytes.
        other_bits: of the model that the first one is compared with.
        other_sizes: see `sizes`.
        sources: shape (N,).
        missing: why one of them has no numbers; "" where both have.
    """

    language: str
    bits: Floats
    sizes: Floats
    other_bits: Floats
    other_sizes: Floats
    sources: NDArray[np.int64]
    missing: str = ""


def delta_rows(pairs: Sequence[PairedDocuments], alpha: float = 0.05) -> pd.DataFrame:
    """One row a language: `language` and `DELTA_COLUMNS`; q-values are over these rows.

    `worse` and `better` need q ≤ alpha; more bits are worse. Everything else is `undetermined`, with a reason.
    """
    rows = []
    for pair in pairs:
        both = np.isfinite(pair.bits) & np.isfinite(pair.other_bits) & (pair.sizes > 0) & (pair.other_sizes > 0)
        row: dict[str, object] = {"language": pair.language, "documents": int(both.sum())}
        row["sources"] = len(np.unique(pair.sources[both]))
        same = False
        if both.any():
            delta, relative = paired_delta(
                pair.bits[both], pair.sizes[both], pair.other_bits[both], pair.other_sizes[both], pair.sources[both]
            )
            row |= {"delta": delta.value, "ci_low": delta.low, "ci_high": delta.high, "p_value": delta.p}
            row |= {"relative": relative.value, "relative_ci_low": relative.low, "relative_ci_high": relative.high}
            same = bool((pair.bits[both] == pair.other_bits[both]).all() and delta.value == 0)
        row["reason"] = _reason(pair, row, same)
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=["language", *DELTA_COLUMNS])
    table["q_value"] = q_values(table["p_value"].to_numpy(dtype=np.float64))
    decided = (table["q_value"] <= alpha).to_numpy()
    table["verdict"] = np.where(decided, np.where(table["delta"] > 0, WORSE, BETTER), UNDETERMINED)
    table["reason"] = table["reason"].where(~decided, "")
    table["reason"] = open_reasons(table, alpha)
    return table


def open_reasons(table: pd.DataFrame, alpha: float) -> pd.Series:
    """The reasons of rows that are undetermined and have none yet: columns `verdict`, `reason` and `p_value`."""
    bare = (table["verdict"] == UNDETERMINED) & (table["reason"] == "")
    alone = bare & (table["p_value"] <= alpha)
    out = table["reason"].mask(bare, "the interval is not clear of 0")
    many = f"the interval is clear of 0, but not as one of {len(table)} that were tested (q > {alpha:g})"
    return out.mask(alone, many)


def _reason(pair: PairedDocuments, row: dict[str, object], same: bool) -> str:
    if pair.missing:
        return pair.missing
    if not row["documents"]:
        return "no document has a token that both models predict"
    if same:
        return "both models give every document the same bits"
    if int(row["sources"]) < LEAST_SOURCES:  # type: ignore[call-overload]
        return f"{row['sources']} independent documents are too few to judge by; at least {LEAST_SOURCES} are needed"
    return ""
