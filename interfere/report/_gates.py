"""How likely trained gates keep units: languages by layers, as bars."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from interfere.report import _cells as draw
from interfere.report import _importance_words as words
from interfere.report import _text as text
from interfere.report._grid import said
from interfere.report._importance_tables import gate_rows, language_order, parts, shares
from interfere.report._layer_panels import largest, layer_panels
from interfere.results import Result

_TOP, _BOTTOM = 0.16, 0.84
_DOT = "#b3261e"


def gates_figure(result: Result) -> Figure:
    """Bars of the mean keep probability, one for each language and layer, a panel for each kind of unit.

    A bar as wide as its cell is 1. Lines across it are the two halves of the text, each of which trained gates of its
    own; a dot on the same scale is the prune confidence. Languages stand as in `profile_figure`.

    Args:
        result: of kind `importance`, with a table `gates`.

    Raises:
        KeyError: this result has no such table.
    """
    rows, order = gate_rows(result), language_order(result)
    if rows.empty:
        raise KeyError("no gates were trained in this run: `gates` is not among its methods")
    shown = [largest(part, shares(rows, part, order, "keep")) for part in parts(rows)]
    columns = {
        column: [shares(rows, part, order, column) for part, _, _ in shown]
        for column in ("keep_a", "keep_b", "prune_confidence")
    }
    scale = draw.sequential(Normalize(0, 1))

    def cells(ax: Axes, number: int, size: float | None) -> None:
        values = shown[number][1]
        behind, fills, bars, colours, lines = [], [], [], [], []
        rgb = scale.rgb(values)
        for (row, column), value in np.ndenumerate(values):
            known = bool(np.isfinite(value))
            behind.append(Rectangle((column, row), 1, 1))
            fills.append(draw.DIAGONAL if known else draw.MISSING)
            if not known:
                draw.put(ax, (column, row), text.UNKNOWN, size or 7.0)
                continue
            bars.append(Rectangle((column, row + _TOP), float(np.clip(value, 0, 1)), _BOTTOM - _TOP))
            colours.append(rgb[row, column])
            for half in ("keep_a", "keep_b"):
                x = columns[half][number][row, column]
                if np.isfinite(x):
                    lines.append([(column + x, row + _TOP - 0.08), (column + x, row + _BOTTOM + 0.08)])
        ax.add_collection(PatchCollection(behind, facecolors=fills, edgecolors="white", linewidths=0.8))
        if bars:
            ax.add_collection(PatchCollection(bars, facecolors=colours, edgecolors="none"))
            ax.add_collection(LineCollection(lines, colors=draw.INK, linewidths=0.9))
        ys, xs = np.nonzero(np.isfinite(columns["prune_confidence"][number]))
        sure = columns["prune_confidence"][number][ys, xs]
        ax.scatter(xs + sure, ys + 0.5, s=9, color=_DOT, edgecolors="white", linewidths=0.5, zorder=3)

    def bar(cax: Axes, number: int) -> None:
        draw.colour_bar(cax, scale, "keep probability", [0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])

    def say(number: int, row: int, column: int) -> str:
        half_a, half_b, sure = (text.number(columns[c][number][row, column]) for c in columns)
        value = shown[number][1][row, column]
        return said(value, math.nan, math.nan, text.number, f"halves {half_a} and {half_b}", f"prune confidence {sure}")

    title, subtitle = words.titles(result, "gates")
    return layer_panels(
        [(part, values) for part, values, _ in shown],
        order,
        cells=cells,
        bar=bar,
        title=title,
        subtitle=subtitle,
        notes=[
            "Keep probability: how likely a unit's gate is open after training, the mean over units. Prune confidence: "
            "how sure gates are, open or shut, the mean over units of |2 · keep − 1|.",
            *(note for *_, note in shown if note),
        ],
        say=say,
        handles=[
            Rectangle(
                (0, 0), 1, 1, facecolor=scale.rgb(np.array(0.7)), label="bar: keep probability; a full cell is 1"
            ),
            Line2D([], [], color=draw.INK, linewidth=0.9, marker="|", linestyle="none", label="lines: the two halves"),
            Line2D([], [], color=_DOT, marker="o", markersize=3.5, linestyle="none", label="dot: prune confidence"),
        ],
    )
