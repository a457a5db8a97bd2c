"""How the difference goes along several multilingual models, language by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.cells import cell_len

from interfere.report import _deltas_words as words
from interfere.report._cells import GREY, INK
from interfere.report._deltas_layout import FRAME, LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import (
    MARKERS,
    MODEL_COLOURS,
    NAME,
    mark,
    percent_axis,
    reach,
    row_names,
    verdict_handles,
)
from interfere.report._deltas_tables import by_language, compared, delta_rows, multilinguals, shown_models
from interfere.results import Result

_TOGETHER = 6  # languages up to which all lines stand in one panel
_COLUMNS = 4
_NOTHING = pd.Series({"relative": math.nan, "relative_ci_low": math.nan, "relative_ci_high": math.nan})
_GAP = 12.0  # points that names at the ends of lines keep between them
_HEIGHT = 3.0
_CELL = 0.075  # inches of a terminal cell in a label


def curve_figure(result: Result) -> Figure:
    """Relative difference along the multilingual models in their order, a line a language, with intervals.

    A few languages stand in one panel with their names at the ends of the lines; more have a panel each.

    Args:
        result: of kind `deltas`, with two multilingual models or more.

    Raises:
        KeyError: there is only one multilingual model.
    """
    models = multilinguals(result)
    if len(models) < 2:
        raise KeyError("a curve needs two multilingual models, and this run has one")
    order = compared(result)
    tables = {m: by_language(result, m) for m in models}
    every = pd.concat([delta_rows(result, m) for m in models])
    low, high = reach(every)
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin
    names = dict(zip(order, row_names(order), strict=True))
    shown = shown_models(result, NAME if len(models) <= 12 else 12)
    together = len(order) <= _TOGETHER
    groups: list[Sequence[str]] = [order] if together else [[language] for language in order]
    columns = 1 if together else _COLUMNS
    width = max(3.6, 0.6 * len(models)) if together else max(1.35, 0.28 * len(models))

    def into(ax: Axes, group: Sequence[str]) -> None:
        plain_axes(ax, grid="y")
        percent_axis(ax, low, high, "y", 6 if together else 3)
        ax.set_xlim(-0.4, len(models) - 0.6)
        number = 0 if together else order.index(group[0])
        bottom = together or number + columns >= len(order)
        ax.set_xticks(range(len(models)), [shown[m] if bottom else "" for m in models], parse_math=False)
        if max(cell_len(shown[m]) for m in models) * _CELL > width / len(models) - 0.1:
            for label in ax.get_xticklabels():
                label.set(rotation=90, ha="right", va="center", rotation_mode="anchor")
        if together:
            ax.set_ylabel("difference in bits per byte, %", fontsize=LABEL)
        else:
            ax.set_title(names[group[0]], fontsize=8.5, loc="left", pad=4, parse_math=False)
            if number % columns:
                ax.tick_params(labelleft=False)
        for i, language in enumerate(group):
            cells = pd.DataFrame([tables[m].get(language, _NOTHING) for m in models])
            shift = 0.0 if len(group) == 1 else 0.28 * (i / (len(group) - 1) - 0.5)
            _line(ax, cells, shift, MODEL_COLOURS[i] if together else GREY, MARKERS[i] if together else "o")
        if together:
            ends = np.array([_last([float(tables[m].get(a, _NOTHING)["relative"]) for m in models]) for a in group])
            _names(ax, [names[a] for a in group], ends)

    verdicts = [str(v) for v in every["verdict"].unique()]
    title, subtitle = words.titles(result, "curve")
    return plots(
        [Plot(width, _HEIGHT if together else 1.2, partial(into, group=group)) for group in groups],
        title=title,
        subtitle=subtitle,
        handles=verdict_handles(verdicts) if not together else [],
        notes=[
            "Difference from the monolingual model of each language, in per cent of its bits per byte; above 0 is "
            "worse. Lines up and down are 95% intervals over documents.",
            *(["Filled: worse or better with q ≤ 0.05. Hollow: undetermined."] if together else []),
        ],
        names=[*names.values(), *shown.values()],
        columns=columns,
    )


def _line(ax: Axes, rows: pd.DataFrame, shift: float, colour: str, marker: str) -> None:
    """A line through the differences of one language, with intervals; by itself it has the colours of verdicts."""
    ys = rows["relative"].to_numpy(dtype=np.float64)
    xs = np.arange(len(ys)) + shift
    ax.plot(xs, ys, color=colour, linewidth=1.0, alpha=0.8, zorder=2)
    for x, (_, row) in zip(xs, rows.iterrows(), strict=True):
        if not np.isfinite(row["relative"]):
            continue
        style = mark(str(row["verdict"]))
        edge = style["color"] if marker == "o" and colour == GREY else colour
        fill = "white" if row["verdict"] == "undetermined" else edge
        if np.isfinite(row["relative_ci_low"]):
            ends = [row["relative_ci_low"], row["relative_ci_high"]]
            ax.plot([x, x], ends, color=edge, linewidth=1.0, zorder=2)
        ax.plot(x, row["relative"], marker=marker, markersize=5, color=edge, markerfacecolor=fill, zorder=3)


def _last(values: Sequence[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return known[-1] if known else 0.0


def _names(ax: Axes, names: Sequence[str], ends: NDArray[np.float64]) -> None:
    """Names right of the axes, each at the height of its line's end, or as near as the others let it."""
    low, high = ax.get_ylim()
    gap = _GAP / 72 / _HEIGHT * (high - low)
    places = spread(ends, gap, low, high)
    edge = ax.get_xlim()[1]
    for i, (name, end, place) in enumerate(zip(names, ends, places, strict=True)):
        ax.plot([edge, edge + 0.14], [end, place], color=FRAME, linewidth=0.6, clip_on=False)
        ax.plot(edge + 0.2, place, marker=MARKERS[i], markersize=4.5, color=MODEL_COLOURS[i], clip_on=False)
        ax.text(edge + 0.26, place, name, va="center", fontsize=LABEL, color=INK, parse_math=False)
    ax.set_xlim(right=edge)


def spread(wanted: NDArray[np.float64], gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Places in the order of those wanted, near them, and no nearer to each other than a gap; between two ends."""
    order = np.argsort(wanted, kind="stable")
    places = wanted[order].astype(np.float64)
    for _ in range(200):
        short = gap - np.diff(places)
        if not (short > 1e-9 * gap).any():
            break
        for i in np.flatnonzero(short > 0):
            push = max(0.0, gap - (places[i + 1] - places[i])) / 2
            places[i] -= push
            places[i + 1] += push
    # What the rounds left, from the bottom up.
    for place in range(1, len(places)):
        places[place] = max(places[place], places[place - 1] + gap)
    if len(places) and places[-1] > high:
        places -= min(places[-1] - high, max(0.0, places[0] - low))
    out = np.empty_like(places)
    out[order] = places
    return out
