"""Units of a language's own: picked on one half of the text, judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._units import ABSOLUTE, UnitGroup, comparable, halves, scored_groups, top, top_count
from interfere.statistics._verdicts import q_values

LEVEL = 0.05
"""False discovery rate of the units that are called a language's own."""

_LEAST = 0.01
"""This share of an even share is added to shares before their logarithms are compared, so that zeros have one too."""


@dataclass(frozen=True)
class Chosen:
    """Units picked on half a.

    Args:
        own: shape (L, units): the top q of each language's margins, group by group.
        core: shape (units,): the top q by the lowest rank that a unit has in any language: what every language needs.
        counts: group → how many were picked for each language.
    """

    own: NDArray[np.bool_]
    core: NDArray[np.bool_]
    counts: dict[UnitGroup, int]


def margins(scores: Floats) -> Floats:
    """By how much a unit's score in each language exceeds that in every other language.

    Args:
        scores: shape (L, units), of two languages or more.
    """
    out = np.empty_like(scores)
    for row in range(len(scores)):
        others = np.delete(scores, row, axis=0)
        out[row] = scores[row] - others.max(axis=0)
    return out


def choose(scores: Floats, groups: Sequence[UnitGroup], q: float, kinds: Sequence[str]) -> Chosen:
    """Pick units on half a.

    Args:
        scores: shape (L, K, units): shares for scores without a scale of their own.
        groups: of units.
        q: share of each group.
        kinds: of groups that are picked from.
    """
    selection = scores[:, halves(scores.shape[1])[0]].mean(axis=1)
    known = np.isfinite(selection).any(axis=1)
    own = np.zeros(selection.shape, dtype=bool)
    core = np.zeros(selection.shape[1], dtype=bool)
    counts: dict[UnitGroup, int] = {}
    for group in groups:
        count = top_count(group.count, q) if group.kind in kinds else 0
        if count < 1:
            continue
        counts[group] = count
        values = selection[known][:, group.where]
        picked = own[:, group.where]
        picked[known] = top(margins(values), count)
        core[group.where] = top(stats.rankdata(values, axis=1).min(axis=0), count)
    return Chosen(own, core, counts)


def own_units_table(
    scores: Floats, groups: Sequence[UnitGroup], chosen: Chosen, languages: Sequence[str], method: str, logs: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units of a language's own: picked on half a, judged on half b.

    A picked unit is the language's own where its score there is above that of every other language: one-sided paired
    t tests over the slots of half b, with a floor under the standard deviation, of which the worst counts (an
    intersection–union test, Berger 1982), and Benjamini–Hochberg over all units that were picked for any language.

    Args:
        scores: as for `choose`.
        groups: of units.
        chosen: what was picked.
        languages: L names.
        method: recorded in the tables.
        logs: whether logarithms are compared, as shares want.

    Returns:
        One row a picked unit: language, method, layer, block, kind, unit, score_a, score_b (means over the halves),
        others_a, others_b (the largest of the other languages), p_value, q_value, own. And one row a language and
        kind: picked, own, own_by_chance (at most that many of them in expectation), again (picked once more by half b
        alone), again_by_chance.
    """
    first, second = halves(scores.shape[1])
    on_a, on_b = scores[:, first].mean(axis=1), scores[:, second].mean(axis=1)
    known = [i for i in range(len(languages)) if np.isfinite(on_a[i]).any()]
    rows = []
    again: dict[tuple[str, str], list[float]] = {}
    for group, count in chosen.counts.items():
        b_alone = top(margins(on_b[known][:, group.where]), count)
        for position, row in enumerate(known):
            picked = np.flatnonzero(chosen.own[row, group.where])
            key = (languages[row], group.kind)
            tally = again.setdefault(key, [0.0, 0.0])
            tally[0] += float(b_alone[position, picked].sum())
            tally[1] += count * count / group.count
            judged = scores[:, second, group.where]
            p_values = _worst_p(np.log(judged + _LEAST / group.count) if logs else judged, row, known)[picked]
            others = [i for i in known if i != row]
            for unit, p_value in zip(picked, p_values, strict=True):
                place = group.start + unit
                rows.append(
                    {
                        "language": languages[row],
                        "method": method,
                        "layer": group.layer,
                        "block": group.block,
                        "kind": group.kind,
                        "unit": int(unit),
                        "score_a": on_a[row, place],
                        "others_a": on_a[others, place].max(),
                        "score_b": on_b[row, place],
                        "others_b": on_b[others, place].max(),
                        "p_value": p_value,
                    }
                )
    columns = ["language", "method", "layer", "block", "kind", "unit"]
    columns += ["score_a", "others_a", "score_b", "others_b", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    table["q_value"] = q_values(table["p_value"].to_numpy(dtype=float))
    table["own"] = table["q_value"] <= LEVEL
    summary = []
    for (language, kind), (found, chance) in again.items():
        own = table[(table["language"] == language) & (table["kind"] == kind)]
        summary.append(
            {
                "language": language,
                "method": method,
                "kind": kind,
                "picked": len(own),
                "own": int(own["own"].sum()),
                "own_by_chance": LEVEL * int(own["own"].sum()),
                "again": int(found),
                "again_by_chance": chance,
            }
        )
    return table, pd.DataFrame(summary)


def _worst_p(judged: Floats, row: int, known: Sequence[int]) -> Floats:
    """For each unit, the largest p of one language's being above another's.

    A standard deviation counts as at least the median one of the group, of those that are not 0: with few slots some
    units have next to none by luck, or because they are hardly ever used, and any difference would do.

    Args:
        judged: shape (L, slots, units): all units of a group.
        row: the one language.
        known: the languages that have numbers.
    """
    slots = judged.shape[1]
    if slots < 3:
        return np.full(judged.shape[2], np.nan)
    out = np.zeros(judged.shape[2])
    for other in known:
        if other == row:
            continue
        apart = judged[row] - judged[other]
        deviation = apart.std(axis=0, ddof=1)
        positive = deviation[deviation > 0]
        if not len(positive):
            return np.full(judged.shape[2], np.nan)
        error = np.maximum(deviation, np.median(positive)) / np.sqrt(slots)
        out = np.maximum(out, stats.t.sf(apart.mean(axis=0) / error, slots - 1))
    return out


def judge_units(
    scores: Floats, groups: Sequence[UnitGroup], languages: Sequence[str], method: str, q: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pick units of each language on half a and judge them on half b: `choose`, then `own_units_table`.

    Args:
        scores: shape (L, K, units), as the method gives them.
        groups: of units.
        languages: L names.
        method: which method.
        q: share of each group that is picked.
    """
    values = comparable(scores, method, groups)
    chosen = choose(values, scored_groups(method, groups), q, ("head", "kv", "neuron"))
    return own_units_table(values, groups, chosen, languages, method, logs=method not in ABSOLUTE)
