"""Figures and tables of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interfere.report._findings import findings
from interfere.report._order import cluster_order
from interfere.report._terminal import print_report, terminal_report
from interfere.report._text import safe_text
from interfere.report._write import write_figures, write_run

if TYPE_CHECKING:
    from interfere.report._heatmaps import languages_figure, layers_figure

__all__ = [
    "cluster_order",
    "findings",
    "languages_figure",
    "layers_figure",
    "print_report",
    "safe_text",
    "terminal_report",
    "write_figures",
    "write_run",
]


def __getattr__(name: str) -> Any:
    # matplotlib takes half a second to import, and tables on a terminal do without.
    if name in ("languages_figure", "layers_figure"):
        from interfere.report import _heatmaps

        return getattr(_heatmaps, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
