"""Two runs of kind `gradients`, compared slot by slot from their Gram matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.comparison._agreement import common_languages, only_one_has
from interfere.comparison._columns import change_table, verdict_changes
from interfere.comparison._families import Changes
from interfere.errors import InputError
from interfere.results import Result
from interfere.statistics import (
    FEWEST_SLOTS,
    Change,
    GramStatistics,
    Linearised,
    SketchParts,
    change,
    from_influence,
    ratio_influence,
)

Floats = NDArray[np.float64]

BODY = "body"
_RUNS = ("the first run", "the second run")


@dataclass(frozen=True)
class _Grams:
    """What one metric has in one run, for the languages that have numbers in both.

    Args:
        gram: (1 + G, L, K, L, K): the body, then the groups that both runs have.
        sketch: the parts that were sketched, None where the Gram is exact.
    """

    gram: Floats
    sketch: SketchParts | None


def gradient_changes(a: Result, b: Result) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of a comparison of two runs of kind `gradients`, and warnings.

    Args:
        a: the first run.
        b: the second, which can be compared with it.

    Raises:
        InputError: fewer than two languages have gradients in both.
    """
    shared = common_languages(a, b)
    metrics = [metric for metric in a.settings["metrics"] if metric in b.settings["metrics"]]
    level = a.settings["granularity"]
    names = [list(run.array_groups[level]) for run in (a, b)]
    groups = [group for group in names[0] if group in set(names[1])]
    warnings = only_one_has("metrics", a.settings["metrics"], b.settings["metrics"])
    warnings += only_one_has("groups", *names)
    partly = _partly_reached(a, shared, names[0]) | _partly_reached(b, shared, names[1])
    if left_out := [group for group in groups if group in partly]:
        groups = [group for group in groups if group not in partly]
        shown = ", ".join(left_out[:3]) + (", …" if len(left_out) > 3 else "")
        warnings.append(
            f"{len(left_out)} groups of experts are not compared ({shown}): some chunks did not reach all of their "
            "experts, and which did so may differ between the runs. Compare their tables, or --granularity layer."
        )
    calibrated = [metric for metric in metrics if metric != "euclidean" and not _given(a, b, metric)]
    if calibrated:
        warnings.append(
            f"The metric {' and '.join(calibrated)} takes its weights from each checkpoint's own gradients: part of a "
            "change may be one of the metric."
        )
    changes = Changes({name: float(a.settings.get("margin", 0.05)) for name in ("corrected", "cosine")})
    for metric in metrics:
        failed = _failed((a, b), shared, metric, level)
        good = [language for language in shared if language not in failed]
        if len(good) < 2:
            raise InputError(f"fewer than two languages have gradients in both runs: {'; '.join(failed.values())}")
        grams = [_grams(run, good, metric, level, own, groups) for run, own in zip((a, b), names, strict=True)]
        runs = [GramStatistics(each.gram, each.sketch) for each in grams]
        rows = _Rows(changes, metric, [BODY, *groups])
        rows.add_pairs(runs, good)
        rows.add_languages(runs, good)
        rows.add_groups(runs, _weights(a, b, good))
        rows.add_failed(shared, failed)
        _add_loss(changes, (a, b), good, metric)
    slots = int(a.settings["chunks"])
    table = change_table(changes.rows(f"{slots} slots; at least {FEWEST_SLOTS} are needed for an interval"))
    keys = ["a", "b", "group", "metric"]
    moved = verdict_changes(table, "pairs", "corrected", a.pairs, b.pairs, keys)
    return {"changes": table, "verdict_changes": moved}, warnings


def _partly_reached(run: Result, languages: Sequence[str], names: Sequence[str]) -> set[str]:
    """The groups that have an expert which not every chunk of these languages reached."""
    if "parts/seen" not in run.arrays:
        return set()
    where = [list(run.languages).index(language) for language in languages]
    missing = ~(run.arrays["parts/seen"][:, where] > 0).all(axis=(1, 2))
    return {names[int(group)] for group in run.arrays["parts/group"][missing]}


def _given(a: Result, b: Result, metric: str) -> bool:
    """Whether both runs were given the weights of a metric, and not their own gradients'."""
    return metric == "adam" and None not in (a.settings.get("adam_state"), b.settings.get("adam_state"))


def _failed(runs: Sequence[Result], shared: Sequence[str], metric: str, level: str) -> dict[str, str]:
    """Language → in which run it has no numbers."""
    out: dict[str, str] = {}
    for run, where in zip(runs, _RUNS, strict=True):
        gram = run.arrays[f"{metric}/{level}"]
        for language in shared:
            i = list(run.languages).index(language)
            if not np.isfinite(gram[:, i, :, i, :]).all():
                out.setdefault(language, f"{language} has no gradients in {where}")
    return out


def _grams(
    run: Result, languages: Sequence[str], metric: str, level: str, names: Sequence[str], groups: Sequence[str]
) -> _Grams:
    whole = run.arrays[f"{metric}/{level}"]
    where = [list(run.languages).index(language) for language in languages]
    own = whole[:, where][:, :, :, where].astype(np.float64)
    places = [names.index(group) for group in groups]
    gram = np.concatenate([own.sum(axis=0, keepdims=True), own[places]])
    table = run.groups[run.groups["metric"] == metric]
    known = dict(zip(table["group"], pd.to_numeric(table["sketch_size"], errors="coerce"), strict=True))
    sizes = np.array([known[name] for name in names], dtype=np.float64)
    if not np.isfinite(sizes).any():
        return _Grams(gram, None)
    members = [list(range(len(names))), *([place] for place in places)]
    return _Grams(gram, SketchParts(own, members, np.where(np.isfinite(sizes), sizes, np.inf)))


