"""Who pays for sharing with whom: languages by languages."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report._deltas_marks import plain_ticks
from interfere.report._deltas_tables import percent
from interfere.report._experiment_marks import NAME
from interfere.report._experiment_tables import (
    UNDETERMINED,
    at_capacity,
    capacity_names,
    delta_rows,
    distinct,
    is_scout,
    names_of,
    some_capacities,
)
from interfere.report._experiment_words import titles
from interfere.report._figure import heatmaps
from interfere.report._grid import Cells, q_words, said
from interfere.report._matrix import MANY, any_missing, matrix_panel
from interfere.results import Result

_PANELS = 4
_WITHIN = 0.95  # of the cells should have their own colour
_SIDE_BY_SIDE = 7  # languages up to which panels stand side by side


def pair_rows(result: Result) -> pd.DataFrame:
    """The rows of pairs."""
    rows = delta_rows(result)
    return rows[rows["kind"] == "pair"] if len(rows) else rows


def matrix_figure(result: Result) -> Figure:
    """Heatmap of the relative difference in pairs: the row's language pays, the column's is its partner.

    A panel for each width and share of text, four at most. Interference and transfer are framed, undetermined cells
    hatched and in brackets, pairs that were not trained left out. Languages that pay most stand first.

    Args:
        result: of kind `experiment`, with pairs.
    """
    rows = pair_rows(result)
    shown, notes = some_capacities(rows, _PANELS)
    names, sizes = names_of(result, NAME), capacity_names(shown)
    means = rows.groupby("language")["relative"].mean()
    there = set(rows["language"]) | set(rows["partners"])
    order = sorted((a for a in names if a in there), key=lambda a: (-_rank(means.get(a)), a))
    place = {language: i for i, language in enumerate(order)}
    matrices = [_matrix(at_capacity(rows, capacity), place) for capacity in shown]
    every = np.concatenate([values[marks != ""] for values, marks in matrices])
    known = np.abs(every[np.isfinite(every)])
    limit = _limit(float(np.quantile(known, _WITHIN)) if known.size else 0.01)
    scale = draw.Scale(mpl.colormaps["RdBu_r"], Normalize(-limit, limit))
    beyond = _beyond(every, limit)
    labels = [names[a] for a in order]
    panels = [
        matrix_panel(
            values,
            marks,
            labels,
            scale=scale,
            write=partial(cell, brief=len(order) > MANY),
            diagonal=_nothing,
            bar=partial(_bar, scale=scale, limit=limit, beyond=beyond),
            axes=("partner", "language that pays"),
            title=sizes[capacity] if len(shown) > 1 else "",
            cells=_cells(at_capacity(rows, capacity), order, labels, sizes[capacity] if len(shown) > 1 else ""),
        )
        for (values, marks), capacity in zip(matrices, shown, strict=True)
    ]
    whole = np.concatenate([marks.ravel() for _, marks in matrices])
    handles = [draw.hatched_handle("paler, hatched and in brackets: undetermined")] if "undetermined" in whole else []
    if "conflict" in whole:
        handles.insert(0, draw.framed_handle("framed: interference (red) or transfer (blue), q ≤ 0.05"))
    if any(any_missing(*matrix) for matrix in matrices):
        handles.append(draw.missing_handle("grey with a dash: no number"))
    title, subtitle = titles(result, "matrix", shown[0] if len(shown) == 1 else None)
    return heatmaps(
        panels,
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Per cent by which the row's language needs more bits per byte with this partner than alone.",
            *(["White: this pair was not trained."] if (whole == "").sum() > len(order) * len(shown) else []),
            *(["The longest of the short runs."] if is_scout(result) else []),
            *notes,
        ],
        names=labels,
        across=len(panels) > 1 and len(order) <= _SIDE_BY_SIDE and len(distinct(rows["width"])) <= _PANELS,
    )


def _rank(mean: float | None) -> float:
    return mean if mean is not None and math.isfinite(mean) else -math.inf


def _matrix(rows: pd.DataFrame, place: dict[str, int]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Differences, and how cells are marked: `conflict` is what `paint` frames, "" leaves a cell out."""
    values = np.full((len(place), len(place)), np.nan)
    marks = np.full(values.shape, "", dtype=object)
    for language, partner, value, verdict in zip(
        rows["language"], rows["partners"], rows["relative"], rows["verdict"], strict=True
    ):
        if language in place and partner in place and language != partner:
            i, j = place[language], place[partner]
            values[i, j], marks[i, j] = value, UNDETERMINED if verdict == UNDETERMINED else "conflict"
    return values, marks


def _cells(rows: pd.DataFrame, order: list[str], labels: list[str], name: str) -> Cells:
    columns = ("language", "partners", "relative", "relative_ci_low", "relative_ci_high", "verdict", "q_value")
    known = {
        (language, partner): said(value, low, high, percent, verdict, q_words(q) if verdict != UNDETERMINED else "")
        for language, partner, value, low, high, verdict, q in zip(*(rows[c] for c in columns), strict=True)
    }
    texts = [[known.get((a, b), "") if a != b else "" for b in order] for a in order]
    return Cells([f"{label} pays" for label in labels], [f"with {label}" for label in labels], texts, name=name)


def cell(value: float, *, brief: bool = False) -> str:
    """A difference as it stands in a cell, in per cent with its sign."""
    size = abs(100 * value)
    out = f"{100 * value:+.0f}" if brief or size >= 9.95 else f"{100 * value:+.1f}"
    return (out[1:] if float(out) == 0 else out).replace("-", "−")


def _limit(wanted: float) -> float:
    """A round number that is not below."""
    power = 10.0 ** math.floor(math.log10(max(wanted, 1e-6)))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= wanted * (1 - 1e-9))


def _beyond(values: NDArray[np.float64], limit: float) -> Literal["neither", "both", "min", "max"]:
    finite = values[np.isfinite(values)]
    low, high = bool((finite < -limit).any()), bool((finite > limit).any())
    return "both" if low and high else "min" if low else "max" if high else "neither"


def _bar(cax: Axes, *, scale: draw.Scale, limit: float, beyond: Literal["neither", "both", "min", "max"]) -> None:
    ticks = plain_ticks(-limit, limit, 4)
    names = [f"{100 * t:+.6g}%".replace("-", "−") if t else "0" for t in ticks]
    label = "relative difference" if beyond == "neither" else f"relative difference, colours end at ±{100 * limit:g}%"
    draw.colour_bar(cax, scale, label, ticks, names, extend=beyond, undetermined=True)


def _nothing(ax: Axes, i: int, size: float | None) -> None:
    """The diagonal: no language is its own partner."""
