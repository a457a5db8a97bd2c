"""Cells of a heatmap: their colours, numbers and marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize, to_rgb
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

# Red below 0, blue above, near white at 0: told apart with every common colour blindness.
COLOURS = mpl.colormaps["RdBu"]
SCALE = Normalize(-1, 1)
INK, GREY, MISSING, DIAGONAL, FRAME = "#1a1a1a", "#555555", "#c4c4c4", "#ececec", "#000000"
HATCH = "////"


def colours(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """RGB of cosines, shape values.shape + (3,)."""
    return np.asarray(COLOURS(SCALE(np.clip(np.nan_to_num(values), -1, 1))))[..., :3]


def faded(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """A colour most of the way to white: what is not determined must not shine like what is."""
    return 1 - 0.35 * (1 - rgb)


def ink_on(rgb: Sequence[float] | NDArray[np.float64]) -> str:
    """Black or white, whichever is read better on a colour (relative luminance of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb[:3]]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.2 else "white"


def cell_value(value: float, *, brief: bool = False, brackets: bool = False) -> str:
    """A cosine as it stands in a cell: clipped, with a true minus; brief leaves out the 0 before the point."""
    out = f"{min(1.0, max(-1.0, value)):.2f}"
    out = out.removeprefix("-") if float(out) == 0 else out
    out = out.replace("-", "−")
    if brief:
        out = out.replace("1.00", "1").replace("0.", ".")
    return f"({out})" if brackets else out


def paint(
    ax: Axes,
    xs: Sequence[float],
    values: NDArray[np.float64],
    verdicts: NDArray[np.object_],
    *,
    size: float | None,
    brief: bool = False,
    frame: float = 1.6,
) -> None:
    """Draw cells of cosines, row 0 on top, each of width 1: coloured, hatched, framed or grey.

    Args:
        ax: where; the y axis must run downwards.
        xs: the left edge of each column.
        values: cosines, (rows, columns), any number; not finite: a grey cell.
        verdicts: the same shape; an empty string leaves a cell out.
        size: points of the numbers in the cells; none are written without.
        brief: as in `cell_value`.
        frame: points of the line around conflicts.
    """
    base = colours(values)
    plain: list[tuple[Rectangle, Any]] = []
    hatched: list[tuple[Rectangle, Any]] = []
    frames: list[Rectangle] = []
    for (row, column), verdict in np.ndenumerate(verdicts):
        if not verdict:
            continue
        corner, value = (xs[column], row), float(values[row, column])
        rgb = base[row, column]
        cell = Rectangle(corner, 1, 1)
        if not np.isfinite(value):
            plain.append((cell, to_rgb(MISSING)))
            continue
        known = verdict != "undetermined"
        rgb = rgb if known else faded(rgb)
        (plain if known else hatched).append((cell, rgb))
        if verdict == "conflict":
            frames.append(Rectangle((corner[0] + 0.04, corner[1] + 0.04), 0.92, 0.92))
        if size is not None:
            ax.text(
                corner[0] + 0.5,
                corner[1] + 0.5,
                cell_value(value, brief=brief, brackets=not known),
                ha="center",
                va="center",
                fontsize=size,
                color=ink_on(rgb) if known else "#404040",
                parse_math=False,
                # The hatching stops at the number, which would be hard to read on it.
                bbox=None if known else {"facecolor": rgb, "edgecolor": "none", "pad": 0.6},
            )
    for cells, hatch, edge in ((plain, None, "white"), (hatched, HATCH, "#8a8a8a")):
        if cells:
            patches, fills = zip(*cells, strict=True)
            collection = PatchCollection(list(patches), facecolors=list(fills), edgecolors=edge, linewidths=0.4)
            if hatch:
                collection.set_hatch(hatch)
            ax.add_collection(collection)
    if frames:
        ax.add_collection(PatchCollection(frames, facecolors="none", edgecolors=FRAME, linewidths=frame))


def legend_handles(*, missing: bool, brackets: bool = True) -> list[Artist]:
    """What the marks of `paint` mean."""
    marks = "hatched and in brackets" if brackets else "hatched"
    handles: list[Artist] = [
        Patch(facecolor="white", edgecolor=FRAME, linewidth=1.4, label="framed: conflict (negative, q ≤ 0.05)"),
        Patch(facecolor="white", edgecolor="#8a8a8a", hatch=HATCH * 2, label=f"{marks}: undetermined"),
    ]
    if missing:
        handles.append(Patch(facecolor=MISSING, label="grey: could not be estimated"))
    return handles
