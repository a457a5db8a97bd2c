"""What the figures share: style, the layout in inches, files."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from interfere.report._cells import GREY, INK
from interfere.report._fonts import families
from interfere.report._grid import Cells, Grid, placed

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "interfere",
    "svg.fonttype": "none",
    "hatch.linewidth": 0.4,
    "text.color": INK,
    "axes.linewidth": 0.6,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
    # Where an SVG file is shown without DejaVu Sans: Verdana is drawn as wide, most others are narrower.
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
}
_GAP, _PAD, _BAR, _MIN_WIDTH = 0.15, 0.12, 0.16, 6.4
_MIN_BAR, _MAX_BAR = 1.2, 4.5
_BETWEEN = 0.3
_TITLE, _SMALL = 11.0, 8.0
_LINE = 1.35 / 72
NO_GLYPH = "A box stands for a character that no installed font has; the SVG file keeps it as text."


@dataclass(frozen=True)
class Panel:
    """One heatmap of a figure.

    Args:
        width: of the cells, in inches.
        height: of the cells, in inches.
        draw: draws into the axes, labels included.
        bar: draws the colour bar into axes of its own.
        cells: what its cells say on a page where they are pointed at.
    """

    width: float
    height: float
    draw: Callable[[Axes], None]
    bar: Callable[[Axes], None]
    cells: Cells | None = None


class Heatmaps(Figure):
    """A figure that knows where its cells are and what they say."""

    grids: Sequence[Grid] = ()


@dataclass(frozen=True)
class Drawn:
    """A figure before it is written, and what is said of it.

    Args:
        kind: which figure of its report it is.
        measure: the metric or scoring method that it shows, not made safe.
        file: what its files are called, without an ending.
        title: one line of plain text; harmless, but not escaped for HTML.
        alt: a few sentences, as harmless.
        figure: the picture.
    """

    kind: str
    measure: str
    file: str
    title: str
    alt: str
    figure: Figure

    @property
    def grids(self) -> Sequence[Grid]:
        """The cells that can be pointed at, panel by panel."""
        return self.figure.grids if isinstance(self.figure, Heatmaps) else ()


@dataclass(frozen=True)
class _Measured:
    """A panel with what stands around it, in inches; `bar_right` is what the colour bar's labels take."""

    panel: Panel
    ax: Axes
    cax: Axes
    left: float
    right: float
    above: float
    below: float
    bar_height: float
    bar_right: float

    @property
    def after(self) -> float:
        return self.right + _GAP + _BAR + self.bar_right


@contextmanager
def drawing(texts: Iterable[str] = ()) -> Iterator[list[warnings.WarningMessage]]:
    """Draw and save with this project's style, whatever the user's matplotlibrc says, and leave theirs as it was.

    Args:
        texts: what will be written, for which fonts are looked for.

    Yields:
        The warnings so far. Those of characters that no installed font has stay here, as a box in a picture is no
        reason to stop; all others are raised again at the end.
    """
    with mpl.rc_context(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, _STYLE))
        mpl.rcParams["font.family"] = families(texts)
        yield caught
    for warning in caught:
        if not misses_a_glyph(warning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def misses_a_glyph(warning: warnings.WarningMessage) -> bool:
    return "missing from font" in str(warning.message)


def heatmaps(
    panels: Sequence[Panel],
    *,
    title: str,
    subtitle: str,
    handles: Sequence[Artist],
    notes: Sequence[str],
    names: Sequence[str],
    across: bool = False,
) -> Heatmaps:
    """Heatmaps with their title, colour bars, legend and notes, none of which lies over another.

    The cells have a fixed size, so the figure is made to fit them: what stands around the axes is measured, and the
    figure gets the size that this needs. A note is added if a character had no glyph.

    Args:
        panels: one or more.
        title: the first line.
        subtitle: smaller, below it.
        handles: legend entries.
        notes: small lines at the end.
        names: the labels that the panels draw.
        across: the panels side by side, else one below the other.
    """
    with drawing([title, subtitle, *names]) as seen:
        fig = Heatmaps(figsize=(20, 20), dpi=150)
        canvas = FigureCanvasAgg(fig)
        renderer = canvas.get_renderer()  # type: ignore[no-untyped-call, unused-ignore]
        measured = [_measure(fig, renderer, panel) for panel in panels]
        if any(misses_a_glyph(warning) for warning in seen):
            notes = [*notes, NO_GLYPH]

        edge = max(m.left for m in measured)
        if across:
            block = sum(m.left + m.panel.width + m.after for m in measured) + _BETWEEN * (len(measured) - 1)
            tallest = max(m.above for m in measured), max(m.panel.height + m.below for m in measured)
            body = sum(tallest)
        else:
            block = edge + max(m.panel.width + m.after for m in measured)
            body = sum(m.above + m.panel.height + m.below for m in measured) + _GAP * (len(measured) - 1)
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
            handleheight=1.1,
        )
        # Lines are broken by a guess at the width of letters, which wide ones exceed.
        words = [artist.get_window_extent(renderer) for artist in (heading, under, foot, legend)]
        total = max(total, max(box.width for box in words) / fig.dpi + 2 * _PAD)
        heights = [
            text_height(heading, _TITLE),
            text_height(under, _SMALL),
            text_height(foot, _SMALL),
            words[3].height / fig.dpi,
        ]
        top = _PAD + heights[0] + heights[1] + 0.12
        below = top + body + _GAP
        tall = below + heights[3] + (heights[2] + 0.08 if notes else 0.0) + _PAD
        fig.set_size_inches(total, tall)

        x, y = (total - block) / 2, top
        for m in measured:
            if across:
                _place(m, x + m.left, y + tallest[0], total, tall)
                x += m.left + m.panel.width + m.after + _BETWEEN
            else:
                _place(m, x + edge, y + m.above, total, tall)
                y += m.above + m.panel.height + m.below + _GAP
        for text, inches in ((heading, _PAD), (under, _PAD + heights[0]), (foot, tall - _PAD - heights[2])):
            text.set_position((_PAD / total, 1 - inches / tall))
        legend.set_bbox_to_anchor((_PAD / total, 1 - below / tall), transform=fig.transFigure)
        fig.grids = [placed(m.panel.cells, m.ax) for m in measured if m.panel.cells is not None]
        return fig


