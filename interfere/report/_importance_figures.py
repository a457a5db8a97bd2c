"""The figures of an importance analysis."""

from __future__ import annotations

from collections.abc import Iterator

from interfere.report import _importance_words as words
from interfere.report._ablation import ablation_figure
from interfere.report._figure import Drawn
from interfere.report._gates import gates_figure
from interfere.report._importance_tables import gate_rows, kinds, methods, of_method, profile_parts, removal
from interfere.report._overlap import overlap_figure
from interfere.report._profile import profile_figure
from interfere.report._text import file_names
from interfere.results import Result


def importance_figures(result: Result) -> Iterator[Drawn]:
    """What the tables of a result of kind `importance` have to show, by the first method."""
    method = methods(result)[0]
    stem = file_names([method])[method]
    there = (
        ("profile", profile_figure, words.profile_alt, bool(profile_parts(result, method))),
        ("overlap", overlap_figure, words.overlap_alt, bool(kinds(of_method(result, "overlap", method)))),
        ("ablation", ablation_figure, words.ablation_alt, removal(result) is not None),
        ("gates", gates_figure, words.gates_alt, not gate_rows(result).empty),
    )
    for kind, figure, alt, shown in there:
        if shown:
            file = kind if kind == "gates" else f"{kind}-{stem}"
            yield Drawn(kind, method, file, words.title(result, kind), alt(result), figure(result))
