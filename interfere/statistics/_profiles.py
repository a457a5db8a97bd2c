"""In which layers a language's importance lies, and how alike two languages' scores are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._units import UnitGroup, halves, jackknife, top, top_count


def profile_table(scores: Floats, groups: Sequence[UnitGroup], languages: Sequence[str], method: str) -> pd.DataFrame:
    """How much of a language's importance lies in each layer, kind by kind, with intervals over slots.

    Args:
        scores: shape (L, K, units); NaN for languages without numbers.
        groups: of units; tensors are left out.
        languages: L names.
        method: recorded in the table.

    Returns:
        Columns language, method, layer, block, kind, units, score (the mean over slots of the sum over units), share
        (of the sum over layers of the same block and kind), ci_low, ci_high (of the share).
    """
    rows = []
    slots = scores.shape[1]
    kinds: dict[tuple[str, str], list[UnitGroup]] = {}
    for group in groups:
        if group.kind != "tensor":
            # Attention and feed-forward are compared with each other as blocks.
            kinds.setdefault(("" if group.kind == "block" else group.block, group.kind), []).append(group)
    for (_, kind), members in kinds.items():
        sums = np.stack([scores[..., g.where].sum(axis=-1) for g in members], axis=-1)
        means = sums.mean(axis=1)
        left_out = (sums.sum(axis=1, keepdims=True) - sums) / max(1, slots - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = means / means.sum(axis=-1, keepdims=True)
            half = jackknife(left_out / left_out.sum(axis=-1, keepdims=True), axis=1)
        for row, language in enumerate(languages):
            for i, group in enumerate(members):
                value = share[row, i]
                rows.append(
                    {
                        "language": language,
                        "method": method,
                        "layer": group.layer,
                        "block": group.block,
                        "kind": kind,
                        "units": group.count,
                        "score": means[row, i],
                        "share": value,
                        "ci_low": value - half[row, i],
                        "ci_high": value + half[row, i],
                    }
                )
    return pd.DataFrame(rows)


def overlap_table(
    scores: Floats, groups: Sequence[UnitGroup], languages: Sequence[str], method: str, q: float
) -> pd.DataFrame:
    """How alike two languages' scores are in each layer, next to a language's own other half.

    Args:
        scores: shape (L, K, units).
        groups: of units; those with fewer than 3 units, blocks and tensors are left out.
        languages: L names.
        method: recorded in the table.
        q: share of units that count as top.

    Returns:
        Columns a, b, method, layer, block, kind, units, and for each of `rank` (Spearman), `top` (Jaccard of the top
        q) and `cosine`: the value across halves, `_ceiling` (mean of the two languages' own), `_low` and `_high`, the
        interval of the value over slots. A row with a = b is a language with its own other half.
    """
    slots = scores.shape[1]
    first, second = halves(slots)
    rows = []
    for group in groups:
        if group.kind in ("block", "tensor") or group.count < 3:
            continue
        own = scores[..., group.where]
        whole = _overlaps(own[:, first].mean(axis=1), own[:, second].mean(axis=1), q)
        # Leave out each slot from the half that it is in.
        apart = []
        if slots >= 8:
            for k in range(slots):
                left = [np.setdiff1d(half, [k]) for half in (first, second)]
                apart.append(_overlaps(own[:, left[0]].mean(axis=1), own[:, left[1]].mean(axis=1), q))
        width = {
            name: jackknife(np.stack([each[name] for each in apart])) if apart else np.full_like(value, np.nan)
            for name, value in whole.items()
        }
        for i, a in enumerate(languages):
            for j in range(i, len(languages)):
                row: dict[str, object] = {
                    "a": a,
                    "b": languages[j],
                    "method": method,
                    "layer": group.layer,
                    "block": group.block,
                }
                row |= {"kind": group.kind, "units": group.count}
                for name, value in whole.items():
                    row |= {
                        name: value[i, j],
                        f"{name}_ceiling": (value[i, i] + value[j, j]) / 2,
                        f"{name}_low": value[i, j] - width[name][i, j],
                        f"{name}_high": value[i, j] + width[name][i, j],
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def _overlaps(a: Floats, b: Floats, q: float) -> dict[str, Floats]:
    """Each kind of overlap of half a, shape (L, units), with half b: shape (L, L)."""
    count = max(1, top_count(a.shape[-1], q))
    return {
        "rank": _across(_ranks(a), _ranks(b)),
        "top": _jaccard(top(a, count), top(b, count)),
        "cosine": _across(_unit(a), _unit(b)),
    }


def _ranks(values: Floats) -> Floats:
    """Ranks along the last axis, centred and of length 1, so that products of two are rank correlations."""
    ranks = stats.rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    out: Floats = ranks / np.where(length > 0, length, np.nan)
    return out


def _unit(values: Floats) -> Floats:
    length = np.sqrt((values**2).sum(axis=-1, keepdims=True))
    return values / np.where(length > 0, length, np.nan)


def _across(a: Floats, b: Floats) -> Floats:
    """Products of every language's half a with every language's half b, both ways averaged: shape (…, L, L)."""
    products = a @ np.swapaxes(b, -1, -2)
    return (products + np.swapaxes(products, -1, -2)) / 2


def _jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Floats:
    both = a.astype(float) @ np.swapaxes(b.astype(float), -1, -2)
    either = a.sum(-1)[..., :, None] + b.sum(-1)[..., None, :] - both
    with np.errstate(invalid="ignore", divide="ignore"):
        found = both / either
    out: Floats = (found + np.swapaxes(found, -1, -2)) / 2
    return out
