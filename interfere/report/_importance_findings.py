"""What an importance result says, in sentences that claim no more than its tests do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_open import importance_open
from interfere.report._importance_tables import (
    counts,
    gate_rows,
    kinds,
    mean_overlap,
    methods,
    noun,
    of_method,
    parts,
    profile_parts,
    shares,
)
from interfere.report._importance_words import expected, interval, listed, many, own_total, safe_method, whole
from interfere.report._removal_findings import core_sentence, side_effects, specific_headline
from interfere.results import Result

_LAYERS = 2


def importance_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    First units of a language's own by the first method, and what removing them does; then which languages share most,
    where in the model languages differ, the other methods, and what this run does not tell. Warnings are not repeated.

    Args:
        result: of kind `importance`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    names = text.short_names(result.languages, 40)
    method = methods(result)[0]
    out = [
        own_headline(result),
        specific_headline(result, names),
        side_effects(result, names),
        core_sentence(result, names),
    ]
    out += [_again(result), *(_overlap(result, method, kind, names) for kind in _compared(result, method))]
    out += [_layers(result, method, names), *(_other(result, m) for m in methods(result)[1:]), _gates(result)]
    return [*(sentence for sentence in out if sentence), *importance_open(result)]


def own_headline(result: Result) -> str:
    """How many units are a language's own by the first method; nothing where that could not be tested."""
    method = methods(result)[0]
    rows, total = counts(result, method), own_total(result, method)
    if total is None:
        return ""
    names = text.short_names(result.languages, 40)
    by_language = rows.groupby("language")[["own", "picked"]].sum().loc[_tested(rows)]
    of = text.count(by_language["picked"].max())
    found, chance = sum(total[0].values()), total[1]
    if not found:
        what = listed([noun(kind) for kind in total[0]])
        return (
            f"By the {safe_method(method)} scores none of the {what} picked for a language, {of} for each, could be "
            "shown to be its own: on text that did not pick them, none scores higher there than in every other "
            "language with q ≤ 0.05."
        )
    what = listed([many(count, noun(kind, 1)) for kind, count in total[0].items() if count])
    own = sorted(zip(by_language["own"].tolist(), map(str, by_language.index), strict=True))
    span = f"from {whole(own[0][0])} ({names[own[0][1]]}) to {whole(own[-1][0])} ({names[own[-1][1]]})"
    return (
        f"By the {safe_method(method)} scores {what} {'is' if found == 1 else 'are'} a language's own, {span} of {of} "
        "picked for each: on text that did not pick them they score higher there than in every other language (q ≤ "
        f"0.05; by chance alone at most about {expected(chance)} of the {found:,.0f} would be called so)."
    )


def own_list(result: Result, most: int = 12) -> list[str]:
    """Each language's own units by the first method, next to what chance may have given.

    Args:
        result: of kind `importance`.
        most: languages that are named; with more there is nothing, as a table has them.
    """
    rows = counts(result, methods(result)[0])
    if rows.empty or len(result.languages) > most:
        return []
    names, out = text.short_names(result.languages, 40), []
    for language in result.languages:
        own = rows[(rows["language"] == language) & np.isfinite(rows["own"])]
        parts_ = [
            f"{whole(r['own'])} of {many(r['picked'], noun(r['kind'], 1))} "
            f"(at most about {expected(r['own_by_chance'])} by chance)"
            for _, r in own.iterrows()
        ]
        if parts_:
            out.append(f"{names[language]}: {listed(parts_)}")
    return out


def _again(result: Result) -> str:
    rows = counts(result, methods(result)[0])
    if rows.empty or not rows["picked"].sum():
        return ""
    again, chance = (float(rows[c].sum() / rows["picked"].sum()) for c in ("again", "again_by_chance"))
    return (
        f"Of the units picked on one half of the text {text.share(again)} are picked again on the other half alone; "
        f"picking at random would give {text.share(chance)}."
    )


def _compared(result: Result, method: str) -> list[str]:
    return kinds(of_method(result, "overlap", method))


