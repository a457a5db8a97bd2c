"""The order in which languages stand in a heatmap."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report._tables import BODY, pair_rows
from interfere.results import Result


def language_order(result: Result, metric: str) -> list[str]:
    """The languages of a result, those with a high corrected cosine over the body near each other.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics.
    """
    names = list(result.languages)
    matrix = pd.DataFrame(np.nan, index=names, columns=names)
    rows = pair_rows(result, metric, BODY)
    for a, b, value in zip(rows["a"], rows["b"], rows["clipped"], strict=True):
        matrix.loc[a, b] = matrix.loc[b, a] = value
    return cluster_order(matrix)


def cluster_order(matrix: pd.DataFrame) -> list[str]:
    """Names ordered so that neighbours are alike.

    Average linkage on 1 − cosine with optimal leaf ordering (Bar-Joseph, Gifford and Jaakkola 2001). Depends on the
    values and the names only, not on the order in which they come.

    Args:
        matrix: symmetric cosines, the same names in rows and columns; clipped to [-1, 1], and what is not finite
            counts as 0, that is as unrelated. The diagonal is not read.

    Returns:
        Every name once; in alphabetical order where the values give no other.
    """
    names = sorted(matrix.index)
    if len(names) < 3:
        return names
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    cosine = matrix.loc[names, names].to_numpy(dtype=float)
    distance = 1 - np.clip(np.where(np.isfinite(cosine), cosine, 0.0), -1, 1)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(distance, checks=False)
    if np.ptp(condensed) == 0:
        return names
    order = [names[i] for i in leaves_list(linkage(condensed, method="average", optimal_ordering=True))]
    return order if order[0] < order[-1] else order[::-1]
