"""What figures of languages by languages have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report._figure import Panel, label_axes
from interfere.report._grid import Cells

# (up to this many languages, inches a cell, points of the number in it)
_CELLS: tuple[tuple[float, float, float | None], ...] = (
    (4, 0.85, 11.0),
    (10, 0.6, 9.5),
    (20, 0.48, 8.0),
    (60, 0.36, 6.5),
    (float("inf"), 0.2, None),
)
MANY = 20
"""Beyond so many languages, numbers are brief, and frames and labels small."""


def matrix_panel(
    values: NDArray[np.float64],
    verdicts: NDArray[np.object_],
    names: Sequence[str],
    *,
    scale: draw.Scale,
    write: Callable[[float], str],
    diagonal: Callable[[Axes, int, float | None], None],
    bar: Callable[[Axes], None],
    axes: tuple[str, str] | None = None,
    title: str = "",
    cells: Cells | None = None,
) -> Panel:
    """A square of cells, one for each pair of languages, with a diagonal that is set apart in grey.

    Args:
        values: shape (languages, languages).
        verdicts: of the same shape; "" on the diagonal.
        names: labels of the languages.
        scale: of the colours.
        write: the number in a cell.
        diagonal: draws what is in the diagonal cell of a number, given the points of its text or None.
        bar: draws the colour bar.
        axes: titles of the horizontal and of the vertical axis.
        title: stands above the cells.
        cells: what they say where they are pointed at.
    """
    n = len(names)
    cell, size = cell_size(n)
    middles = [i + 0.5 for i in range(n)]

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, n), ylim=(n, 0))
        frame = 1.6 if n <= MANY else 1.1
        draw.paint(ax, range(n), values, verdicts, scale=scale, write=write, size=size, frame=frame)
        for i in range(n):
            ax.add_patch(Rectangle((i, i), 1, 1, facecolor=draw.DIAGONAL, edgecolor="white", linewidth=0.4))
            diagonal(ax, i, size)
        if title:
            ax.set_title(title, fontsize=9, loc="left", pad=5)
        label_axes(ax, middles, names, middles, names, 9.5 if n <= MANY else 8)
        if axes is not None:
            ax.set_xlabel(axes[0], fontsize=9, labelpad=6)
            ax.set_ylabel(axes[1], fontsize=9, labelpad=6)

    return Panel(n * cell, n * cell, into, bar, cells)


def cell_size(languages: int) -> tuple[float, float | None]:
    """Inches of a cell, and points of the number in it or None, where so many languages stand in a row."""
    return next((inches, points) for limit, inches, points in _CELLS if languages <= limit)


def matrix_handles(values: NDArray[np.float64], verdicts: NDArray[np.object_], diagonal: str) -> list[Any]:
    """The legend of such a figure.

    Args:
        values: as of `matrix_panel`.
        verdicts: as of `matrix_panel`.
        diagonal: what the diagonal shows.
    """
    diagonal_handle = draw.apart_handle(f"diagonal: {diagonal}")
    return [*draw.legend_handles(missing=any_missing(values, verdicts)), diagonal_handle]


def any_missing(values: NDArray[np.float64], verdicts: NDArray[np.object_]) -> bool:
    """Whether a cell that should have a number has none."""
    return bool((~np.isfinite(values[verdicts != ""])).any())
