"""What a comparison says, in sentences that claim no more than its tests do."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from interfere.report import _text as text
from interfere.report._comparison_tables import (
    FOUND,
    HIGHER,
    LOWER,
    SAME,
    UNDETERMINED,
    Family,
    by_place,
    compared,
    families,
    known,
    labels,
    main_families,
    main_metric,
)
from interfere.report._importance_words import listed, many
from interfere.results import Result

_LED = ("corrected", "loss", "delta", "bits_per_byte", "rank", "share", "common_share", "self_similarity", "norm")
_NAMED = 6  # rows that a list names


def comparison_findings(result: Result) -> list[str]:
    """What changed, in plain sentences with numbers and their uncertainty, the most important first.

    First how many rows of each quantity are higher and lower, and which most; then where in the model; then verdicts
    that are other ones, and how that is to be read; then what is undetermined. Warnings are not repeated.

    Args:
        result: of kind `comparison`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    names = text.short_names(result.languages, 40)
    led = [family for family in main_families(result) if family.quantity.name in _LED]
    out = [headline(result, family, names) for family in led]
    out += [_places(family) for family in _by_layer(result)]
    out.append(_verdicts(result, names))
    return [*(sentence for sentence in out if sentence), *comparison_open(result)]


def comparison_open(result: Result) -> list[str]:
    """What the comparison leaves undetermined, and what it cannot tell whatever it finds."""
    out = []
    for family in main_families(result):
        n = family.count(UNDETERMINED)
        if n and family.quantity.name in _LED:
            reasons = family.rows.loc[family.rows["verdict"] == UNDETERMINED, "reason"].value_counts()
            reason = text.safe_text(reasons.index[0])
            most = f": {reason}" if len(reasons) == 1 else ""
            where = f"{n:,} of {_rows(len(family.rows), family)}"
            out.append(f"Whether the {_words(family)} changed is undetermined in {where}{most}.")
    out.append(
        "Why anything changed: two checkpoints are compared, and all that was done between them counts. Intervals hold "
        "for these two checkpoints on text like this, and not for another training run."
    )
    return out


def headline(result: Result, family: Family, names: Mapping[str, str]) -> str:
    """How many rows of a family changed, and which most."""
    n, counts = len(family.rows), {verdict: family.count(verdict) for verdict in (*FOUND, SAME)}
    found = [verdict for verdict in FOUND if counts[verdict]]
    plural = family.quantity.name == "bits_per_byte"
    what, verb, has = (f"The {_words(family)}", "is", "has") if not plural else ("Bits per byte", "are", "have")
    margin = result.settings.get("margins", {}).get(family.quantity.name)
    within = f" (surely within ±{margin:g})" if margin is not None else ""
    if not found:
        if counts[SAME] == n:
            where = (
                ""
                if n == 1 and not family.rows["place"].iloc[0] and family.quantity.noun == "scope"
                else (f" in {'all ' * (n > 1)}{_rows(n, family)}")
            )
            return f"{what} {has} not changed{where}{within}."
        same = f"; in {counts[SAME]:,} it is the same{within}" if counts[SAME] else ""
        return f"{what} could not be shown to have changed in {'any of ' * (n > 1)}{_rows(n, family)}{same}."
    if family.quantity.noun == "scope" and n == 1:
        row = family.rows.iloc[0]
        return f"{what} {verb} {_meaning(family, found[0])}: {change(row, family)}."
    said = listed([f"{_meaning(family, v)} in {'all ' * (counts[v] == n > 1)}{counts[v]:,}" for v in found])
    of = f" of {n:,}" if counts[found[0]] < n else ""
    noun = _noun(family) if n == 1 else _plural(family)
    rest = [f"the same in {counts[SAME]:,}{within}"] * bool(counts[SAME])
    rest += [f"undetermined in {family.count(UNDETERMINED):,}"] * bool(family.count(UNDETERMINED))
    ends = []
    for verdict in found:
        rows = family.found[family.found["verdict"] == verdict].head(1)
        ends.append(f"{labels(rows, 40, names)[0]} {change(rows.iloc[0], family)}")
    more = f"; {', '.join(rest)}" if rest else ""
    return f"{what} {verb} {said}{of} {noun} (q ≤ 0.05){more}. Most: {'; '.join(ends)}."


def change_list(family: Family, names: Mapping[str, str], most: int = _NAMED) -> list[str]:
    """The rows of a family that changed, the largest difference first; none where the headline has named all."""
    rows = family.found
    if len(rows) < 2:
        return []
    shown = rows.head(most)
    out = [
        f"{label}: {change(row, family)}, {row['verdict']}"
        for label, (_, row) in zip(labels(shown, 40, names), shown.iterrows(), strict=True)
    ]
    return [*out, f"and {len(rows) - most:,} more"] if len(rows) > most else out


