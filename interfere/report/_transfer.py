"""The matrix of transfer: whose step helps whom, and how much."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report import _words as words
from interfere.report._figure import heatmaps
from interfere.report._gradients_cells import transfer_cells
from interfere.report._matrix import MANY, matrix_handles, matrix_panel
from interfere.report._order import language_order
from interfere.report._tables import BODY, pair_rows
from interfere.results import Result

# Where the colours may end. At least 1, what a language does for itself, so that pictures of small transfers compare.
_LIMITS = (1.0, 1.5, 2.0, 3.0, 5.0)
_WITHIN = 0.95  # of the cells should have their own colour


def transfer_figure(result: Result, metric: str | None = None) -> Figure:
    """Language × language heatmap of transfer over the body, which depends on the direction.

    The row's language takes the step, the column's is helped, in units of what its own step does. Languages stand as in
    `languages_figure`, and conflicts and undetermined pairs are marked in the same way. Colours are centred at 0; where
    a few values are far beyond the others, the colours end before them, which the colour bar says.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics; default: the main one.

    Raises:
        KeyError: no such metric in this result.
    """
    metric = words.chosen_metric(result, metric)
    order = language_order(result, metric)
    directed = words.transfers(pair_rows(result, metric, BODY))
    values, verdicts = _cells(directed, order)
    names = list(map(text.short_names(order, 24).__getitem__, order))
    limit = colour_limit(directed)
    panel = matrix_panel(
        values,
        verdicts,
        names,
        scale=draw.signed(limit),
        write=partial(draw.free_value, brief=len(order) > MANY),
        diagonal=_one,
        bar=partial(_bar, limit=limit, beyond=_beyond(values, limit)),
        axes=("… helps this language", "A step of this language …"),
        cells=transfer_cells(directed, order),
    )
    title, subtitle = words.titles(result, metric, "transfer")
    return heatmaps(
        [panel],
        title=title,
        subtitle=subtitle,
        handles=matrix_handles(values, verdicts, "its own step, 1"),
        notes=[
            "1 means: a step along the row's gradient helps the column as much as the column's own step does; below 0 "
            "it harms. What is hatched or framed goes by the pair, not by the direction."
        ],
        names=names,
    )


def _one(ax: Axes, i: int, size: float | None) -> None:
    if size is not None:
        draw.put(ax, (i, i), "1", size, color=draw.INK, fontstyle="italic")


def colour_limit(directed: pd.DataFrame) -> float:
    """Where the colours end: not far beyond what most of the determined values are.

    Args:
        directed: as of `transfers`.
    """
    sizes = directed["transfer"].abs().where(np.isfinite(directed["transfer"]))
    known = sizes[directed["determined"]].dropna()
    known = sizes.dropna() if known.empty else known
    if known.empty:
        return _LIMITS[0]
    wanted = float(np.quantile(known, _WITHIN))
    return next((limit for limit in _LIMITS if wanted <= limit), _LIMITS[-1])


def _cells(directed: pd.DataFrame, order: list[str]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Transfer from row to column, and the verdict of the pair; nothing on the diagonal."""
    place = {name: i for i, name in enumerate(order)}
    values = np.full((len(order), len(order)), np.nan)
    verdicts = np.full(values.shape, "undetermined", dtype=object)
    rows, columns = [place[a] for a in directed["a"]], [place[b] for b in directed["b"]]
    values[rows, columns] = directed["transfer"]
    verdicts[rows, columns] = directed["verdict"]
    np.fill_diagonal(verdicts, "")
    return values, verdicts


def _beyond(values: NDArray[np.float64], limit: float) -> Literal["neither", "both", "min", "max"]:
    finite = values[np.isfinite(values)]
    low, high = bool((finite < -limit).any()), bool((finite > limit).any())
    return "both" if low and high else "min" if low else "max" if high else "neither"


def _bar(cax: Axes, *, limit: float, beyond: Literal["neither", "both", "min", "max"]) -> None:
    ticks = [-limit, -limit / 2, 0.0, limit / 2, limit]
    names = [f"{tick:g}".replace("-", "−") for tick in ticks]
    label = "transfer" if beyond == "neither" else f"transfer, colours end at ±{limit:g}"
    draw.colour_bar(cax, draw.signed(limit), label, ticks, names, extend=beyond, undetermined=True)
