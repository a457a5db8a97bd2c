"""The table of a comparison as its report reads it: families of rows, each about one quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.results import Result

BODY = "body"
HIGHER, LOWER, SAME, UNDETERMINED = "higher", "lower", "same", "undetermined"
VERDICTS = (HIGHER, LOWER, SAME, UNDETERMINED)
FOUND = (HIGHER, LOWER)

_NUMBERS = ("before", "after", "difference", "ci_low", "ci_high", "p_value", "q_value")


@dataclass(frozen=True)
class Quantity:
    """A quantity that is compared.

    Args:
        table: where it stands in the runs.
        name: its column there.
        words: what it is called in a sentence.
        noun: what a row of it is about.
        digits: behind the point.
        higher: what it means that it has risen, in a few words; empty where that is no better and no worse.
        lower: what it means that it has fallen.
    """

    table: str
    name: str
    words: str
    noun: str
    digits: int = 2
    higher: str = ""
    lower: str = ""


QUANTITIES: Mapping[str, Sequence[Quantity]] = {
    "gradients": (
        Quantity("pairs", "corrected", "corrected cosine", "pair", 3, "more alike", "less alike"),
        Quantity("self", "loss", "loss of a predicted token", "language", 3, "worse", "better"),
        Quantity("self", "self_similarity", "self-similarity", "language", 3, "less noise", "more noise"),
        Quantity("self", "norm", "norm", "language", 3, "longer", "shorter"),
        Quantity("groups", "common_share", "common share", "scope", 3, "more in common", "less in common"),
        Quantity("groups", "mixture_residual", "mixture residual", "scope", 3),
        Quantity("pairs", "cosine", "raw cosine", "pair", 3),
        Quantity("pairs", "transfer_ab", "transfer, first → second", "pair", 3),
        Quantity("pairs", "transfer_ba", "transfer, second → first", "pair", 3),
    ),
    "deltas": (
        Quantity("deltas", "delta", "Δ to the monolingual model", "language", 3, "worse", "better"),
        Quantity("deltas", "relative", "relative Δ", "language", 3, "worse", "better"),
        Quantity("quality", "bits_per_byte", "bits per byte", "language", 3, "worse", "better"),
    ),
    "importance": (
        Quantity("overlap", "rank", "rank overlap", "pair", 3, "more shared", "less shared"),
        Quantity("overlap", "cosine", "cosine of scores", "pair", 3, "more shared", "less shared"),
        Quantity("overlap", "top", "overlap of top units", "pair", 3, "more shared", "less shared"),
        Quantity("layers", "share", "share of the layer", "language", 3),
    ),
}
"""Kind of the compared runs → what is compared, the most important first."""


@dataclass(frozen=True)
class Family:
    """Rows about one quantity that are read together.

    Args:
        quantity: which.
        measure: the metric, the method or the multilingual model; empty where there is none.
        parts: whether the rows are those of layers or other parts, and not of the whole.
        rows: of `changes`, numbers as floats; the column `place` has the layer, group or model that a row is about.
    """

    quantity: Quantity
    measure: str
    parts: bool
    rows: pd.DataFrame

    def count(self, verdict: str) -> int:
        """How many rows have a verdict."""
        return int((self.rows["verdict"] == verdict).sum())

    @property
    def found(self) -> pd.DataFrame:
        """The rows that have changed, the largest difference first."""
        rows = self.rows[self.rows["verdict"].isin(FOUND)]
        return rows.loc[rows["difference"].abs().sort_values(ascending=False, kind="stable").index]


def compared(result: Result) -> str:
    """The kind of the runs that were compared."""
    return str(result.settings.get("compared"))


def families(result: Result) -> list[Family]:
    """All families of a comparison, the most important first: of each quantity the whole, then its parts."""
    table = result.tables["changes"]
    table = table.assign(**{c: pd.to_numeric(table[c], errors="coerce").astype(float) for c in _NUMBERS})
    return [family for quantity in QUANTITIES.get(compared(result), ()) for family in _of_quantity(table, quantity)]


def _of_quantity(table: pd.DataFrame, quantity: Quantity) -> Iterator[Family]:
    rows = table[(table["table"] == quantity.table) & (table["quantity"] == quantity.name)]
    column = {"overlap": "method", "layers": "method", "deltas": "multilingual", "quality": ""}.get(
        quantity.table, "metric"
    )
    measures = list(dict.fromkeys(rows[column])) if column else [""]
    # A loss is of no metric; its rows are the same in each.
    for measure in measures[:1] if quantity.name == "loss" else measures:
        own = rows[rows[column] == measure] if column else rows
        if quantity.table in ("pairs", "self", "groups"):
            for parts in (False, True):
                some = own[(own["group"] != BODY) == parts]
                if not some.empty:
                    shown = "" if quantity.name == "loss" else str(measure)
                    yield Family(quantity, shown, parts, some.assign(place=some["group"] if parts else ""))
        elif not own.empty:
            yield Family(quantity, str(measure), column == "method", own.assign(place=_place(own, quantity)))


def _place(rows: pd.DataFrame, quantity: Quantity) -> list[str]:
    if quantity.table == "quality":
        return [str(model) for model in rows["model"]]
    if quantity.table == "deltas":
        return [""] * len(rows)
    blocks = ("layer", "kind") if quantity.table == "overlap" else ("layer", "block", "kind")
    return [" ".join(str(part) for part in row if part) for row in zip(*(rows[b] for b in blocks), strict=True)]


def main_metric(result: Result) -> str:
    """The metric or scoring method that reports lead with; empty where there is none."""
    return str(next(iter(result.settings.get("metrics") or result.settings.get("methods") or [""])))


def main_families(result: Result) -> list[Family]:
    """Those that reports lead with: of the first metric, and of each method or multilingual model, as a whole."""
    first = main_metric(result)
    every = families(result)
    if compared(result) == "gradients":
        return [f for f in every if f.measure in (first, "") and not f.parts]
    return every


def subjects(row: pd.Series) -> list[str]:
    """The languages that a row is about: two, one or none."""
    return [str(row[key]) for key in ("language", "a", "b") if isinstance(row[key], str)]


def labels(rows: pd.DataFrame, width: int, names: Mapping[str, str] | None = None) -> list[str]:
    """What rows are called where there is no markup: languages, then the place.

    Args:
        rows: of a family.
        width: cells that a name may take.
        names: language → what it is called; None: its name cut to `width`.
    """
    own = (
        names
        if names is not None
        else text.short_names([n for key in ("language", "a", "b") for n in rows[key] if isinstance(n, str)], width)
    )
    places = text.short_names([p for p in rows["place"] if p], max(2 * width, 8), keep="end")
    out = []
    for _, row in rows.iterrows():
        languages = " · ".join(own[name] for name in subjects(row))
        out.append(", ".join(part for part in (languages, places.get(row["place"], "")) if part) or "all languages")
    return out


def by_place(family: Family) -> pd.DataFrame:
    """How many rows have each verdict in every layer, in the model's order: columns as `VERDICTS`."""
    places = list(dict.fromkeys(family.rows["place"]))
    counted = pd.crosstab(family.rows["place"], family.rows["verdict"])
    return counted.reindex(index=places, columns=list(VERDICTS), fill_value=0)


def known(value: float) -> bool:
    """Whether there is a number."""
    return bool(np.isfinite(value))