def change(row: pd.Series, family: Family) -> str:
    """A row's numbers: before, after, and the difference with its interval and q."""
    digits = family.quantity.digits
    values = f"{text.number(row['before'], digits)} → {text.number(row['after'], digits)}"
    return f"{values}, {difference(row, family)}"


def difference(row: pd.Series, family: Family) -> str:
    """A row's difference with its interval and q; of a norm in per cent."""
    shown = signed(row["difference"], family)
    if not (known(row["ci_low"]) and known(row["ci_high"])):
        return f"{shown} (no interval)"
    ends = f"95% interval {signed(row['ci_low'], family)} to {signed(row['ci_high'], family)}"
    q = text.probability(row["q_value"])
    return f"{shown} ({ends}{'' if not known(row['q_value']) else f', q {q}' if q.startswith('<') else f', q = {q}'})"


def signed(value: float, family: Family) -> str:
    """A difference with its sign; the logarithm of a ratio of norms as per cent."""
    if family.quantity.name in ("norm", "relative") and known(value):
        import math

        share = 100 * (math.expm1(value) if family.quantity.name == "norm" else value)
        out, unit = text.number(share, 1), "%"
    else:
        out, unit = text.number(value, family.quantity.digits), ""
    if out == text.UNKNOWN:
        return out
    return (f"+{out}" if float(out) > 0 else out) + unit


def _meaning(family: Family, verdict: str) -> str:
    of = family.quantity.higher if verdict == HIGHER else family.quantity.lower
    return f"{verdict} ({of})" if of else verdict


def _words(family: Family) -> str:
    """A quantity with its metric, method or model, where there is a choice of them."""
    quantity, measure = family.quantity, text.shorten(text.safe_text(family.measure), 40)
    if quantity.table in ("overlap", "layers"):
        return f"{quantity.words} by {measure}"
    if quantity.table == "deltas":
        return f"{quantity.words} of model {measure}"
    return quantity.words


def _noun(family: Family) -> str:
    if family.quantity.table == "quality":
        return "language and model"
    of = {"pair": "pair of languages", "scope": "scope"}.get(family.quantity.noun, family.quantity.noun)
    return f"{of} and layer" if family.parts else of


def _plural(family: Family) -> str:
    return {
        "pair of languages": "pairs of languages",
        "language": "languages",
        "scope": "scopes",
        "pair of languages and layer": "combinations of pair and layer",
        "language and layer": "combinations of language and layer",
        "language and model": "combinations of language and model",
        "scope and layer": "layers",
    }[_noun(family)]


def _rows(n: int, family: Family) -> str:
    return f"{n:,} {_noun(family) if n == 1 else _plural(family)}"


def _by_layer(result: Result) -> list[Family]:
    """The first quantity of runs of kind `gradients`, in parts of the first metric."""
    if compared(result) != "gradients":
        return []
    first = main_metric(result)
    return [f for f in families(result) if f.parts and f.measure == first and f.quantity.name == "corrected"]


def _places(family: Family) -> str:
    """In which layers pairs changed most."""
    counts = by_place(family)
    found = counts[HIGHER] + counts[LOWER]
    n = int(found.sum())
    if not n:
        return f"By layer, no corrected cosine could be shown to have changed ({_rows(len(family.rows), family)})."
    most = counts.loc[found == found.max()]
    layer = text.shorten(text.safe_text(most.index[0]), 40, keep="end")
    pairs = int(counts.iloc[0].sum())
    named = f"most in {layer}, with {int(found.max())} of {many(pairs, 'pair')}" + (
        f" (as in {many(len(most) - 1, 'other layer')})" if len(most) > 1 else ""
    )
    parts = [f"{v} in {int(counts[v].sum()):,}" for v in FOUND if counts[v].sum()]
    return f"By layer, the corrected cosine is {listed(parts)} of {_rows(len(family.rows), family)}; {named}."


def _verdicts(result: Result, names: Mapping[str, str]) -> str:
    """How many verdicts are other ones, and of how many the change itself is shown."""
    moved = result.tables["verdict_changes"]
    if compared(result) not in ("gradients", "deltas"):
        return ""
    if moved.empty:
        return "No verdict of the two runs is another one in the second."
    shown = int(moved["shown"].astype(bool).sum())
    n = len(moved)
    ways = (moved["before"].astype(str) + " → " + moved["after"].astype(str)).value_counts()
    told = ", ".join(f"{text.safe_text(way)} {count:,}" for way, count in list(ways.items())[:4])
    which = f"{shown:,} of these changes {'is' if shown == 1 else 'are'} shown" if shown else "no such change is shown"
    if n == 1:
        which = "that change is shown" if shown else "that change is not shown"
    return (
        f"{n:,} verdict{'s are' if n > 1 else ' is'} another one in the second run ({told}); "
        f"{which}. A changed verdict is no change by itself: it may come of going from just short of a threshold to "
        "just beyond it."
    )
