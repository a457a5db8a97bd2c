"""Bits per byte against monolingual text, and where a multilingual model comes to lie: a panel a language."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation
from scipy.optimize import isotonic_regression

from interfere.report import _deltas_words as words
from interfere.report._cells import GREY, INK, round_ticks
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import MARKERS, MODEL_COLOURS, NAME, row_names, some_models
from interfere.report._deltas_tables import (
    MONOLINGUAL,
    MULTILINGUAL,
    bounds,
    language_order,
    multilinguals,
    quality_of,
    quality_rows,
    shown_models,
    size,
    text_of,
    worth_rows,
)
from interfere.results import Result

_COLUMNS = 4
_WIDTH, _HEIGHT = 1.75, 1.35


def worth_figure(result: Result) -> Figure:
    """Small plots of bits per byte against the bytes of monolingual text, with the multilingual models as level lines.

    The line through the monolingual models is made to fall, as the table `worth` has it; a mark stands where it meets a
    multilingual model's level.

    Args:
        result: of kind `deltas`, with a table `worth`.

    Raises:
        KeyError: this result has no such table.
    """
    rows = worth_rows(result)
    if rows.empty:
        raise KeyError("no language has monolingual models of several sizes, so there is no table `worth`")
    bytes_of, quality = text_of(result), quality_of(result)
    there = {a for a in set(rows["language"]) if not _monolingual(result, a, bytes_of).empty}
    order = [language for language in language_order(result) if language in there]
    models, notes = some_models(multilinguals(result))
    names, shown = dict(zip(order, row_names(order), strict=True)), shown_models(result, NAME)

    def into(ax: Axes, language: str) -> None:
        plain_axes(ax, grid="both")
        ax.set_title(names[language], fontsize=8.5, loc="left", pad=4 if len(models) > 1 else 15, parse_math=False)
        monolingual = _monolingual(result, language, bytes_of)
        levels = [quality.get((MULTILINGUAL, model, language)) for model in models]
        _axes(ax, monolingual, levels)
        number = order.index(language)
        if number + _COLUMNS >= len(order):
            ax.set_xlabel("monolingual text", fontsize=LABEL)
        if number % _COLUMNS == 0:
            ax.set_ylabel("bits per byte", fontsize=LABEL)
        for place, (model, level) in enumerate(zip(models, levels, strict=True)):
            if level is not None:
                _level(ax, level, rows[(rows["multilingual"] == model) & (rows["language"] == language)], place)
        if len(models) == 1:
            amount = words.worth_amount(rows[rows["language"] == language].iloc[0])
            where = ax.transAxes + ScaledTranslation(0, 4 / 72, ax.figure.dpi_scale_trans)
            ax.text(0, 1, amount, transform=where, va="bottom", fontsize=7.5, color=GREY)
        xs, ys = monolingual["bytes_of_text"].to_numpy(), monolingual["bits_per_byte"].to_numpy()
        ax.plot(xs, isotonic_regression(ys, increasing=False).x, color=INK, linewidth=1.0, zorder=2)
        for _, row in monolingual.iterrows():
            x = row["bytes_of_text"]
            if np.isfinite(row["ci_low"]):
                ax.plot([x, x], [row["ci_low"], row["ci_high"]], color=INK, linewidth=0.9, zorder=3)
            ax.plot(x, row["bits_per_byte"], marker="d", markersize=4.5, color=INK, markerfacecolor="white", zorder=4)

    handles = [
        Line2D(
            [],
            [],
            color=INK,
            marker="d",
            markerfacecolor="white",
            markersize=5,
            linewidth=1,
            label="monolingual models",
        )
    ]
    handles += [
        Line2D(
            [],
            [],
            color=MODEL_COLOURS[i],
            marker=MARKERS[i],
            markersize=5.5,
            linewidth=1.3,
            label=f"multilingual model{'' if len(models) == 1 else ' ' + shown[m]}, and the text that it is worth",
        )
        for i, m in enumerate(models)
    ]
    title, subtitle = words.titles(result, "worth")
    return plots(
        [Plot(_WIDTH, _HEIGHT, partial(into, language=language)) for language in order],
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Bytes of training text on a logarithmic scale. The shaded part of a level line is the 95% interval of "
            "what the model is worth, as far as there are monolingual models. A line without a mark lies below or "
            "above all of them.",
            *notes,
        ],
        names=[*names.values(), *shown.values()],
        columns=_COLUMNS,
    )


def _monolingual(result: Result, language: str, bytes_of: dict[str, float]) -> pd.DataFrame:
    """The monolingual models of a language whose text is known, the smallest first."""
    rows = quality_rows(result, MONOLINGUAL)
    rows = rows[(rows["language"] == language) & np.isfinite(rows["bits_per_byte"]) & rows["model"].isin(bytes_of)]
    sized: pd.DataFrame = rows.assign(bytes_of_text=rows["model"].map(bytes_of)).sort_values(
        "bytes_of_text", kind="stable"
    )
    return sized


def _axes(ax: Axes, monolingual: pd.DataFrame, levels: list[pd.Series | None]) -> None:
    ends = [*monolingual[["bits_per_byte", "ci_low", "ci_high"]].to_numpy(dtype=np.float64).ravel()]
    ends += [float(level["bits_per_byte"]) for level in levels if level is not None]
    known = [end for end in ends if math.isfinite(end)]
    margin = 0.1 * (max(known) - min(known)) or 0.1
    low, high = min(known) - margin, max(known) + margin
    ax.set_ylim(low, high)
    ticks = round_ticks(low, high)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    xs = monolingual["bytes_of_text"].to_numpy()
    ax.set_xscale("log")
    room = max((xs[-1] / xs[0]) ** 0.12, 1.1)
    ax.set_xlim(xs[0] / room, xs[-1] * room)
    ax.minorticks_off()
    # Names of sizes are wide: those of the least and the most have room in any panel.
    ax.set_xticks([xs[0], xs[-1]], [size(x) for x in (xs[0], xs[-1])])
    for label, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
        label.set(ha=side)


def _level(ax: Axes, level: pd.Series, worth: pd.DataFrame, place: int) -> None:
    """A multilingual model's level, the interval of its worth on it, and the mark where it meets the line."""
    y, colour = float(level["bits_per_byte"]), MODEL_COLOURS[place]
    ax.axhline(y, color=colour, linewidth=1.2, zorder=2)
    if worth.empty:
        return
    row = worth.iloc[0]
    least, most = float(row["least"]), float(row["most"])
    low, high = bounds(row)
    start, end = max(low, least), min(high, most)
    if end > start and not (low <= 0 and high > most):
        ax.plot([start, end], [y, y], color=colour, linewidth=6, alpha=0.25, solid_capstyle="butt", zorder=2)
    if math.isfinite(row["text"]):
        ax.plot([row["text"]] * 2, [ax.get_ylim()[0], y], color=GREY, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
        ax.plot(row["text"], y, marker=MARKERS[place], markersize=5.5, color=colour, zorder=5)
