"""Mixtures against monolingual models: a row a comparison, with intervals, kind by kind."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from interfere.report import _text as text
from interfere.report._cells import GREY, INK
from interfere.report._deltas_layout import LABEL, LANE, Plot, plain_axes, plots
from interfere.report._deltas_marks import MARKERS, percent_axis
from interfere.report._experiment_marks import NAME, limits, mark, verdict_handles
from interfere.report._experiment_tables import (
    CONTROLS,
    at_capacity,
    capacity_names,
    delta_rows,
    is_scout,
    kinds,
    names_of,
    number,
    row_label,
    some_capacities,
    strongest,
)
from interfere.report._experiment_words import KIND_NAMES, titles
from interfere.report._importance_words import capital
from interfere.results import Result

_MOST = 24  # rows of a kind
_ROW, _LANE = 0.23, 0.13  # inches of a row, and of each capacity beyond the first
_MARKS = 4
_SIDE = 0.2  # room on each side of 0 for the words there, as a share of the axis


def forest_figure(result: Result) -> Figure:
    """Forest plot of relative differences with intervals, a panel a kind of mixture, the worst first.

    Several capacities have a mark each in every row. Of many comparisons of a kind only the strongest are drawn.

    Args:
        result: of kind `experiment`.
    """
    every = delta_rows(result)
    shown, notes = some_capacities(every, _MARKS)
    sizes, names = capacity_names(shown), names_of(result, NAME)
    low, high = limits(every, outliers=False)
    span = high - low
    low, high = min(low, -_SIDE * span), max(high, _SIDE * span)
    tables = {kind: _of_kind(every[every["kind"] == kind], shown) for kind in kinds(every)}
    row_height = _ROW + _LANE * (len(shown) - 1)
    every_label: list[str] = []

    def into(ax: Axes, kind: str) -> None:
        rows, order = tables[kind]
        plain_axes(ax)
        percent_axis(ax, low, high, "x", 7)
        ax.set_ylim(len(order), 0)
        labels = [row_label(rows[rows["row"] == i].iloc[0], names, NAME) for i in range(len(order))]
        every_label.extend(labels)
        ax.set_yticks([i + 0.5 for i in range(len(order))], labels, parse_math=False)
        ax.tick_params(axis="y", length=0)
        words = KIND_NAMES.get(kind, text.shorten(text.safe_text(kind), NAME))
        words = f"with {words}" if kind in CONTROLS else words
        ax.set_title(capital(words), fontsize=9, loc="left", pad=18, parse_math=False)
        if kind == list(tables)[-1]:
            ax.set_xlabel("difference in bits per byte, % of the monolingual model's", fontsize=LABEL)
        _sides(ax)
        for i in range(1, len(order)) if len(shown) > 1 else ():
            ax.axhline(i, color=LANE, linewidth=0.6, zorder=0)
        for _, row in rows.iterrows():
            place = shown.index((row["width"], row["text"]))
            y = row["row"] + (place + 1) / (len(shown) + 1)
            _point(ax, y, row, MARKERS[place] if len(shown) > 1 else "o", (low, high))
        if len(shown) == 1:
            _numbers(ax, rows)

    handles = []
    if len(shown) > 1:
        handles = [
            Line2D([], [], color=INK, marker=MARKERS[i], markersize=4.5, linestyle="none", label=sizes[capacity])
            for i, capacity in enumerate(shown)
        ]
    drawn = pd.concat([rows for rows, _ in tables.values()])
    handles += verdict_handles([str(v) for v in drawn["verdict"].unique()])
    cut = drawn[["relative", "relative_ci_low", "relative_ci_high"]].to_numpy(dtype=float)
    left = sum(len(every[every["kind"] == k].groupby(["mixture", "language"])) - len(t[1]) for k, t in tables.items())
    title, subtitle = titles(result, "forest", shown[0] if len(shown) == 1 else None)
    return plots(
        [Plot(4.2, len(order) * row_height, partial(into, kind=kind)) for kind, (_, order) in tables.items()],
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Lines are 95% intervals over seeds and documents; each holds by itself. de ← sv: de, trained with sv.",
            *(["The longest of the short runs."] if is_scout(result) else []),
            *(
                ["An arrow at the edge: the point or its interval lies beyond the axis."]
                if _any(cut, low, high)
                else []
            ),
            *(
                [f"At most {_MOST} rows a kind, those with a verdict first; {left:,} more are in deltas.csv."]
                * (left > 0)
            ),
            *notes,
        ],
        names=[text.safe_text(language) for language in result.languages],
    )


def _any(ends: np.ndarray[tuple[int, ...], np.dtype[np.float64]], low: float, high: float) -> bool:
    return bool(((ends < low) | (ends > high)).any())


def _of_kind(every: pd.DataFrame, shown: list[tuple[float, float]]) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows of a kind that are drawn, with their place, and the comparisons in order."""
    first = pd.concat([at_capacity(every, capacity) for capacity in shown])
    worst = first.drop_duplicates(["mixture", "language"]).sort_values(
        ["relative", "mixture", "language"], ascending=[False, True, True], kind="stable", na_position="last"
    )
    kept = strongest(worst.reset_index(drop=True), _MOST)
    order = list(zip(kept["mixture"], kept["language"], strict=True))
    place = {key: i for i, key in enumerate(order)}
    rows = [place.get(key, -1) for key in zip(first["mixture"], first["language"], strict=True)]
    first = first.assign(row=rows)
    return first[first["row"] >= 0].sort_values("row", kind="stable"), order


def _sides(ax: Axes) -> None:
    """What the two sides of 0 mean."""
    where = blended_transform_factory(ax.transData, ax.transAxes)
    for words, side, shift in (("← transfer", "right", -4), ("interference →", "left", 4)):
        ax.annotate(
            words, (0, 1), (shift, 3), xycoords=where, textcoords="offset points", ha=side, va="bottom",
            fontsize=LABEL, color=GREY,
        )  # fmt: skip


def _point(ax: Axes, y: float, row: pd.Series, marker: str, ends: tuple[float, float]) -> None:
    """A point with its interval; arrows where that goes beyond the axis, a dash where there is no number."""
    value, (low, high) = float(row["relative"]), ends
    if not np.isfinite(value):
        ax.annotate(text.UNKNOWN, (0, y), (5, 0), textcoords="offset points", va="center", fontsize=LABEL, color=GREY)
        return
    style = mark(str(row["verdict"]))
    start, end = float(row["relative_ci_low"]), float(row["relative_ci_high"])
    if np.isfinite(start) and np.isfinite(end) and end > start and max(start, low) < min(end, high):
        ax.plot([max(start, low), min(end, high)], [y, y], color=style["color"], linewidth=1.3, zorder=2)
    for beyond, edge, arrow in (
        (np.nanmin([start, value]) < low, low, "<"),
        (np.nanmax([end, value]) > high, high, ">"),
    ):
        if beyond:
            ax.plot(edge, y, marker=arrow, markersize=4, color=style["color"], clip_on=False, zorder=2)
    if low <= value <= high:
        ax.plot(value, y, marker=marker, markersize=5, markeredgewidth=1.1, linestyle="none", zorder=3, **style)


def _numbers(ax: Axes, rows: pd.DataFrame) -> None:
    """The numbers of each row, right of the axes."""
    where = blended_transform_factory(ax.transAxes, ax.transData)
    for _, row in rows.iterrows():
        said = number(row).replace("-", "−") if row["known"] else "no number"
        ax.text(1.035, row["row"] + 0.5, said, transform=where, va="center", fontsize=7.5, color=INK)