def _overlap(result: Result, method: str, kind: str, names: dict[str, str]) -> str:
    rows = mean_overlap(result, method, kind)
    rows = rows[(rows["a"] != rows["b"]) & np.isfinite(rows["rank"]) & (rows["rank_ceiling"] > 0)]
    if rows.empty:
        return ""
    rows = rows.assign(part=rows["rank"] / rows["rank_ceiling"]).sort_values(["part", "a", "b"], kind="stable")
    low, high = rows.iloc[0], rows.iloc[-1]
    where = "in the mean over layers"
    if len(rows) == 1:
        return f"{_pair(high, names)} rank {noun(kind)} alike to this degree {where}: {_rank(high)}."
    out = (
        f"The languages that rank {noun(kind)} most alike {where} are {_pair(high, names)}: {_rank(high)}; least alike "
    )
    out += f"are {_pair(low, names)}: {_rank(low)}."
    if rows["rank_low"].notna().any():
        reached = int(rows["reaches"].sum())
        out += (
            f" For {reached:,} of {many(len(rows), 'pair')} the interval reaches the ceiling: this run cannot tell "
            "them from a language and its own other half."
            if reached
            else f" None of the intervals of {len(rows):,} pairs reaches its ceiling."
        )
    return out


def _pair(row: pd.Series, names: dict[str, str]) -> str:
    return f"{names[row['a']]} and {names[row['b']]}"


def _rank(row: pd.Series) -> str:
    bounds = [min(1.0, max(-1.0, float(row[end]))) for end in ("rank_low", "rank_high")]
    known = row[["rank_low", "rank_high"]].notna().all()
    shown = interval(bounds[0], bounds[1], digits=2) if known else "no interval"
    ceiling = text.cosine(row["rank_ceiling"])
    return f"rank overlap {text.cosine(row['rank'])} ({shown}), {row['part']:.0%} of their ceiling of {ceiling}"


def _layers(result: Result, method: str, names: dict[str, str]) -> str:
    rows, found = of_method(result, "layers", method), []
    for part in profile_parts(result, method):
        values = shares(rows, part, result.languages)
        ends = [shares(rows, part, result.languages, column) for column in ("ci_low", "ci_high")]
        for column, layer in enumerate(part.layers):
            if np.isfinite(values[:, column]).sum() < 2:
                continue
            low, high = int(np.nanargmin(values[:, column])), int(np.nanargmax(values[:, column]))
            apart = ends[0][high, column] > ends[1][low, column]
            known = np.isfinite(ends[0][[low, high], column]).all()
            shown = [
                f"{_percent(values[i, column])} for {names[result.languages[i]]} "
                f"({_shares(ends[0][i, column], ends[1][i, column])})"
                for i in (high, low)
            ]
            where = text.shorten(text.safe_text(part.place(layer)), 70, keep="end")
            mark = "" if not known else ", intervals apart" if apart else ", intervals overlapping"
            found.append((values[high, column] - values[low, column], f"{where}, {shown[0]} and {shown[1]}{mark}"))
    if not found:
        return ""
    found.sort(key=lambda entry: -entry[0])
    what = "blocks" if profile_parts(result, method)[0].kind == "block" else "places"
    return (
        f"Where importance lies differs most between languages in {'; '.join(s for _, s in found[:_LAYERS])}. "
        f"These are the largest of the differences in {many(len(found), what[:-1])}"
        f"{', and each interval holds by itself' if rows['ci_low'].notna().any() else ''}."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _shares(low: float, high: float) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no interval"
    return f"95% interval {100 * max(low, 0.0):.1f}% to {100 * min(high, 1.0):.1f}%"


def _other(result: Result, method: str) -> str:
    total = own_total(result, method)
    if total is None:
        return ""
    what = listed([many(count, noun(kind, 1)) for kind, count in total[0].items()])
    found = sum(total[0].values())
    return (
        f"By the {safe_method(method)} scores, {what} {'is' if found == 1 else 'are'} a language's own (at most about "
        f"{expected(total[1])} by chance)."
    )


def _gates(result: Result) -> str:
    rows = gate_rows(result)
    said = []
    for part in parts(rows):
        own = rows[(rows["block"] == part.block) & (rows["kind"] == part.kind)].dropna(subset=["keep"])
        if own.empty:
            continue
        apart = (own["keep_a"] - own["keep_b"]).abs().mean()
        said.append(
            f"{text.safe_text(part.name)} {text.number(own['keep'].mean())} (by language and layer from "
            f"{text.number(own['keep'].min())} to {text.number(own['keep'].max())}; a language's halves differ by "
            f"{text.number(apart)} in the mean)"
        )
    return f"Trained gates keep in the mean of {'; of '.join(said)}. They have no intervals." if said else ""


def _tested(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows.loc[np.isfinite(rows["own"]), "language"]))
