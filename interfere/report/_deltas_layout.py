"""Plots in rows and columns with title, legend and notes: what `heatmaps` does, for points instead of cells."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from interfere.report import _figure as base
from interfere.report._cells import GREY
from interfere.report._figure import drawing

_GAP, _PAD, _MIN_WIDTH = 0.22, 0.12, 6.4
_TITLE, _SMALL = 11.0, 8.0
FRAME, LANE = "#b0b0b0", "#eeeeee"
LABEL = 8.0
"""Points of names and numbers beside axes."""


@dataclass(frozen=True)
class Plot:
    """One pair of axes of a figure.

    Args:
        width: of the axes, in inches.
        height: of the axes, in inches.
        draw: draws into the axes, labels included.
    """

    width: float
    height: float
    draw: Callable[[Axes], None]


def plots(
    shown: Sequence[Plot],
    *,
    title: str,
    subtitle: str,
    handles: Sequence[Artist],
    notes: Sequence[str],
    names: Sequence[str],
    columns: int = 1,
) -> Figure:
    """Plots of one size with their title, legend and notes, none of which lies over another.

    As in `heatmaps` what stands around the axes is measured, and the figure gets the size that this needs.

    Args:
        shown: one or more, row by row.
        title: the first line.
        subtitle: smaller, below it.
        handles: legend entries.
        notes: small lines at the end.
        names: the words of unknown origin that are drawn.
        columns: plots in a row.
    """
    with drawing([title, subtitle, *names]) as seen:
        room = [max(20.0, 2 * max(side)) for side in zip(*((p.width, p.height) for p in shown), strict=True)]
        fig = Figure(figsize=(room[0], room[1]), dpi=150)
        renderer = FigureCanvasAgg(fig).get_renderer()  # type: ignore[no-untyped-call, unused-ignore]
        axes = [_measured(fig, plot) for plot in shown]
        around = [base.room_around(ax, renderer) for ax in axes]
        if any(base.misses_a_glyph(warning) for warning in seen):
            notes = [*notes, base.NO_GLYPH]
        columns = min(columns, len(shown))
        grid = [range(start, min(start + columns, len(shown))) for start in range(0, len(shown), columns)]
        lefts = [max(around[i][0] for i in range(c, len(shown), columns)) for c in range(columns)]
        rights = [max(around[i][1] for i in range(c, len(shown), columns)) for c in range(columns)]
        wide = [max(shown[i].width for i in range(c, len(shown), columns)) for c in range(columns)]
        block = sum(lefts) + sum(rights) + sum(wide) + _GAP * (columns - 1)
        total = max(block, _MIN_WIDTH) + 2 * _PAD
        small = int(total * 72 / (_SMALL * 0.56))

        def write(words: str, size: float, **style: Any) -> Text:
            return fig.text(0, 0, words, fontsize=size, va="top", linespacing=1.25, parse_math=False, **style)

        heading = write(
            textwrap.fill(title, int(total * 72 / (_TITLE * 0.66)), break_on_hyphens=False), _TITLE, fontweight="bold"
        )
        under = write(textwrap.fill(subtitle, small), _SMALL, color=GREY)
        foot = write("\n".join(textwrap.fill(note, small) for note in notes), _SMALL, color=GREY)
        legend = fig.legend(
            handles=list(handles),
            loc="upper left",
            ncols=2 if total > 8.5 else 1,
            fontsize=_SMALL,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            handlelength=1.6,
        )
        for entry in legend.get_texts():
            entry.set_parse_math(False)  # names of models stand in it
        words = [artist.get_window_extent(renderer) for artist in (heading, under, foot, legend)]
        total = max(total, max(box.width for box in words) / fig.dpi + 2 * _PAD)
        heights = [base.text_height(heading, _TITLE), base.text_height(under, _SMALL), base.text_height(foot, _SMALL)]
        tallest = [(max(around[i][2] for i in row), max(shown[i].height + around[i][3] for i in row)) for row in grid]
        body = sum(map(sum, tallest)) + _GAP * (len(grid) - 1)
        top = _PAD + heights[0] + heights[1] + 0.12
        below = top + body + _GAP
        legend_height = words[3].height / fig.dpi if handles else 0.0
        tall = below + legend_height + (heights[2] + 0.08 if notes else 0.0) + _PAD
        fig.set_size_inches(total, tall)

        y = top
        for row, (above, rest) in zip(grid, tallest, strict=True):
            x = (total - block) / 2
            for column, i in enumerate(row):
                plot = shown[i]
                x += lefts[column]
                corner = (x / total, 1 - (y + above + plot.height) / tall)
                axes[i].set_position((*corner, plot.width / total, plot.height / tall))
                x += wide[column] + rights[column] + _GAP
            y += above + rest + _GAP
        for words_, inches in ((heading, _PAD), (under, _PAD + heights[0]), (foot, tall - _PAD - heights[2])):
            words_.set_position((_PAD / total, 1 - inches / tall))
        legend.set_bbox_to_anchor((_PAD / total, 1 - below / tall), transform=fig.transFigure)
        return fig


def _measured(fig: Figure, plot: Plot) -> Axes:
    """Draw a plot somewhere in a figure that is large enough."""
    width, height = fig.get_size_inches()
    ax = fig.add_axes((0.3, 0.3, plot.width / width, plot.height / height))
    plot.draw(ax)
    return ax


def plain_axes(ax: Axes, *, grid: Literal["x", "y", "both"] = "x") -> None:
    """A light frame below and left, and a grid behind the points."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FRAME)
    ax.grid(axis=grid, color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=LABEL, length=2.5, color=FRAME, pad=3)