def _weights(a: Result, b: Result, languages: Sequence[str]) -> dict[str, Floats]:
    """Column of `groups` → the languages' weights in it, summing to 1."""
    count = len(languages)
    out = {"common_share": np.full(count, 1 / max(count, 1))}
    mixtures = [run.settings.get("mixture") for run in (a, b)]
    if mixtures[0] == mixtures[1] and mixtures[0]:
        weights = np.array([float(mixtures[0].get(language, 0.0)) for language in languages])
        if weights.sum() > 0:
            out["mixture_residual"] = weights / weights.sum()
    return out


@dataclass(frozen=True)
class _Rows:
    """Where the rows of one metric go.

    Args:
        changes: all rows.
        metric: its name.
        groups: the body and the groups, in the order of the Grams.
    """

    changes: Changes
    metric: str
    groups: Sequence[str]

    def _add(self, table: str, name: str, found: Change, keys: Mapping[str, Any], why: Sequence[str]) -> None:
        for g, group in enumerate(self.groups):
            # The body and its parts are two families, as in the runs themselves.
            family = (table, name, self.metric, group == BODY)
            numbers = (found.difference[g], found.low[g], found.high[g], found.p_value[g])
            keyed = {**keys, "group": group, "metric": self.metric}
            self.changes.add(family, keyed, found.before[g], found.after[g], numbers, why[g])

    def add_pairs(self, runs: Sequence[GramStatistics], languages: Sequence[str]) -> None:
        """Every statistic of every two languages."""
        for i, j in combinations(range(len(languages)), 2):
            (before, fits_before), (after, fits_after) = (run.pair(i, j) for run in runs)
            keys = {"a": languages[i], "b": languages[j]}
            of_a, of_b = (list(_unsure(runs, k, languages[k])) for k in (i, j))
            range_ = [
                "" if one and two else f"{_RUNS[int(one)]}'s estimate is out of the range −1 to 1 and too uncertain"
                for one, two in zip(fits_before, fits_after, strict=True)
            ]
            why = {
                "corrected": [x or y or z for x, y, z in zip(of_a, of_b, range_, strict=True)],
                "cosine": [""] * len(self.groups),
                "transfer_ab": of_b,
                "transfer_ba": of_a,
            }
            for name in before:
                self._add("pairs", name, change(before[name], after[name]), keys, why[name])

    def add_languages(self, runs: Sequence[GramStatistics], languages: Sequence[str]) -> None:
        """Every statistic of every language."""
        for i, language in enumerate(languages):
            before, after = (run.own(i) for run in runs)
            why = {"self_similarity": [""] * len(self.groups), "norm": list(_unsure(runs, i, language))}
            for name in before:
                found = change(before[name], after[name])
                if name == "norm":
                    found = _as_norms(found)
                self._add("self", name, found, {"language": language}, why[name])

    def add_groups(self, runs: Sequence[GramStatistics], weights: Mapping[str, Floats]) -> None:
        """What the languages have in common."""
        found: list[tuple[dict[str, Linearised], NDArray[np.bool_]]] = [run.common(weights) for run in runs]
        why = [
            "" if one and two else f"the languages' gradients are not surely above their noise in {_RUNS[int(one)]}"
            for one, two in zip(found[0][1], found[1][1], strict=True)
        ]
        for name in weights:
            self._add("groups", name, change(found[0][0][name], found[1][0][name]), {}, why)

    def add_failed(self, shared: Sequence[str], failed: Mapping[str, str]) -> None:
        """Rows without numbers of languages that have none in one of the runs."""
        nothing = _nothing(len(self.groups))
        for a, b in combinations(shared, 2):
            reasons = [failed[language] for language in (a, b) if language in failed]
            for name in ("corrected", "cosine", "transfer_ab", "transfer_ba") if reasons else ():
                self._add("pairs", name, nothing, {"a": a, "b": b}, ["; ".join(reasons)] * len(self.groups))
        for language, reason in failed.items():
            for name in ("self_similarity", "norm"):
                self._add("self", name, nothing, {"language": language}, [reason] * len(self.groups))


def _unsure(runs: Sequence[GramStatistics], language: int, name: str) -> Iterator[str]:
    """Group by group, why nothing can be said of a ratio over this language's signal."""
    for sure in zip(*(run.sure[:, language] for run in runs), strict=True):
        where = [run for run, ok in zip(_RUNS, sure, strict=True) if not ok]
        yield f"the signal of {name} is not surely above its noise in {' and '.join(where)}" if where else ""


def _as_norms(logs: Change) -> Change:
    """Logarithms of norms as norms, with their difference left as it is: the logarithm of their ratio."""
    return Change(np.exp(logs.before), np.exp(logs.after), logs.difference, logs.low, logs.high, logs.p_value)


def _nothing(groups: int) -> Change:
    unknown = np.full(groups, np.nan)
    return Change(unknown, unknown, unknown, unknown, unknown, unknown)


def _add_loss(changes: Changes, runs: Sequence[Result], languages: Sequence[str], metric: str) -> None:
    """The loss of a predicted token, which is that of the body whatever the metric."""
    tables = [run.tables["chunks"] for run in runs]
    for language in languages:
        values, terms = [], []
        for table in tables:
            own = table[table["language"] == language].sort_values("slot")
            tokens = own["tokens"].to_numpy(dtype=np.float64)
            loss, parts = ratio_influence(own["loss"].to_numpy(dtype=np.float64) * tokens, tokens)
            values.append(loss)
            terms.append(parts)
        found = from_influence(values[1] - values[0], terms[1] - terms[0], FEWEST_SLOTS)
        numbers = (found.difference, found.low, found.high, found.p_value)
        keys = {"language": language, "group": BODY, "metric": metric}
        changes.add(("self", "loss", metric, True), keys, values[0], values[1], numbers)
