"""The figures of a deltas analysis."""

from __future__ import annotations

from collections.abc import Iterator

from interfere.report import _deltas_words as words
from interfere.report._deltas_curve import curve_figure
from interfere.report._deltas_forest import deltas_figure
from interfere.report._deltas_quality import quality_figure
from interfere.report._deltas_tables import multilinguals, worth_rows
from interfere.report._deltas_worth import worth_figure
from interfere.report._figure import Drawn
from interfere.results import Result

MEASURE = "bits per byte"


def deltas_figures(result: Result) -> Iterator[Drawn]:
    """What the tables of a result of kind `deltas` have to show."""
    there = (
        ("deltas", deltas_figure, words.deltas_alt, True),
        ("curve", curve_figure, words.curve_alt, len(multilinguals(result)) > 1),
        ("worth", worth_figure, words.worth_alt, not worth_rows(result).empty),
        ("quality", quality_figure, words.quality_alt, True),
    )
    for kind, figure, alt, shown in there:
        if shown:
            yield Drawn(kind, MEASURE, kind, words.title(result, kind), alt(result), figure(result))
