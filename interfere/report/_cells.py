"""Cells of a heatmap and its colour bar: colours, numbers and marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap, Normalize, to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

INK, GREY, MISSING, DIAGONAL, FRAME = "#1a1a1a", "#555555", "#c4c4c4", "#ececec", "#000000"
HATCH, HATCH_INK = "////", "#8a8a8a"
_BAR_TEXT = 8.0


@dataclass(frozen=True)
class Scale:
    """Which colour a value has."""

    colours: Colormap
    norm: Normalize

    def rgb(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Colours of values, shape values.shape + (3,); what is beyond the ends has the colour of the end."""
        low, high = self.norm.vmin, self.norm.vmax
        assert low is not None
        assert high is not None
        inside = np.clip(np.nan_to_num(values, nan=low), low, high)
        return np.asarray(self.colours(self.norm(inside)))[..., :3]


def signed(limit: float = 1.0) -> Scale:
    """Red below 0, blue above, near white at 0: told apart with every common colour blindness."""
    return Scale(mpl.colormaps["RdBu"], Normalize(-limit, limit))


def sequential(norm: Normalize) -> Scale:
    """Dark for little, bright for much, the same with and without colour vision."""
    return Scale(mpl.colormaps["cividis"], norm)


def round_ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two."""
    wanted = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    room = (high - low) * 0.001
    return [float(t) for t in wanted if low - room <= t <= high + room]


def faded(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """A colour most of the way to white: what is not determined must not shine like what is."""
    return 1 - 0.35 * (1 - rgb)


def ink_on(rgb: Sequence[float] | NDArray[np.float64]) -> str:
    """Black or white, whichever is read better on a colour (relative luminance of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb[:3]]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.2 else "white"


def cosine_value(value: float, *, brief: bool = False) -> str:
    """A cosine as it stands in a cell: clipped, with a true minus; brief leaves out the 0 before the point."""
    out = _decimal(min(1.0, max(-1.0, value)), 2)
    return out.replace("1.00", "1").replace("0.", ".") if brief else out


def free_value(value: float, *, brief: bool = False) -> str:
    """A number of any size as it stands in a cell, with a true minus: up to two decimals, and at most four digits."""
    size = abs(value)
    if size >= 9999.5:
        digits, power = f"{value:.0e}".split("e")
        return f"{digits}e{int(power)}".replace("-", "−")
    out = _decimal(value, 2 if size < 9.995 else 1 if size < 99.95 and not brief else 0)
    return out.replace("0.", ".", 1) if brief and size < 0.995 else out


def share_value(value: float) -> str:
    """A share as it stands in a cell: per cent, with a digit behind the point where it is small."""
    share = 100 * value
    return "0%" if share == 0 else "<0.1%" if share < 0.05 else f"{share:.1f}%" if share < 9.95 else f"{share:.0f}%"


def _decimal(value: float, digits: int) -> str:
    out = f"{value:.{digits}f}"
    out = out.removeprefix("-") if float(out) == 0 else out
    return out.replace("-", "−")


def paint(
    ax: Axes,
    xs: Sequence[float],
    values: NDArray[np.float64],
    verdicts: NDArray[np.object_],
    *,
    scale: Scale,
    write: Callable[[float], str],
    size: float | None,
    frame: float = 1.6,
    ys: Sequence[float] | None = None,
) -> None:
    """Draw cells, row 0 on top, each of width 1: coloured, hatched, framed or grey.

    Args:
        ax: where; the y axis must run downwards.
        xs: the left edge of each column.
        values: (rows, columns), any number; not finite: a grey cell with a dash.
        verdicts: the same shape; an empty string leaves a cell out.
        scale: the colours.
        write: how a number is written.
        size: points of the numbers in the cells; none are written without.
        frame: points of the line around conflicts.
        ys: the upper edge of each row; None: rows without gaps.
    """
    base = scale.rgb(values)
    plain: list[tuple[Rectangle, Any]] = []
    hatched: list[tuple[Rectangle, Any]] = []
    frames: list[tuple[float, float]] = []
    for (row, column), verdict in np.ndenumerate(verdicts):
        if not verdict:
            continue
        corner, value = (xs[column], row if ys is None else ys[row]), float(values[row, column])
        rgb = base[row, column]
        cell = Rectangle(corner, 1, 1)
        if not math.isfinite(value):
            plain.append((cell, to_rgb(MISSING)))
            put(ax, corner, "–", size or 7.0)
            continue
        known = verdict != "undetermined"
        rgb = rgb if known else faded(rgb)
        (plain if known else hatched).append((cell, rgb))
        if verdict == "conflict":
            frames.append(corner)
        if size is not None and known:
            put(ax, corner, write(value), size, color=ink_on(rgb))
        elif size is not None:
            # The hatching stops at the number, which would be hard to read on it.
            box = {"facecolor": rgb, "edgecolor": "none", "pad": 0.6}
            put(ax, corner, f"({write(value)})", size, color="#404040", bbox=box)
    for cells, hatch, edge in ((plain, None, "white"), (hatched, HATCH, HATCH_INK)):
        if cells:
            patches, fills = zip(*cells, strict=True)
            collection = PatchCollection(list(patches), facecolors=list(fills), edgecolors=edge, linewidths=0.4)
            if hatch:
                collection.set_hatch(hatch)
            ax.add_collection(collection)
    draw_frames(ax, frames, frame)


