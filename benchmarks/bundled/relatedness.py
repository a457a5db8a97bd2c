"""Compare the corrected cosines of the bundled checkpoint with how the languages are related.

    python -m benchmarks.bundled.relatedness RUN

prints, for every metric of a run of `interfere demo` (or of `interfere gradients` in these languages), the rank
correlation over pairs of languages between the corrected cosine over the body and URIEL's genealogical relatedness,
with a permutation p: the share of relabellings of the languages, of many drawn at random, that correlate as much
(Mantel 1967). Pairs are no independent observations, so languages are what is permuted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.assets import uriel_relatedness
from interfere import load_result

PERMUTATIONS = 100_000


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each metric."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundled.relatedness", description=__doc__)
    parser.add_argument("run", help="run directory")
    result = load_result(parser.parse_args(arguments).run)
    related = uriel_relatedness(result.languages)
    for metric in result.pairs["metric"].unique():
        for quantity in ("corrected", "cosine"):
            cosines = result.matrix(quantity, metric=metric).loc[result.languages, result.languages]
            rho, p = mantel(cosines, related)
            print(f"{metric}, {quantity}: Spearman {rho:.2f}, permutation p {p:.5f} (one-sided)")


def mantel(
    cosines: pd.DataFrame, related: pd.DataFrame, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, float]:
    """Rank correlation of two symmetric language × language tables, and its one-sided permutation p.

    Args:
        cosines: (L, L); the diagonal is not looked at.
        related: (L, L), the same languages in the same order.
        permutations: how many relabellings are drawn; the identity is added.
        seed: of the draw.

    Returns:
        Spearman's correlation over the L(L-1)/2 pairs, and p.
    """
    upper = np.triu_indices(len(cosines), 1)
    ranks = np.zeros(cosines.shape)
    ranks[upper] = rankdata(related.to_numpy()[upper])
    ranks += ranks.T
    fixed = _standard(rankdata(cosines.to_numpy()[upper]))
    rng = np.random.default_rng(seed)
    observed = float(fixed @ _standard(ranks[upper]))
    as_much = 0
    for _ in range(permutations):
        order = rng.permutation(len(cosines))
        as_much += float(fixed @ _standard(ranks[order[upper[0]], order[upper[1]]])) >= observed - 1e-12
    return observed, (1 + as_much) / (1 + permutations)


def _standard(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    centred = np.asarray(values, dtype=np.float64) - np.mean(values)
    return np.asarray(centred / np.linalg.norm(centred))


if __name__ == "__main__":
    main()
