"""Scores of units, slot by slot, as profiles, overlaps and units of a language's own.

Slots are halved: the even ones are half a, the odd ones half b. What is picked on one half is judged on the other, and
two languages are compared across halves, so that a language's own other half is a fair ceiling: both share no document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from interfere.statistics._kernels import Floats
from interfere.statistics._verdicts import q_values

LEVEL = 0.05
"""False discovery rate of the units that are called a language's own."""

OF_METHOD = {"activation": ("neuron",), "gates": ("head", "kv", "neuron")}
"""The kinds of units that a method scores, where it does not score all."""

ABSOLUTE = ("activation", "gates")
"""Methods whose scores are probabilities and are compared as they are; others are compared as shares of their layer."""

_LEAST = 0.01
"""This share of an even share is added to shares before their logarithms are compared, so that zeros have one too."""


@dataclass(frozen=True)
class UnitGroup:
    """Units of one kind in one layer, which stand together in the vector of all units.

    Args:
        layer: `encoder.3`.
        block: `attention`, `cross-attention` or `mlp`.
        kind: `head`, `kv`, `neuron`, `block` or `tensor`.
        start: the first one's place.
        count: how many.
    """

    layer: str
    block: str
    kind: str
    start: int
    count: int

    @property
    def where(self) -> slice:
        """The places of its units."""
        return slice(self.start, self.start + self.count)


def halves(slots: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slots of half a and of half b."""
    return np.arange(0, slots, 2), np.arange(1, slots, 2)


def shares(scores: Floats, groups: Sequence[UnitGroup]) -> Floats:
    """Scores as shares of those of the same group, for each language and slot.

    Args:
        scores: shape (…, units).
        groups: of units; places of no group are NaN.
    """
    out = np.full_like(scores, np.nan)
    for group in groups:
        own = scores[..., group.where]
        total = own.sum(axis=-1, keepdims=True)
        # Nothing is the share of nothing; languages without numbers stay NaN.
        out[..., group.where] = own / np.where(total == 0, 1.0, total)
    return out


def jackknife(values: Floats, axis: int = 0) -> Floats:
    """Half the width of a 95 % interval from leave-one-out values; NaN from fewer than four.

    Args:
        values: leave-one-out estimates along `axis`.
    """
    n = values.shape[axis]
    if n < 4:
        return np.full(np.delete(values.shape, axis), np.nan)
    variance = (n - 1) / n * ((values - values.mean(axis=axis, keepdims=True)) ** 2).sum(axis=axis)
    half: Floats = stats.t.ppf(0.975, n - 1) * np.sqrt(variance)
    return half


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


def top_count(count: int, q: float) -> int:
    """How many of `count` units are the top share q; never all of them."""
    return min(int(q * count + 0.5), count - 1)


def _top(values: Floats, count: int) -> NDArray[np.bool_]:
    """Which values are among the `count` largest along the last axis; ties go to the first."""
    order = np.argsort(-values, axis=-1, kind="stable")
    out = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(out, order[..., :count], True, axis=-1)
    return out


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
        "top": _jaccard(_top(a, count), _top(b, count)),
        "cosine": _across(_unit(a), _unit(b)),
    }


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
        picked[known] = _top(margins(values), count)
        core[group.where] = _top(stats.rankdata(values, axis=1).min(axis=0), count)
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
        b_alone = _top(margins(on_b[known][:, group.where]), count)
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


def comparable(scores: Floats, method: str, groups: Sequence[UnitGroup]) -> Floats:
    """Scores that can be compared between languages: probabilities as they are, others as shares of their layer."""
    return scores if method in ABSOLUTE else shares(scores, groups)


def scored_groups(method: str, groups: Sequence[UnitGroup]) -> list[UnitGroup]:
    """The groups of units that a method scores."""
    return [group for group in groups if group.kind in OF_METHOD.get(method, (group.kind,))]


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


@dataclass(frozen=True)
class Damage:
    """Losses of the held-out half with units removed.

    Args:
        base: shape (L, S): mean loss of each language's slots with nothing removed.
        own: shape (L, L, S): with the units of the first language removed, the loss of the second.
        core: shape (L, S): with the core removed.
        random: shape (draws, L, S).
    """

    base: Floats
    own: Floats
    core: Floats
    random: Floats


def ablation_tables(damage: Damage, languages: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What removing units does, language by language, beyond random units.

    Returns:
        One row a set of units and language: removed (a language, `core` or `random`), language, damage (nats per
        prediction), ci_low, ci_high over slots, beyond_random with its interval. And one row a language: own_damage,
        others_damage (both beyond random), specificity (own less others), its interval, p_value (the larger one of own
        damage being above 0 and of specificity being so), q_value, verdict.
    """
    chance = damage.random.mean(axis=0) - damage.base
    rows = []
    effects = {name: damage.own[i] - damage.base for i, name in enumerate(languages)}
    for removed, effect in [*effects.items(), ("core", damage.core - damage.base), ("random", chance)]:
        for j, language in enumerate(languages):
            beyond = effect[j] - chance[j]
            rows.append(
                {
                    "removed": removed,
                    "language": language,
                    **_interval(effect[j], "damage", "ci_low", "ci_high"),
                    **_interval(beyond, "beyond_random", "beyond_low", "beyond_high"),
                    "draws_sd": float((damage.random[:, j] - damage.base[j]).mean(axis=1).std(ddof=1))
                    if removed == "random" and len(damage.random) > 1
                    else np.nan,
                }
            )
    specific = []
    for i, language in enumerate(languages):
        beyond = effects[language] - chance
        others = np.delete(beyond, i, axis=0)
        # Languages without numbers are none of the others.
        others = others[np.isfinite(others).all(axis=1)]
        mean = others.mean(axis=0) if len(others) else np.full(beyond.shape[1], np.nan)
        apart = beyond[i] - mean
        # It has to hurt at all, and more than it hurts others: both have to be shown (Berger 1982).
        p_value = float(np.maximum(_p_above(apart), _p_above(beyond[i])))
        row = {"language": language, "own_damage": beyond[i].mean(), "others_damage": mean.mean()}
        specific.append(row | _interval(apart, "specificity", "ci_low", "ci_high") | {"p_value": p_value})
    table = pd.DataFrame(specific)
    q = q_values(table["p_value"].to_numpy(dtype=float))
    table["q_value"] = q
    table["verdict"] = np.select([q <= LEVEL, np.isnan(q)], ["specific", "undetermined"], "not shown")
    return pd.DataFrame(rows), table


def _interval(values: Floats, name: str, low: str, high: str) -> dict[str, float]:
    """Mean and 95 % t interval over slots."""
    n, mean = len(values), float(values.mean())
    if n < 3 or not np.isfinite(values).all():
        return {name: mean, low: np.nan, high: np.nan}
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return {name: mean, low: mean - half, high: mean + half}


def _p_above(values: Floats) -> float:
    """P of a mean above 0, over slots."""
    if len(values) < 3 or not np.isfinite(values).all():
        return float("nan")
    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 0.0 if values.mean() > 0 else 1.0
    return float(stats.t.sf(values.mean() / error, len(values) - 1))
