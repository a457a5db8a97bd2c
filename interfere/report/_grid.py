"""What the cells of a heatmap say, and where in its figure they are: for a page on which they can be pointed at."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interfere.report._text import safe_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_NUMBER = "could not be estimated"
_DIGITS = 4  # of a place in a figure: a tenth of a pixel of a wide one


@dataclass(frozen=True)
class Cells:
    """What the cells of one panel say, each 1 wide and 1 high in the units of its axes.

    Args:
        rows: names of the rows, harmless, but not escaped.
        columns: names of the columns.
        texts: one text for each row and column; empty: nothing is there.
        name: of the panel, where a figure has several.
        between: stands between the names of row and column.
        lefts: left edges of the columns; None: 0, 1, 2 …
        tops: upper edges of the rows; None: 0, 1, 2 …
    """

    rows: Sequence[str]
    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    name: str = ""
    between: str = " · "
    lefts: Sequence[float] | None = None
    tops: Sequence[float] | None = None


@dataclass(frozen=True)
class Grid:
    """The cells of one panel with their places, as shares of the figure's width and height from its upper left corner.

    Args:
        cells: what they say.
        lefts: left edge of each column.
        tops: upper edge of each row.
        width: of a cell.
        height: of a cell.
    """

    cells: Cells
    lefts: Sequence[float]
    tops: Sequence[float]
    width: float
    height: float


def placed(cells: Cells, ax: Axes) -> Grid:
    """Cells with their places in the figure of the axes, which must have been laid out."""
    box = ax.get_position()
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    width, height = box.width / (right - left), box.height / (bottom - top)
    lefts = cells.lefts if cells.lefts is not None else range(len(cells.columns))
    tops = cells.tops if cells.tops is not None else range(len(cells.rows))
    return Grid(
        cells,
        [float(box.x0 + (x - left) * width) for x in lefts],
        [float(1 - box.y1 + (y - top) * height) for y in tops],
        float(width),
        float(height),
    )


def grid_json(grids: Sequence[Grid]) -> str:
    """Grids as JSON that can stand in a `script` element: nothing in it ends the element or opens another."""
    panels = [
        {
            "name": safe_text(g.cells.name),
            "between": g.cells.between,
            "rows": [safe_text(r) for r in g.cells.rows],
            "columns": [safe_text(c) for c in g.cells.columns],
            "x": [round(x, _DIGITS) for x in g.lefts],
            "y": [round(y, _DIGITS) for y in g.tops],
            "w": round(g.width, _DIGITS),
            "h": round(g.height, _DIGITS),
            "texts": [[safe_text(t) for t in row] for row in g.cells.texts],
        }
        for g in grids
    ]
    plain = json.dumps(panels, ensure_ascii=False, separators=(",", ":"))
    return plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def said(value: float, low: float, high: float, write: Callable[[float], str], *more: str) -> str:
    """A value with its interval, and what else is said of it.

    Args:
        value: not finite: it could not be estimated.
        low: end of the 95% interval; not finite: there is none.
        high: its other end.
        write: how a number is written.
        more: a verdict, a reason; what is empty is left out.
    """
    if not math.isfinite(value):
        return ", ".join([NO_NUMBER, *filter(None, more)])
    sure = math.isfinite(low) and math.isfinite(high)
    interval = f" (95% {write(low)} to {write(high)})" if sure else ""
    return ", ".join([(write(value) + interval).replace("-", "−"), *filter(None, more)])


def q_words(q: float) -> str:
    """A q-value, if there is one."""
    return "" if not math.isfinite(q) else "q < 0.001" if q < 0.001 else f"q = {q:.3f}"
