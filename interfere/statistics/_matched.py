"""Differences between matched models, trained with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.statistics._crossed import Crossed
from interfere.statistics._kernels import Floats
from interfere.statistics._quality import LEAST_SOURCES, Estimate, open_reasons
from interfere.statistics._verdicts import UNDETERMINED, q_values

INTERFERENCE, TRANSFER = "interference", "transfer"

MATCHED_COLUMNS = (
    "delta", "ci_low", "ci_high", "relative", "relative_ci_low", "relative_ci_high", "p_value", "q_value",
    "verdict", "reason", "seeds", "documents",
)  # fmt: skip


@dataclass(frozen=True)
class MatchedDocuments:
    """What matched models make of one language's documents, seed by seed.

    Args:
        bits: shape (S, N): of the models of several languages.
        sizes: shape (S, N): bytes.
        other_bits: shape (S, N): of the monolingual models of the same seeds.
        other_sizes: shape (S, N).
        sources: shape (N,): documents of one number are not independent.
    """

    bits: Floats
    sizes: Floats
    other_bits: Floats
    other_sizes: Floats
    sources: NDArray[np.int64]


def matched_delta(documents: MatchedDocuments, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Bits per byte of models of several languages minus those of monolingual ones, over seeds and documents.

    Args:
        documents: of one language and mixture, without NaN.
        level: of the intervals.

    Returns:
        The mean over seeds of the difference, and of the difference relative to the monolingual model's bits per byte
        (formed on the logarithm of the ratio), each with an interval over seeds and documents (`Crossed`). Without
        intervals where there are fewer than 2 seeds or too few documents.
    """
    one, influence = _ratio(documents.bits, documents.sizes)
    two, other_influence = _ratio(documents.other_bits, documents.other_sizes)
    plain = _estimate(one - two, influence - other_influence, documents.sources, level)
    logs = _estimate(
        np.log(one / two), influence / one[:, None] - other_influence / two[:, None], documents.sources, level
    )
    relative = Estimate(float(np.expm1(logs.value)), float(np.expm1(logs.low)), float(np.expm1(logs.high)), logs.p)
    return plain, relative


def _ratio(bits: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Bits per byte of each seed, shape (S,), and the part of each document in its deviation, shape (S, N)."""
    ratio = bits.sum(axis=1) / sizes.sum(axis=1)
    return ratio, (bits - ratio[:, None] * sizes) / sizes.sum(axis=1, keepdims=True)


def _estimate(values: Floats, influence: Floats, sources: NDArray[np.int64], level: float) -> Estimate:
    names, place = np.unique(sources, return_inverse=True)
    mean = float(values.mean())
    if len(values) < 2 or len(names) < LEAST_SOURCES:
        return Estimate(mean, np.nan, np.nan, np.nan)
    sums = np.zeros((len(values), len(names)))
    np.add.at(sums.T, place, influence.T)
    # A table whose means over sources are the seeds' values, and whose spread over sources is that of their sums.
    parts = Crossed.of(values[:, None] + len(names) * sums)
    low, high = parts.interval(level)
    # The mean of the table is that of the values but for rounding, of which an exact 0 should have none.
    return Estimate(mean, low, high, 1.0 if (values == 0).all() else parts.p_value())


def matched_rows(cases: Sequence[MatchedDocuments], alpha: float = 0.05) -> pd.DataFrame:
    """One row a case: `MATCHED_COLUMNS`; q-values are over these rows.

    `interference` and `transfer` need q ≤ alpha of the relative difference; the rest is `undetermined`, with a reason.
    """
    rows = []
    for case in cases:
        known = np.isfinite(case.bits).all(axis=0) & np.isfinite(case.other_bits).all(axis=0)
        known &= (case.sizes > 0).all(axis=0) & (case.other_sizes > 0).all(axis=0)
        row: dict[str, object] = {"seeds": len(case.bits), "documents": int(known.sum()), "reason": ""}
        if not known.any():
            row["reason"] = "no document has a token that all models predict"
            rows.append(row)
            continue
        kept = MatchedDocuments(
            case.bits[:, known],
            case.sizes[:, known],
            case.other_bits[:, known],
            case.other_sizes[:, known],
            case.sources[known],
        )
        delta, relative = matched_delta(kept)
        row |= {"delta": delta.value, "ci_low": delta.low, "ci_high": delta.high, "p_value": relative.p}
        row |= {"relative": relative.value, "relative_ci_low": relative.low, "relative_ci_high": relative.high}
        if len(case.bits) < 2:
            row["reason"] = "one seed says nothing about another; train with at least 2"
        elif len(np.unique(kept.sources)) < LEAST_SOURCES:
            row["reason"] = f"fewer than {LEAST_SOURCES} independent held-out documents"
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=list(MATCHED_COLUMNS))
    for column in ("delta", "ci_low", "ci_high", "relative", "relative_ci_low", "relative_ci_high", "p_value"):
        table[column] = table[column].astype(np.float64)
    table["q_value"] = q_values(table["p_value"].to_numpy())
    decided = (table["q_value"] <= alpha).to_numpy()
    table["verdict"] = np.where(decided, np.where(table["delta"] > 0, INTERFERENCE, TRANSFER), UNDETERMINED)
    table["reason"] = open_reasons(table, alpha)
    return table
