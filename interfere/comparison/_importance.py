"""Two runs of kind `importance`, compared slot by slot from the scores of their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from interfere.comparison._agreement import common_languages, only_one_has
from interfere.comparison._columns import VERDICT_CHANGE_COLUMNS, change_table
from interfere.comparison._families import Changes
from interfere.results import Result
from interfere.statistics import (
    UnitChange,
    UnitGroup,
    comparable,
    overlap_changes,
    scored_groups,
    share_changes,
)

_Name = tuple[str, str, str, str]
_Pair = tuple[UnitGroup, UnitGroup]


def importance_changes(a: Result, b: Result) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of a comparison of two runs of kind `importance`, and warnings.

    Args:
        a: the first run.
        b: the second, which can be compared with it.
    """
    shared = common_languages(a, b)
    methods = [method for method in a.settings["methods"] if method in b.settings["methods"]]
    warnings = only_one_has("methods", a.settings["methods"], b.settings["methods"])
    if "gates" in methods:
        methods.remove("gates")
        warnings.append("Gates are trained on halves of the text and not slot by slot: they are not compared.")
    groups = [_groups(run) for run in (a, b)]
    both = {name: (groups[0][name], groups[1][name]) for name in groups[0] if name in groups[1]}
    warnings += only_one_has("units of", *([" ".join(part for part in name if part) for name in own] for own in groups))
    other = [name for name, (one, two) in both.items() if one.count != two.count]
    if other:
        told = ", ".join(" ".join(part for part in name if part) for name in other[:4])
        warnings.append(f"The checkpoints have another number of units in {told}: these are not compared.")
    both = {name: pair for name, pair in both.items() if name not in set(other)}
    changes = Changes()
    for method in methods:
        scores = [_scores(run, method, shared) for run in (a, b)]
        wanted = set(scored_groups(method, list(groups[0].values())))
        scored = {name: pair for name, pair in both.items() if pair[0] in wanted}
        _add_shares(changes, scores, scored, groups, shared, method)
        _add_overlaps(changes, (a, b), scores, scored, groups, shared, method)
    slots = int(a.settings["chunks"])
    unknown = (
        f"no interval: a language has no scores, {slots} slots are too few (4 for a share, 8 for an overlap), or "
        "there are so few units that leaving out a slot does not move the number"
    )
    table = change_table(changes.rows(unknown))
    return {"changes": table, "verdict_changes": pd.DataFrame(columns=list(VERDICT_CHANGE_COLUMNS))}, warnings


def _groups(run: Result) -> dict[_Name, UnitGroup]:
    """(layer, block, kind, name) → units that stand together."""
    return {
        (row["layer"], row["block"], row["kind"], row["name"] or ""): UnitGroup(
            row["layer"], row["block"], row["kind"], row["start"], row["units"]
        )
        for row in run.tables["units"].to_dict(orient="records")
    }


def _scores(run: Result, method: str, languages: Sequence[str]) -> Any:
    where = [list(run.languages).index(language) for language in languages]
    return run.arrays[method][where].astype(np.float64)


def _add_shares(
    changes: Changes,
    scores: Sequence[Any],
    scored: Mapping[_Name, _Pair],
    groups: Sequence[Mapping[_Name, UnitGroup]],
    languages: Sequence[str],
    method: str,
) -> None:
    """Shares of layers, of the kinds of units whose layers are the same in both runs."""
    kinds: dict[tuple[str, str], list[_Pair]] = {}
    for (_, block, kind, _), pair in scored.items():
        if kind != "tensor":
            kinds.setdefault(("" if kind == "block" else block, kind), []).append(pair)
    for (block, kind), members in kinds.items():
        every = [[n for n in own if n[2] == kind and (kind == "block" or n[1] == block)] for own in groups]
        if not 1 < len(members) == len(every[0]) == len(every[1]):
            continue  # a share of all layers is another number where these are others, and 1 where there is but one
        found = share_changes(scores[0], scores[1], members)
        for i, language in enumerate(languages):
            for j, (group, _) in enumerate(members):
                keys = {"language": language, "method": method, "layer": group.layer, "block": group.block}
                _add(changes, ("layers", "share", method, kind), {**keys, "kind": kind}, found, (i, j))


def _add_overlaps(
    changes: Changes,
    runs: Sequence[Result],
    scores: Sequence[Any],
    scored: Mapping[_Name, _Pair],
    groups: Sequence[Mapping[_Name, UnitGroup]],
    languages: Sequence[str],
    method: str,
) -> None:
    """Overlaps of two languages, and of a language with its own other half, in every layer."""
    alike = [comparable(own, method, list(units.values())) for own, units in zip(scores, groups, strict=True)]
    for pair in scored.values():
        group = pair[0]
        if group.kind in ("block", "tensor") or group.count < 3:
            continue
        found = overlap_changes(alike[0], alike[1], pair, float(runs[0].settings["top"]))
        for i, j in combinations_with_replacement(range(len(languages)), 2):
            keys = {"a": languages[i], "b": languages[j], "method": method, "layer": group.layer, "block": group.block}
            for name, change in found.items():
                _add(changes, ("overlap", name, method, group.kind), {**keys, "kind": group.kind}, change, (i, j))


def _add(
    changes: Changes, family: tuple[str, ...], keys: Mapping[str, Any], found: UnitChange, where: tuple[int, int]
) -> None:
    before, after = found.before[where], found.after[where]
    numbers = (after - before, found.low[where], found.high[where], found.p_value[where])
    changes.add(family, keys, before, after, numbers)
