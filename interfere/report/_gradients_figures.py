"""The figures of a gradient analysis."""

from __future__ import annotations

from collections.abc import Iterator

from interfere.report import _words as words
from interfere.report._expert_tables import has_experts
from interfere.report._experts import experts_alt, experts_figure
from interfere.report._figure import Drawn
from interfere.report._heatmaps import languages_figure, layers_figure
from interfere.report._strength import strength_figure
from interfere.report._tables import metrics
from interfere.report._text import file_names
from interfere.report._transfer import transfer_figure
from interfere.results import Result

_KINDS = (
    ("languages", languages_figure, words.languages_alt),
    ("layers", layers_figure, words.layers_alt),
    ("transfer", transfer_figure, words.transfer_alt),
    ("strength", strength_figure, words.strength_alt),
)


def gradients_figures(result: Result) -> Iterator[Drawn]:
    """The four heatmaps in every metric of a result of kind `gradients`, and that of its experts."""
    names = file_names(metrics(result))
    for metric in metrics(result):
        for kind, figure, alt in _KINDS:
            title = words.title(result, metric, kind)
            yield Drawn(kind, metric, f"{kind}-{names[metric]}", title, alt(result, metric), figure(result, metric))
    if has_experts(result):
        main = metrics(result)[0]
        title = words.heading(result, "experts")
        yield Drawn("experts", main, "experts", title, experts_alt(result, main), experts_figure(result, main))
