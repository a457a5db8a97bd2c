"""Which languages rank units alike: languages by languages."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from interfere.report import _cells as draw
from interfere.report import _importance_words as words
from interfere.report import _text as text
from interfere.report._figure import Panel, heatmaps
from interfere.report._grid import NO_NUMBER, Cells, said
from interfere.report._importance_tables import (
    kinds,
    language_order,
    mean_overlap,
    methods,
    noun,
    of_method,
    overlap_matrix,
)
from interfere.report._matrix import MANY, any_missing, cell_size, matrix_panel
from interfere.results import Result

_SIDE_BY_SIDE = 8.0  # inches of cells up to which the panels stand in a row


def overlap_figure(result: Result) -> Figure:
    """Language × language heatmaps of the rank overlap by the first method, the mean over layers, one for each kind.

    On the diagonal, set apart in grey, is the overlap of a language's two halves of text, the ceiling of the others.
    A pair whose interval reaches its ceiling is hatched and in brackets, as are all where there are no intervals.

    Args:
        result: of kind `importance`.

    Raises:
        KeyError: no overlaps are in this result.
    """
    method, order = methods(result)[0], language_order(result)
    shown = kinds(of_method(result, "overlap", method))
    if not shown:
        raise KeyError(f"no overlap by {method} in this result: no layer has three units of a kind")
    names = list(map(text.short_names(order, 24).__getitem__, order))
    panels, missing = [], False
    for kind in shown:
        rows = mean_overlap(result, method, kind)
        values = overlap_matrix(rows, order).to_numpy(dtype=float)
        reaches = overlap_matrix(rows.assign(reaches=rows["reaches"].astype(float)), order, "reaches").to_numpy()
        verdicts = np.where(reaches == 0, "below", "undetermined").astype(object)
        np.fill_diagonal(verdicts, "")
        missing |= any_missing(values, verdicts)
        heading = f"{noun(kind).capitalize()}, mean over layers"
        panels.append(_panel(values, verdicts, names, heading, _cells(rows, order, heading)))
    title, subtitle = words.titles(result, "overlap")
    return heatmaps(
        panels,
        title=title,
        subtitle=subtitle,
        handles=_handles(missing),
        notes=[
            "Rank overlap: Spearman's correlation of one language's scores on one half of the text with the other's on "
            "the other half, both ways; 1 for the same ranking, 0 for unrelated ones. Read it against the ceilings of "
            "the two languages, on the diagonal."
        ],
        names=names,
        across=len(order) * cell_size(len(order))[0] * len(panels) <= _SIDE_BY_SIDE,
    )


def _cells(rows: pd.DataFrame, order: list[str], heading: str) -> Cells:
    known = {}
    columns = ("a", "b", "rank", "rank_low", "rank_high", "rank_ceiling", "reaches")
    for a, b, value, low, high, ceiling, reaches in zip(*(rows[c] for c in columns), strict=True):
        which = "not surely below" if reaches else "below"
        beside = "the ceiling: its own other half" if a == b else f"{which} the ceiling, {text.cosine(ceiling)}"
        known[a, b] = known[b, a] = said(value, low, high, text.cosine, beside)
    names = [text.short_names(order, 40)[a] for a in order]
    return Cells(names, names, [[known.get((a, b), NO_NUMBER) for b in order] for a in order], name=heading)


def _panel(values: np.ndarray, verdicts: np.ndarray, names: list[str], title: str, cells: Cells) -> Panel:
    brief = len(names) > MANY
    known = values[np.isfinite(values) & (verdicts != "")]
    low = float(np.floor(known.min() * 10 + 1e-9) / 10) if known.size else 0.0
    high = float(np.ceil(known.max() * 10 - 1e-9) / 10) if known.size else 1.0
    high = high if high > low else low + 0.1
    scale = draw.sequential(Normalize(low, high))
    own = np.diag(values)
    hatched = bool(((verdicts == "undetermined") & np.isfinite(values)).any())

    def ceiling(ax: Axes, i: int, size: float | None) -> None:
        if size is not None:
            shown = draw.cosine_value(float(own[i]), brief=brief) if np.isfinite(own[i]) else text.UNKNOWN
            draw.put(ax, (i, i), shown, size, color=draw.INK, fontstyle="italic")

    def bar(cax: Axes) -> None:
        ticks = draw.round_ticks(low, high)
        draw.colour_bar(
            cax, scale, "rank overlap", ticks, [f"{t:g}".replace("-", "−") for t in ticks], undetermined=hatched
        )

    write = partial(draw.cosine_value, brief=brief)
    return matrix_panel(
        values, verdicts, names, scale=scale, write=write, diagonal=ceiling, bar=bar, title=title, cells=cells
    )


def _handles(missing: bool) -> list[Artist]:
    handles: list[Artist] = [
        draw.apart_handle("diagonal: a language with its own other half, the ceiling"),
        draw.hatched_handle("paler, hatched and in brackets: the interval reaches the ceiling, or there is none"),
    ]
    return [*handles, draw.missing_handle("grey with a dash: could not be estimated")] if missing else handles
