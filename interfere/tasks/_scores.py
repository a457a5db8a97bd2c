"""Scores of predictions, as counts per item, so that intervals can be over items; NumPy only.

Accuracy is the same ratio as F1: with one label to find and one found, an item is one true positive, or one false
positive and one false negative. So both scores are 2·TP / (2·TP + FP + FN) of summed counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from interfere.corpus._items import OUTSIDE

Counts = NDArray[np.int64]


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The spans of a sentence: (type, first word, word after the last).

    A span starts at `B-`, and as in conlleval also at an `I-` that does not continue a span of its type (Tjong Kim
    Sang & De Meulder 2003, https://aclanthology.org/W03-0419/).
    """
    out = set()
    start, kind = 0, ""
    for position, tag in enumerate([*tags, OUTSIDE]):
        begin, name = tag[:1], tag[2:]
        if kind and not (begin == "I" and name == kind):
            out.add((kind, start, position))
            kind = ""
        if begin in ("B", "I") and not kind:
            start, kind = position, name
    return out


def span_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Counts:
    """Spans found, made up and missed in each sentence; a span counts as found if type, start and end are right.

    Args:
        gold: the tags of n sentences.
        predicted: tags of the same words.

    Returns:
        Shape (n, 3): true positives, false positives, false negatives.
    """
    rows = []
    for own, other in zip(gold, predicted, strict=True):
        if len(own) != len(other):
            raise ValueError(f"{len(own)} gold tags and {len(other)} predicted ones")
        wanted, found = spans(own), spans(other)
        both = len(wanted & found)
        rows.append((both, len(found) - both, len(wanted) - both))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def label_counts(gold: Sequence[str], predicted: Sequence[str]) -> Counts:
    """Right and wrong labels of n items, as counts of the shape of `span_counts`; their F1 is accuracy."""
    right = np.array([own == other for own, other in zip(gold, predicted, strict=True)], dtype=np.int64)
    return np.stack([right, 1 - right, 1 - right], axis=-1).reshape(-1, 3)


def f1(counts: Counts) -> NDArray[np.float64]:
    """Micro-averaged F1 over items.

    Args:
        counts: shape (…, n, 3).

    Returns:
        Shape (…); NaN where there is nothing to find and nothing was found.
    """
    tp, fp, fn = np.moveaxis(counts.sum(axis=-2).astype(np.float64), -1, 0)
    whole = 2 * tp + fp + fn
    out: NDArray[np.float64] = np.divide(2 * tp, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return out
