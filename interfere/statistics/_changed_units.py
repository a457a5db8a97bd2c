"""What changed in the importance of units between two checkpoints that read the same slots of text.

Slots are left out one at a time, of both runs at once, so that what is peculiar to a slot's text drops out of the
difference (delete-one jackknife with a t quantile at K−1 degrees of freedom, as in `profile_table` and
`overlap_table`).

Overlaps of ranks and of top units move in steps. In simulation (`benchmarks/changes.py`) the intervals are too wide
rather than too narrow, but where the top is a unit or two they cover as little as 43 %: there are none below
`LEAST_TOP` units, nor where no slot that is left out moves a number although the scores are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._profiles import _overlaps
from interfere.statistics._units import UnitGroup, halves, jackknife, top_count

LEAST_OVERLAP_SLOTS = 8
"""Each half needs four slots for the interval of an overlap."""

LEAST_TOP = 5
"""With fewer top units there is no interval of their overlap."""


@dataclass(frozen=True)
class UnitChange:
    """A number in two runs, all fields of one shape.

    Args:
        before: in the first run.
        after: in the second.
        low: lower end of the interval of after − before; NaN where there are too few slots.
        high: upper end.
        p_value: of a difference of 0; NaN likewise.
    """

    before: Floats
    after: Floats
    low: Floats
    high: Floats
    p_value: Floats


def share_changes(before: Floats, after: Floats, members: Sequence[tuple[UnitGroup, UnitGroup]]) -> UnitChange:
    """How the share of each layer in a language's importance changed.

    Args:
        before: shape (L, K, units): scores in the first run.
        after: shape (L, K, units of the second run).
        members: of all layers, the group of units in the first run and in the second, of one block and kind.

    Returns:
        Fields of shape (L, members).
    """
    found = []
    for scores, run in ((before, 0), (after, 1)):
        sums = np.stack([scores[..., pair[run].where].sum(axis=-1) for pair in members], axis=-1)
        left_out = sums.sum(axis=1, keepdims=True) - sums
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums.sum(axis=1)
            share = means / means.sum(axis=-1, keepdims=True)
            found.append((share, np.moveaxis(left_out / left_out.sum(axis=-1, keepdims=True), 1, 0)))
    return _change(found[0], found[1], np.array_equal(before, after, equal_nan=True))


def overlap_changes(
    before: Floats, after: Floats, groups: tuple[UnitGroup, UnitGroup], q: float
) -> dict[str, UnitChange]:
    """How the overlaps of two languages' scores in a layer changed.

    Args:
        before: shape (L, K, units): comparable scores in the first run.
        after: shape (L, K, units of the second run).
        groups: the layer's units of one kind in the first run and in the second.
        q: share of units that count as top.

    Returns:
        `rank`, `top` and `cosine`, as of `overlap_table`: fields of shape (L, L), the first half of the slots against
        the second, both ways averaged.
    """
    slots = before.shape[1]
    first, second = halves(slots)

    def overlaps(scores: Floats, left_out: int | None) -> dict[str, Floats]:
        kept = [np.setdiff1d(half, [] if left_out is None else [left_out]) for half in (first, second)]
        return _overlaps(scores[:, kept[0]].mean(axis=1), scores[:, kept[1]].mean(axis=1), q)

    own = [before[..., groups[0].where], after[..., groups[1].where]]
    whole = [overlaps(scores, None) for scores in own]
    apart = [[overlaps(scores, k) for k in range(slots)] if slots >= LEAST_OVERLAP_SLOTS else [] for scores in own]
    equal = np.array_equal(own[0], own[1], equal_nan=True)
    out = {}
    for name in whole[0]:
        runs = [
            (whole[run][name], np.array([each[name] for each in apart[run]]).reshape(-1, *whole[run][name].shape))
            for run in range(2)
        ]
        out[name] = _change(runs[0], runs[1], equal)
    if top_count(groups[0].count, q) < LEAST_TOP and not equal:
        unknown = np.full_like(out["top"].before, np.nan)
        out["top"] = replace(out["top"], low=unknown, high=unknown, p_value=unknown)
    return out


def _change(before: tuple[Floats, Floats], after: tuple[Floats, Floats], equal: bool) -> UnitChange:
    """From values of any shape and their leave-one-out values, slots first; whether all scores are the same."""
    difference = after[0] - before[0]
    half, slots = jackknife(after[1] - before[1]), len(before[1])
    half = np.where((half > 0) | (equal & np.isfinite(difference)), half, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.abs(difference) * stats.t.ppf(0.975, max(slots - 1, 1)) / half
    p = np.where(half > 0, 2 * stats.t.sf(statistic, max(slots - 1, 1)), np.where(half == 0, 1.0, np.nan))
    return UnitChange(before[0], after[0], difference - half, difference + half, p)
