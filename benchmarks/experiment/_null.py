"""How often intervals over seeds and documents hold zero where there is nothing to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interfere.statistics import MatchedDocuments, matched_delta

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coverage:
    """How often zero was held.

    Args:
        seeds: of each side of a comparison.
        runs: comparisons.
        held: share of them whose interval holds 0.
        width: median half width of the relative difference.
    """

    seeds: int
    runs: int
    held: float
    width: float


def null_coverage(
    bits: Floats, sizes: Floats, sources: NDArray[np.int64], seeds: int, runs: int, random: np.random.Generator
) -> Coverage:
    """Compare models with others that differ in nothing but the seed.

    Args:
        bits: shape (M, N): what each document costs each of M models of one design.
        sizes: shape (M, N): bytes.
        sources: shape (N,).
        seeds: models on each side.
        runs: how many disjoint draws of two sides.
        random: draws them.
    """
    held, widths = [], []
    for _ in range(runs):
        order = random.permutation(len(bits))[: 2 * seeds]
        one, two = order[:seeds], order[seeds:]
        found = matched_delta(MatchedDocuments(bits[one], sizes[one], bits[two], sizes[two], sources))[1]
        held.append(found.low <= 0 <= found.high)
        widths.append((found.high - found.low) / 2)
    return Coverage(seeds, runs, float(np.mean(held)), float(np.median(widths)))


def table(rows: Sequence[tuple[str, Coverage]]) -> str:
    """A table in Markdown."""
    lines = ["| language | seeds a side | comparisons | hold zero | half width (median) |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {c.seeds} | {c.runs:,} | {c.held:.1%} | {c.width:.1%} |" for name, c in rows]
    return "\n".join(lines)