def draw_frames(ax: Axes, corners: Sequence[tuple[float, float]], width: float) -> None:
    """Draw frames of so many points around cells.

    Args:
        ax: where.
        corners: left and upper edge of each cell.
        width: points of the lines.
    """
    if corners:
        frames = [Rectangle((x + 0.04, y + 0.04), 0.92, 0.92) for x, y in corners]
        ax.add_collection(PatchCollection(frames, facecolors="none", edgecolors=FRAME, linewidths=width))


def put(ax: Axes, corner: tuple[float, float], words: str, size: float, **style: Any) -> None:
    """Write into the middle of a cell."""
    x, y = corner
    ax.text(x + 0.5, y + 0.5, words, ha="center", va="center", fontsize=size, parse_math=False, **style)


def colour_bar(
    cax: Axes,
    scale: Scale,
    label: str,
    ticks: Sequence[float],
    names: Sequence[str],
    *,
    extend: Literal["neither", "both", "min", "max"] = "neither",
    undetermined: bool = False,
) -> None:
    """Draw a colour bar.

    Args:
        cax: the axes that it fills.
        scale: its colours.
        label: what they stand for.
        ticks: values that are marked, with their `names`.
        extend: at which ends values go beyond the colours.
        undetermined: whether its right half has the paler colours of what is not determined.
    """
    fig = cax.figure
    bar = fig.colorbar(ScalarMappable(scale.norm, scale.colours), cax=cax, extend=extend)
    bar.set_ticks(list(ticks), labels=list(names))
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=_BAR_TEXT)
    bar.set_label(label, fontsize=_BAR_TEXT)
    bar.outline.set_linewidth(0.4)
    if undetermined:
        low, high = cax.get_ylim()
        edges = np.linspace(low, high, 65)
        fills = [to_rgb(rgb) for rgb in faded(scale.rgb((edges[1:] + edges[:-1]) / 2))]
        steps = [Rectangle((0.5, bottom), 0.5, edges[1] - low) for bottom in edges[:-1]]
        cax.add_collection(PatchCollection(steps, facecolors=fills, edgecolors=fills, linewidths=0.3))
        over = Rectangle((0.5, low), 0.5, high - low, facecolor="none", edgecolor=HATCH_INK, linewidth=0.3)
        over.set_hatch(HATCH)
        cax.add_patch(over)


def legend_handles(*, missing: bool, brackets: bool = True) -> list[Artist]:
    """What the marks of `paint` mean."""
    marks = "paler, hatched and in brackets" if brackets else "paler and hatched"
    handles: list[Artist] = [
        framed_handle("framed: conflict (negative, q ≤ 0.05)"),
        hatched_handle(f"{marks}: undetermined"),
    ]
    if missing:
        handles.append(missing_handle("grey with a dash: could not be estimated"))
    return handles


def framed_handle(label: str) -> Patch:
    """A legend entry for framed cells."""
    return Patch(facecolor="white", edgecolor=FRAME, linewidth=1.4, label=label)


def hatched_handle(label: str) -> Patch:
    """A legend entry for hatched cells."""
    return Patch(facecolor="white", edgecolor=HATCH_INK, hatch=HATCH * 2, label=label)


def missing_handle(label: str) -> Patch:
    """A legend entry for cells without a number."""
    return Patch(facecolor=MISSING, label=label)


def apart_handle(label: str) -> Patch:
    """A legend entry for cells that are set apart in light grey."""
    return Patch(facecolor=DIAGONAL, edgecolor=GREY, linewidth=0.6, label=label)
