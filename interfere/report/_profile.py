"""Where in the model a language's importance lies: languages by layers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _importance_words as words
from interfere.report._grid import said
from interfere.report._importance_tables import language_order, methods, of_method, profile_parts, shares
from interfere.report._layer_panels import largest, layer_panels
from interfere.results import Result


def profile_figure(result: Result) -> Figure:
    """Language × layer heatmaps of the share of importance by the first method, one for each kind of block.

    A method without scores of blocks has a heatmap for each kind of unit. Languages that rank units alike are near each
    other, layers are in the model's order. All panels have the same colours.

    Args:
        result: of kind `importance`.
    """
    method = methods(result)[0]
    order = language_order(result)
    rows = of_method(result, "layers", method)
    shown = [largest(part, shares(rows, part, order)) for part in profile_parts(result, method)]
    blocks = shown[0][0].kind == "block"
    tops = [_top(values) for _, values, _ in shown]
    scales = [draw.sequential(Normalize(0, top)) for top in tops]

    def bar(cax: Axes, number: int) -> None:
        ticks = draw.round_ticks(0.0, tops[number])
        draw.colour_bar(cax, scales[number], "share of importance", ticks, [f"{100 * tick:g}%" for tick in ticks])

    whole = "All blocks of a row make 100%." if blocks else "The layers of a row make 100%, panel by panel."
    notes = [
        f"Share: how much of a language's importance lies there. {whole} Each panel has colours of its own.",
        *(note for *_, note in shown if note),
    ]

    def cells(ax: Axes, number: int, size: float | None) -> None:
        values = shown[number][1]
        measured = np.full(values.shape, "measured", dtype=object)
        draw.paint(
            ax, range(values.shape[1]), values, measured, scale=scales[number], write=draw.share_value, size=size
        )

    ends = [[shares(rows, part, order, end) for end in ("ci_low", "ci_high")] for part, *_ in shown]

    def say(number: int, row: int, column: int) -> str:
        low, high = (each[row, column] for each in ends[number])
        return said(shown[number][1][row, column], low, high, draw.share_value)

    title, subtitle = words.titles(result, "profile")
    return layer_panels(
        [(part, values) for part, values, _ in shown],
        order,
        cells=cells,
        bar=bar,
        title=title,
        subtitle=subtitle,
        notes=notes,
        say=say,
    )


def _top(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size and known.max() > 0 else 1.0