def text_height(text: Text, size: float) -> float:
    """Inches that a text of some lines takes."""
    return (text.get_text().count("\n") + 1) * size * _LINE if text.get_text() else 0.0


def _measure(fig: Figure, renderer: Any, panel: Panel) -> _Measured:
    """Draw a panel somewhere in a figure that is large enough, and see how much room its labels take."""
    width, height = fig.get_size_inches()
    # A single row of cells is lower than its colour bar, which then hangs down beside the labels.
    bar_height = min(max(panel.height, _MIN_BAR), _MAX_BAR)
    ax = fig.add_axes((0.3, 0.3, panel.width / width, panel.height / height))
    panel.draw(ax)
    left, right, above, below = room_around(ax, renderer)
    cax = fig.add_axes((0.3, 0.3, _BAR / width, bar_height / height))
    panel.bar(cax)
    _, bar_right, bar_above, bar_below = room_around(cax, renderer)
    inset = max(0.0, (panel.height - bar_height) / 2)
    above = max(above, bar_above - inset)
    below = max(below, bar_height + bar_below + inset - panel.height)
    return _Measured(panel, ax, cax, left, right, above, below, bar_height, bar_right)


def room_around(ax: Axes, renderer: Any) -> tuple[float, float, float, float]:
    """What stands left of, right of, above and below the axes, in inches."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    # A colour bar's own extent changes with its arrows; what was asked for does not.
    inner: Bbox = Bbox(ax.get_position(original=True).get_points() * figure.bbox.size)
    outer = ax.get_tightbbox(renderer)
    assert outer is not None
    sides = inner.x0 - outer.x0, outer.x1 - inner.x1, outer.y1 - inner.y1, inner.y0 - outer.y0
    left, right, above, below = (max(float(side) / figure.dpi, 0.0) for side in sides)
    return left, right, above, below


def _place(m: _Measured, x: float, y: float, total: float, tall: float) -> None:
    """Put a panel where its cells begin at x and y inches from the figure's upper left corner."""
    width, height = m.panel.width, m.panel.height
    m.ax.set_position((x / total, 1 - (y + height) / tall, width / total, height / tall))
    drop = y + max(0.0, (height - m.bar_height) / 2)
    bar_x = x + width + m.right + _GAP
    m.cax.set_position((bar_x / total, 1 - (drop + m.bar_height) / tall, _BAR / total, m.bar_height / tall))


def label_axes(
    ax: Axes, xs: Sequence[float], columns: Sequence[str], ys: Sequence[float], rows: Sequence[str], size: float
) -> None:
    """Name the columns and rows of cells: no ticks, no frame; long names of columns stand upright."""
    ax.set_xticks(xs, columns, fontsize=size, parse_math=False)
    ax.set_yticks(ys, rows, fontsize=size, parse_math=False)
    if any(len(name) > 3 for name in columns):
        for label in ax.get_xticklabels():
            # Anchored, a label keeps its place in an SVG file that is shown with other fonts.
            label.set(rotation=90, ha="right", va="center", rotation_mode="anchor")
    ax.tick_params(length=0, pad=3)
    for spine in ax.spines.values():
        spine.set_visible(False)


def save(fig: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG; the same figure gives the same SVG, byte for byte."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    with drawing():
        fig.savefig(png, dpi=150)
        fig.savefig(svg, metadata={"Date": None})
    return png, svg
