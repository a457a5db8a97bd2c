"""Reports of results: what was found in words, tables, figures and pages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from interfere.report._kinds import findings
from interfere.report._order import cluster_order
from interfere.report._terminal import print_report, terminal_report
from interfere.report._text import safe_text
from interfere.report._write import Drawing, write_figures, write_run

if TYPE_CHECKING:
    from interfere.report._ablation import ablation_figure
    from interfere.report._deltas_curve import curve_figure
    from interfere.report._deltas_forest import deltas_figure
    from interfere.report._deltas_quality import quality_figure
    from interfere.report._deltas_worth import worth_figure
    from interfere.report._gates import gates_figure
    from interfere.report._heatmaps import languages_figure, layers_figure
    from interfere.report._make import make_report
    from interfere.report._overlap import overlap_figure
    from interfere.report._profile import profile_figure
    from interfere.report._strength import strength_figure
    from interfere.report._transfer import transfer_figure

__all__ = [
    "Drawing",
    "ablation_figure",
    "cluster_order",
    "curve_figure",
    "deltas_figure",
    "findings",
    "gates_figure",
    "languages_figure",
    "layers_figure",
    "make_report",
    "overlap_figure",
    "print_report",
    "profile_figure",
    "quality_figure",
    "safe_text",
    "strength_figure",
    "terminal_report",
    "transfer_figure",
    "worth_figure",
    "write_figures",
    "write_run",
]

_LAZY = {
    "ablation_figure": "_ablation",
    "curve_figure": "_deltas_curve",
    "deltas_figure": "_deltas_forest",
    "gates_figure": "_gates",
    "overlap_figure": "_overlap",
    "profile_figure": "_profile",
    "quality_figure": "_deltas_quality",
    "languages_figure": "_heatmaps",
    "layers_figure": "_heatmaps",
    "make_report": "_make",
    "strength_figure": "_strength",
    "transfer_figure": "_transfer",
    "worth_figure": "_deltas_worth",
}


def __getattr__(name: str) -> Any:
    # matplotlib and jinja2 take their time to import, and tables on a terminal do without.
    module = _LAZY.get(name)
    if module is not None:
        return getattr(import_module(f"interfere.report.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
