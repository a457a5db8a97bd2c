"""The figures of a comparison: differences language by language, layer by layer, and row by row with intervals."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from interfere.report import _text as text
from interfere.report._comparison_findings import change
from interfere.report._comparison_forest import forest_figure
from interfere.report._comparison_heatmaps import matrix_figure, places_figure
from interfere.report._comparison_tables import FOUND, Family, compared, families, labels, main_families
from interfere.report._figure import Drawn
from interfere.report._text import file_names
from interfere.results import Result

_FORESTS = ("loss", "delta", "bits_per_byte")
_PLACES = ("corrected", "rank", "share")


def comparison_figures(result: Result) -> Iterator[Drawn]:
    """What the tables of a result of kind `comparison` have to show."""
    for family in families(result):
        name = family.quantity.name
        if name == "corrected" and not family.parts:
            yield _drawn("matrix", result, family, matrix_figure(result, family))
        if family.parts and name in _PLACES:
            yield _drawn("places", result, family, places_figure(result, family))
    for family in main_families(result):
        if family.quantity.name in _FORESTS and not family.parts:
            yield _drawn("forest", result, family, forest_figure(result, family))


def _drawn(kind: str, result: Result, family: Family, figure: Figure) -> Drawn:
    measures = file_names(list(dict.fromkeys(f.measure for f in families(result))))
    of = f"-{measures[family.measure]}" if family.measure else ""
    return Drawn(
        kind,
        family.measure,
        f"{kind}-{family.quantity.name}{of}",
        title(family, kind),
        alt(result, family, kind),
        figure,
    )


def title(family: Family, kind: str) -> str:
    """What a figure shows, on one line."""
    where = {"matrix": " between languages", "places": " by layer", "forest": ""}[kind]
    measure = text.shorten(text.safe_text(family.measure), 40)
    kind_of = {"overlap": "", "layers": "", "deltas": "model "}.get(family.quantity.table, "")
    of = f", {kind_of}{measure}" if measure else ""
    return f"Change of the {family.quantity.words}{where}{of}"


def alt(result: Result, family: Family, kind: str) -> str:
    """A figure in words."""
    what = {"matrix": "Heatmap", "places": "Heatmap of rows by layers", "forest": "Points with intervals"}[kind]
    n = len(family.rows)
    counts = ", ".join(f"{family.count(v):,} {v}" for v in (*FOUND, "same", "undetermined") if family.count(v))
    between = f"between two runs of {text.safe_text(compared(result))}"
    out = f"{what}: difference of the {family.quantity.words} {between}, {n:,} rows: {counts}."
    found = family.found
    if len(found):
        names = text.short_names(result.languages, 40)
        out += f" The largest change: {labels(found.head(1), 40, names)[0]} {change(found.iloc[0], family)}."
    return out
