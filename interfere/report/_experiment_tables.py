"""The tables of an experiment as the report reads them: numbers as floats, kinds of mixtures, capacities, names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import percent, percent_digits
from interfere.results import Result

INTERFERENCE, TRANSFER, UNDETERMINED = "interference", "transfer", "undetermined"
VERDICTS = (INTERFERENCE, TRANSFER, UNDETERMINED)
KINDS = ("half", "clone", "pair", "triple", "all")
"""Kinds of mixtures; the first two are controls, whose outcome is known beforehand."""
CONTROLS = ("half", "clone")
CASE = ("kind", "mixture", "language", "width", "text")
"""What tells one comparison from another, at one length of training."""
Capacity = tuple[float, float]
"""(width, share of the training text)."""

_WORDS = frozenset(
    ("kind", "mixture", "language", "partners", "verdict", "reason", "a", "b", "group", "pair", "partner", "predictor")
).union(("model", "folder", "lengths"))
_NAME = 40
_LRM = "\u200e"


def table(result: Result, name: str) -> pd.DataFrame:
    """A table with its numbers as floats; an empty one where the result has none of that name."""
    if name not in result.tables:
        return pd.DataFrame()
    found = result.tables[name].reset_index(drop=True)
    numbers = {c: pd.to_numeric(found[c], errors="coerce").astype(float) for c in found.columns if c not in _WORDS}
    # As objects: comparing pandas' own strings with one that ends in NUL finds nothing.
    words = {
        c: pd.Series(["" if pd.isna(v) else str(v) for v in found[c]], index=found.index, dtype=object)
        for c in found.columns
        if c in _WORDS
    }
    return found.assign(**numbers, **words)


def delta_rows(result: Result) -> pd.DataFrame:
    """One row a mixture, language and capacity, the worst first; of short runs those of the longest.

    `known` says where there is a difference, `has` where it has an interval; a verdict that is none of the three is
    undetermined.
    """
    rows = table(result, "deltas")
    if rows.empty:
        return rows.reindex(columns=[*rows.columns, "known", "has"])
    longest = rows.groupby(list(CASE), sort=False)["updates"].transform("max")
    rows = rows[rows["updates"].isna() | (rows["updates"] == longest)]
    return _with_state(rows)


def scout_rows(result: Result) -> pd.DataFrame:
    """One row a mixture, language and capacity: what short runs predict, the worst first.

    The word in `verdict` says on which side of 0 the interval lies; it allows for no number of rows.
    """
    rows = table(result, "scout")
    if rows.empty:
        return rows
    low, high = rows["relative_ci_low"], rows["relative_ci_high"]
    side = np.where(low > 0, INTERFERENCE, np.where(high < 0, TRANSFER, UNDETERMINED))
    return _with_state(rows.assign(verdict=side, delta=rows["relative"]))


def _with_state(rows: pd.DataFrame) -> pd.DataFrame:
    known = np.isfinite(rows["delta"]) & np.isfinite(rows["relative"])
    has = np.isfinite(rows["relative_ci_low"]) & np.isfinite(rows["relative_ci_high"])
    verdict = rows["verdict"].where(rows["verdict"].isin(VERDICTS) & known, UNDETERMINED)
    rows = rows.assign(known=known, has=has & known, verdict=verdict)
    order = ["relative", "kind", "mixture", "language", "width", "text"]
    ascending = [False, True, True, True, True, True]
    return rows.sort_values(order, ascending=ascending, kind="stable", na_position="last").reset_index(drop=True)


def is_scout(result: Result) -> bool:
    """Whether only short runs were made."""
    return not table(result, "scout").empty


def kinds(rows: pd.DataFrame) -> list[str]:
    """The kinds of mixtures in some rows, controls first."""
    there = set(rows["kind"]) if len(rows) else set()
    return [*(k for k in KINDS if k in there), *sorted(there - set(KINDS))]


def capacities(rows: pd.DataFrame) -> list[Capacity]:
    """The widths and shares of text in some rows, the smallest width first."""
    return sorted(set(zip(rows["width"], rows["text"], strict=True))) if len(rows) else []


def some_capacities(rows: pd.DataFrame, most: int) -> tuple[list[Capacity], list[str]]:
    """No more capacities than a picture takes, the first and the last among them, and what was left out."""
    every = capacities(rows)
    if len(every) <= most:
        return every, []
    # Where both were swept, widths with most text tell more than a walk through both.
    largest = max(text for _, text in every)
    several = len({text for _, text in every}) > 1 and len({width for width, _ in every}) > 1
    left = [c for c in every if c[1] == largest] if several else every
    kept = np.linspace(0, len(left) - 1, min(most, len(left))).round().astype(int)
    which = "with most text" if several else "evenly from the smallest to the largest"
    return [left[i] for i in kept], [f"{len(kept)} of {len(every)} capacities, {which}; the others are in deltas.csv."]


def main_capacity(rows: pd.DataFrame) -> Capacity:
    """The capacity that pictures of one capacity show: the smallest width, with most text."""
    every = capacities(rows)
    least = every[0][0]
    return max((c for c in every if c[0] == least), key=lambda c: c[1])


def at_capacity(rows: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    """The rows of one width and share of text."""
    return rows[(rows["width"] == capacity[0]) & (rows["text"] == capacity[1])]


def capacity_names(every: Sequence[Capacity]) -> dict[Capacity, str]:
    """What capacities are called: by what differs between them, and by their width where nothing does."""
    widths, texts = {c[0] for c in every}, {c[1] for c in every}
    out = {}
    for capacity in every:
        parts = [width_name(capacity[0])] if len(widths) > 1 or len(texts) < 2 else []
        parts += [text_name(capacity[1])] if len(texts) > 1 else []
        out[capacity] = ", ".join(parts)
    return out


def width_name(width: float) -> str:
    """A width in words."""
    return f"width {width:g}" if math.isfinite(width) else "unknown width"


def text_name(share: float) -> str:
    """A share of the training text in words."""
    return f"{100 * share:g}% of the text" if math.isfinite(share) else "unknown text"


def strongest(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows in their old order: those with a verdict before others, then the largest differences."""
    if len(rows) <= most:
        return rows
    rank = pd.DataFrame({"open": rows["verdict"] == UNDETERMINED, "size": -rows["relative"].abs()})
    kept = set(rank.sort_values(["open", "size"], kind="stable", na_position="last").index[:most])
    return rows[[i in kept for i in rows.index]]


