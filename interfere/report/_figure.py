"""What the figures share: style and fonts, the layout in inches, files."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from interfere.report._cells import COLOURS, GREY, INK, SCALE

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "interfere",
    "svg.fonttype": "none",
    "hatch.linewidth": 0.4,
    "text.color": INK,
    "axes.linewidth": 0.6,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
}
# Tried in this order for what DejaVu Sans, which comes with matplotlib, does not have.
_FALLBACKS = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "IPAexGothic",
    "Droid Sans Fallback",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Yu Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Telugu",
    "Noto Sans Thai",
    "Noto Sans Ethiopic",
    "Nirmala UI",
    "Unifont",
)
_GAP, _PAD, _BAR, _MIN_WIDTH = 0.15, 0.12, 0.16, 6.4
_TITLE, _SMALL = 11.0, 8.0


@cache
def _families() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]


@contextmanager
def drawing() -> Iterator[list[warnings.WarningMessage]]:
    """Draw and save with this project's style, whatever the user's matplotlibrc says, and leave theirs as it was.

    Yields:
        The warnings so far. Those of characters that no installed font has stay here, as a box in a picture is no
        reason to stop; all others are raised again at the end.
    """
    with mpl.rc_context(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, _STYLE))
        mpl.rcParams["font.family"] = _families()
        yield caught
    for warning in caught:
        if not _of_glyph(warning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _of_glyph(warning: warnings.WarningMessage) -> bool:
    message = str(warning.message)
    return "missing from font" in message or "Matplotlib currently does not support" in message


def heatmap(
    width: float,
    height: float,
    draw: Callable[[Axes], None],
    *,
    title: str,
    subtitle: str,
    handles: Sequence[Artist],
    notes: Sequence[str],
) -> Figure:
    """A heatmap with its title, colour bar, legend and notes, none of which lies over another.

    The cells have a fixed size, so the figure is made to fit them: what stands around the axes is measured, and the
    figure gets the size that this needs. A note is added if a character had no glyph.

    Args:
        width: of the axes, in inches.
        height: of the axes, in inches.
        draw: draws into the axes, tick labels included.
        title: the first line.
        subtitle: smaller, below it.
        handles: legend entries.
        notes: small lines at the end.
    """
    with drawing() as seen:
        fig = Figure(figsize=(20, 20), dpi=150)
        canvas = FigureCanvasAgg(fig)
        ax = fig.add_axes((0.4, 0.4, width / 20, height / 20))
        draw(ax)
        renderer = canvas.get_renderer()  # type: ignore[no-untyped-call, unused-ignore]
        inner, outer = ax.get_window_extent(renderer), ax.get_tightbbox(renderer)
        assert outer is not None
        left, below = (inner.x0 - outer.x0) / fig.dpi, (inner.y0 - outer.y0) / fig.dpi
        right, above = (outer.x1 - inner.x1) / fig.dpi, (outer.y1 - inner.y1) / fig.dpi

        if any(_of_glyph(warning) for warning in seen):
            notes = [*notes, "A box stands for a character that no installed font has; the SVG file keeps it as text."]

        # A single row of cells is lower than its colour bar, which then hangs down beside the labels.
        bar_height = min(max(height, 1.2), 4.5)
        below = max(below, bar_height - height + 0.08)
        block = left + width + right + _GAP + _BAR + 0.62
        total = max(block, _MIN_WIDTH) + 2 * _PAD
        heading = textwrap.fill(title, int(total * 72 / (_TITLE * 0.66)), break_on_hyphens=False)
        under = textwrap.fill(subtitle, int(total * 72 / (_SMALL * 0.56)))
        foot = "\n".join(textwrap.fill(note, int(total * 72 / (_SMALL * 0.56))) for note in notes)
        line = 1.35 / 72
        top = _PAD + (heading.count("\n") + 1) * _TITLE * line + (under.count("\n") + 1) * _SMALL * line + 0.12 + above
        foot_height = (foot.count("\n") + 1) * _SMALL * line + 0.08 if foot else 0.0

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
        legend_height = legend.get_window_extent(renderer).height / fig.dpi
        tall = top + height + below + _GAP + legend_height + foot_height + _PAD
        fig.set_size_inches(total, tall)

        start = (total - block) / 2 + left
        bottom = tall - top - height
        ax.set_position((start / total, bottom / tall, width / total, height / tall))
        bar_bottom = bottom + height - bar_height - max(0.0, (height - bar_height) / 2)
        cax = fig.add_axes(((start + width + right + _GAP) / total, bar_bottom / tall, _BAR / total, bar_height / tall))
        bar = fig.colorbar(ScalarMappable(SCALE, COLOURS), cax=cax, ticks=[-1, -0.5, 0, 0.5, 1])
        bar.ax.set_yticklabels(["−1", "−0.5", "0", "0.5", "1"], fontsize=_SMALL)
        bar.set_label("corrected cosine", fontsize=_SMALL)
        bar.outline.set_linewidth(0.4)  # type: ignore[operator, unused-ignore]

        edge = _PAD / total
        fig.text(
            edge,
            1 - _PAD / tall,
            heading,
            fontsize=_TITLE,
            fontweight="bold",
            va="top",
            linespacing=1.25,
            parse_math=False,
        )
        drop = _PAD + (heading.count("\n") + 1) * _TITLE * line
        fig.text(
            edge, 1 - drop / tall, under, fontsize=_SMALL, color=GREY, va="top", linespacing=1.25, parse_math=False
        )
        legend.set_bbox_to_anchor((edge, (bottom - below - _GAP) / tall), transform=fig.transFigure)
        if foot:
            y = (foot_height + _PAD - 0.08) / tall
            fig.text(edge, y, foot, fontsize=_SMALL, color=GREY, va="top", linespacing=1.25, parse_math=False)
        return fig


def save(fig: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and as SVG; the same figure gives the same SVG, byte for byte."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with drawing():
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else None
            fig.savefig(path, bbox_inches="tight", pad_inches=0.08, dpi=150, metadata=metadata)
    return paths
