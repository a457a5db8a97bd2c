"""The figures of a trajectory, and each in words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

from interfere.report import _text as text
from interfere.report import _trajectory_words as words
from interfere.report._figure import Drawn
from interfere.report._trajectory_cosines import cosines_figure
from interfere.report._trajectory_panels import languages_figure, verdicts_figure
from interfere.report._trajectory_tables import metrics, pair_rows
from interfere.results import Result

_FIGURES = {
    "cosines": (cosines_figure, words.cosines_alt),
    "verdicts": (verdicts_figure, words.verdicts_alt),
    "languages": (languages_figure, words.languages_alt),
}


def trajectory_figures(result: Result) -> Iterator[Drawn]:
    """What a result of kind `trajectory` has to show, metric by metric."""
    files = text.file_names(metrics(result))
    for metric in metrics(result):
        if pair_rows(result, metric).empty:
            continue
        for kind, (figure, alt) in _FIGURES.items():
            title = words.title(result, kind, metric)
            yield Drawn(kind, metric, f"{kind}-{files[metric]}", title, alt(result, metric), figure(result, metric))