def names_of(result: Result, width: int = _NAME) -> dict[str, str]:
    """Name of a language → how it is shown."""
    return text.short_names(result.languages, width)


def partners(row: pd.Series, names: dict[str, str], width: int = _NAME) -> str:
    """Who a language shares a model with; the parts of a triple are known by name where that is unmistakable."""
    kind, found = str(row["kind"]), str(row["partners"])
    if kind == "half":
        return "the other half of its text"
    if kind == "clone":
        return "its clone"
    if kind == "all":
        return "all others"
    if found in names:
        return names[found]
    parts = found.split(", ")
    shown = ", ".join(names[p] for p in parts) if all(p in names for p in parts) else text.safe_text(found)
    return text.shorten(shown, width, keep="both")


def row_label(row: pd.Series, names: dict[str, str], width: int = 3 * _NAME) -> str:
    """A row in a picture or a table: who pays, and to whom."""
    own = language_name(row["language"], names)
    if row["kind"] in (*CONTROLS, "all"):
        return own
    return arrow(own, partners(row, names, width))


def arrow(own: str, other: str, gap: str = " ") -> str:
    """Who pays ← to whom, in pictures: from left to right, in whatever direction the names themselves are written."""
    return f"{_LRM}{own}{_LRM}{gap if own else ''}←{gap}{_LRM}{other}{_LRM}"


def language_name(language: str, names: dict[str, str]) -> str:
    """A language as it is shown, if it is one of the result's or not."""
    return names.get(language) or text.shorten(text.safe_text(language), _NAME)


def mixture_names(rows: pd.DataFrame, width: int) -> dict[tuple[str, str], str]:
    """(kind, mixture) → a short form in at most so many cells; a language stands for itself in controls and `all`."""
    plain = {
        (str(kind), str(mixture)): str(kind) if kind in (*CONTROLS, "all") else str(mixture)
        for kind, mixture in zip(rows["kind"], rows["mixture"], strict=True)
    }
    shown = text.short_names(set(plain.values()), width, keep="both")
    return {key: shown[value] for key, value in plain.items()}


def median_half_width(rows: pd.DataFrame) -> float:
    """The middle one of the half widths of the relative intervals; NaN where there are none."""
    own = rows[rows["has"]]
    return float(((own["relative_ci_high"] - own["relative_ci_low"]) / 2).median()) if len(own) else math.nan


def number(row: pd.Series) -> str:
    """A relative difference with its interval in brackets."""
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    digits = percent_digits(low, high)
    out = percent(row["relative"], digits)
    if not (math.isfinite(low) and math.isfinite(high)):
        return out
    ends = [percent(end, digits).removesuffix("%") for end in (low, high)]
    return f"{out} [{ends[0]}, {ends[1]}]"


def distinct(values: Iterable[float]) -> list[float]:
    """Different finite numbers in order."""
    return sorted({float(v) for v in values if math.isfinite(v)})
