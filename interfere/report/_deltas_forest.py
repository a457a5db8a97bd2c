"""Whether multilingual models are worse or better than monolingual ones: a row a language, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from interfere.report import _deltas_words as words
from interfere.report import _text as text
from interfere.report._cells import GREY, INK
from interfere.report._deltas_layout import LABEL, LANE, Plot, plain_axes, plots
from interfere.report._deltas_marks import (
    MARKERS,
    NAME,
    mark,
    percent_axis,
    reach,
    row_names,
    some_models,
    verdict_handles,
)
from interfere.report._deltas_tables import compared, delta_rows, multilinguals, percent, percent_digits, shown_models
from interfere.results import Result

_TOGETHER = 3  # models up to which all stand in one panel
_SIDE = 0.2  # room on each side of 0 for the words there, as a share of the axis
_ROW, _TIGHT, _MANY = 0.27, 0.21, 20  # inches of a row, and of one of many
_MODEL = 0.15  # inches of a row that each model takes
_COLUMNS = 3


def deltas_figure(result: Result) -> Figure:
    """Forest plot of the relative difference in bits per byte, a row a language, the worst first.

    Points are filled where there is a verdict. A single multilingual model has its numbers beside the rows; two or
    three have a mark each in every row, and more have a panel each.

    Args:
        result: of kind `deltas`.
    """
    order = compared(result)
    models, notes = some_models(multilinguals(result))
    tables = {model: delta_rows(result, model).set_index("language").reindex(order) for model in models}
    every = pd.concat(tables.values())
    low, high = reach(every, outliers=False)
    span = high - low
    low, high = min(low - 0.04 * span, -_SIDE * span), max(high + 0.04 * span, _SIDE * span)
    names, shown = row_names(order), shown_models(result, NAME)
    row = _ROW if len(order) <= _MANY else _TIGHT
    together = len(models) <= _TOGETHER
    groups = [models] if together else [[model] for model in models]
    if together and len(models) > 1:
        row = max(row, 0.08 + _MODEL * len(models))
    ends = every[["relative", "relative_ci_low", "relative_ci_high"]]
    cut = bool(((ends < low) | (ends > high)).to_numpy().any())

    def into(ax: Axes, group: Sequence[str]) -> None:
        plain_axes(ax)
        percent_axis(ax, low, high, "x", 7 if together else 3)
        ax.set_ylim(len(order), 0)
        named = together or models.index(group[0]) % _COLUMNS == 0
        ax.set_yticks([i + 0.5 for i in range(len(order))], names if named else [""] * len(order), parse_math=False)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("difference in bits per byte, % of the monolingual model's", fontsize=LABEL)
        if not together:
            ax.set_title(shown[group[0]], fontsize=9, loc="left", pad=18, parse_math=False)
            ax.set_xlabel("difference in bits per byte, %", fontsize=LABEL)
        _sides(ax)
        for i in range(1, len(order)) if len(group) > 1 else ():
            ax.axhline(i, color=LANE, linewidth=0.6, zorder=0)
        for place, model in enumerate(group):
            offset = (place + 1) / (len(group) + 1)
            marker = MARKERS[place] if len(group) > 1 else "o"
            for i, (_, cell) in enumerate(tables[model].iterrows()):
                _point(ax, i + offset, cell, marker, (low, high), number=len(models) > 1)
        if len(models) == 1:
            _numbers(ax, tables[models[0]])

    handles: list[Line2D] = []
    if len(models) > 1 and together:
        handles += [
            Line2D([], [], color=INK, marker=MARKERS[i], markersize=4.5, linestyle="none", label=f"model {shown[m]}")
            for i, m in enumerate(models)
        ]
    handles += verdict_handles([str(v) for v in every["verdict"].dropna().unique()])
    title, subtitle = words.titles(result, "deltas")
    return plots(
        [Plot(4.4 if together else 2.3, len(order) * row, partial(into, group=group)) for group in groups],
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Lines are 95% intervals over documents; each holds by itself. They know nothing of how training runs "
            "differ.",
            *(["An arrow at the edge: the point or its interval lies beyond the axis."] if cut else []),
            *(["A dash: there is no number for this language."] if every["relative"].isna().any() else []),
            *notes,
        ],
        names=[*names, *shown.values()],
        columns=1 if together else _COLUMNS,
    )


def _sides(ax: Axes) -> None:
    """What the two sides of 0 mean."""
    where = blended_transform_factory(ax.transData, ax.transAxes)
    for words_, side, shift in (("← better", "right", -4), ("worse →", "left", 4)):
        ax.annotate(
            words_,
            (0, 1),
            (shift, 3),
            xycoords=where,
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=LABEL,
            color=GREY,
        )


def _point(ax: Axes, y: float, row: pd.Series, marker: str, ends: tuple[float, float], *, number: bool) -> None:
    """A point with its interval; arrows where that goes beyond the axis, a dash where there is no number."""
    if not np.isfinite(row["relative"]):
        ax.annotate(text.UNKNOWN, (0, y), (5, 0), textcoords="offset points", va="center", fontsize=LABEL, color=GREY)
        return
    low, high = ends
    style, value = mark(str(row["verdict"])), float(row["relative"])
    if not low <= value <= high:
        right = value > high
        edge = high if right else low
        ax.plot(edge, y, marker=">" if right else "<", markersize=6, linestyle="none", clip_on=False, zorder=3, **style)
        if number:
            shift, side = (-7, "right") if right else (7, "left")
            words_ = percent(value, 0).replace("-", "−")
            ax.annotate(words_, (edge, y), (shift, 0), textcoords="offset points", ha=side, va="center", fontsize=7)
        return
    start, end = row["relative_ci_low"], row["relative_ci_high"]
    if np.isfinite(start) and np.isfinite(end) and end > start:
        ax.plot([max(start, low), min(end, high)], [y, y], color=style["color"], linewidth=1.3, zorder=2)
        for beyond, edge, arrow in ((start < low, low, "<"), (end > high, high, ">")):
            if beyond:
                ax.plot(edge, y, marker=arrow, markersize=4, color=style["color"], clip_on=False, zorder=2)
    ax.plot(value, y, marker=marker, markersize=5, markeredgewidth=1.1, linestyle="none", zorder=3, **style)


def _numbers(ax: Axes, rows: pd.DataFrame) -> None:
    """The numbers of each row, right of the axes."""
    where = blended_transform_factory(ax.transAxes, ax.transData)
    for i, (_, row) in enumerate(rows.iterrows()):
        ax.text(1.035, i + 0.5, _number(row), transform=where, va="center", fontsize=7.5, color=INK)


def _number(row: pd.Series) -> str:
    if not np.isfinite(row["relative"]):
        return "no number"
    if row["same"]:
        return "the same model"
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    digits = percent_digits(low, high)
    ends = [percent(end, digits).removesuffix("%") for end in (low, high)]
    shown = percent(row["relative"], digits)
    shown += f" [{ends[0]}, {ends[1]}]" if text.UNKNOWN not in ends else ", no interval"
    return shown.replace("-", "−")
