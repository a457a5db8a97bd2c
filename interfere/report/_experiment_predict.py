"""What was known early of a pair against what sharing came to cost: a scatter plot a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from interfere.report._cells import INK
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import percent_axis, plain_ticks
from interfere.report._experiment_marks import mark, signed_number, verdict_handles
from interfere.report._experiment_predicted import (
    EXPECTED,
    TOO_FEW,
    by_predictor,
    early_share,
    prediction_rows,
    predictor_name,
)
from interfere.report._experiment_tables import (
    UNDETERMINED,
    arrow,
    at_capacity,
    capacities,
    capacity_names,
    delta_rows,
    language_name,
    main_capacity,
    names_of,
    table,
)
from interfere.report._experiment_words import titles
from interfere.report._importance_words import many
from interfere.results import Result

_WIDTH, _HEIGHT = 3.0, 2.4
_NAME, _POINTS = 8, 6.5  # cells of a language's name beside a point, and the size of it
_LABELS = 24

X_LABELS = {
    "conflict": "corrected cosine of gradients",
    "transfer": "gain by a step along the partner",
    "overlap": "shared byte 3-grams",
    "early_delta": "relative difference, early",
}


def predict_rows(result: Result) -> pd.DataFrame:
    """Directions of pairs with their final difference, its verdict and the predictors."""
    rows = table(result, "predictors")
    if rows.empty or not np.isfinite(rows["relative"]).any():
        return pd.DataFrame()
    final = delta_rows(result)
    final = final[final["kind"] == "pair"]
    keys = ["mixture", "language", "width", "text"]
    verdict = {tuple(row[k] for k in keys): row["verdict"] for _, row in final.iterrows()}
    found = [
        verdict.get((row["pair"], row["language"], row["width"], row["text"]), UNDETERMINED)
        for _, row in rows.iterrows()
    ]
    return rows.assign(verdict=found)


def predict_figure(result: Result) -> Figure:
    """Scatter plots of the final relative difference against each predictor, with rank correlations.

    Args:
        result: of kind `experiment`, with pairs.
    """
    every = predict_rows(result)
    capacity = main_capacity(every)
    rows = at_capacity(every, capacity)
    predictors = [p for p in EXPECTED if p in rows and (np.isfinite(rows[p]) & np.isfinite(rows["relative"])).any()]
    said = by_predictor(prediction_rows(result), capacity)
    names = names_of(result, _NAME)
    ys = rows["relative"][np.isfinite(rows["relative"])]
    low, high = _room(ys.to_numpy(dtype=float))

    def into(ax: Axes, predictor: str) -> None:
        own = rows[np.isfinite(rows[predictor]) & np.isfinite(rows["relative"])]
        plain_axes(ax, grid="both")
        percent_axis(ax, low, high, "y", 6)
        start, stop = _room(own[predictor].to_numpy(dtype=float), zero=predictor == "early_delta")
        if predictor == "early_delta":
            percent_axis(ax, start, stop, "x", 5)
        else:
            ticks = plain_ticks(start, stop, 5)
            ax.set_xlim(start, stop)
            ax.set_xticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
        ax.set_xlabel(X_LABELS[predictor], fontsize=LABEL)
        if predictors.index(predictor) % 2 == 0:
            ax.set_ylabel("relative difference, final", fontsize=LABEL)
        words = _correlation(said[predictor]) if predictor in said else ""
        name = predictor_name(predictor)
        ax.set_title(f"{name[:1].upper()}{name[1:]}\n{words}", fontsize=8.5, loc="left", pad=4)
        for _, row in own.iterrows():
            style = mark(str(row["verdict"]))
            ax.plot(row[predictor], row["relative"], marker="o", markersize=4, linestyle="none", zorder=3, **style)
        _label(ax, own, predictor, names)

    sizes = capacity_names(capacities(every))
    share = early_share(result)
    title, subtitle = titles(result, "predict", capacity)
    return plots(
        [Plot(_WIDTH, _HEIGHT, partial(into, predictor=p)) for p in predictors],
        title=title,
        subtitle=subtitle,
        handles=verdict_handles([str(v) for v in rows["verdict"].unique()]),
        notes=[
            "A point is a direction of a pair: de←sv is de, trained with sv. In brackets 95% intervals over pairs.",
            *(
                [f"All but the overlap of texts were read at {100 * share:.2g}% of the training."]
                if np.isfinite(share)
                else []
            ),
            *([f"At {sizes[capacity]}; other capacities are in predictors.csv."] if len(sizes) > 1 else []),
            "Points without room for a name have none; predictors.csv has them all.",
        ],
        names=list(names.values()),
        columns=2,
    )


def _room(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, zero: bool = True) -> tuple[float, float]:
    ends = [*values, *([0.0] if zero else [])]
    low, high = float(min(ends)), float(max(ends))
    margin = 0.1 * (high - low) or 0.01
    return low - margin, high + margin


def _correlation(row: pd.Series) -> str:
    if row["says"] == TOO_FEW:
        return f"{many(int(row['pairs']), 'pair')}: no correlation is judged"
    value, low, high = (signed_number(row[c]) for c in ("correlation", "ci_low", "ci_high"))
    return f"{value} [{low}, {high}], {row['says']}"


def _label(ax: Axes, rows: pd.DataFrame, predictor: str, names: dict[str, str]) -> None:
    """Names of points, those of the largest differences first, where they lie over no other and no point."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    wide, high = 72 * _WIDTH, 72 * _HEIGHT  # of the axes, in points

    def at(row: pd.Series) -> tuple[float, float]:
        return (row[predictor] - left) / (right - left) * wide, (row["relative"] - bottom) / (top - bottom) * high

    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in (at(row) for _, row in rows.iterrows())]
    # Words on a line at 0 are hard to read.
    zero, upright = (0 - bottom) / (top - bottom) * high, (0 - left) / (right - left) * wide
    taken.append((0, zero - 1, wide, zero + 1))
    taken += [(upright - 1, 0, upright + 1, high)] if predictor == "early_delta" else []
    order = rows.assign(size=-rows["relative"].abs()).sort_values(["size", "pair", "language"], kind="stable")
    placed = 0
    for _, row in order.iterrows():
        if placed == _LABELS:
            break
        name = arrow(language_name(row["language"], names), language_name(row["partner"], names), gap="")
        x, y = at(row)
        width, height = _wide(ax, name) + 2, 1.25 * _POINTS
        for dx, dy in _PLACES:
            corner = x + (dx if dx > 0 else dx - width if dx < 0 else -width / 2), y + dy - height / 2
            box = (*corner, corner[0] + width, corner[1] + height)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= wide and box[3] <= high
            if inside and not any(_over(box, other) for other in taken):
                taken.append(box)
                ax.annotate(
                    name, (row[predictor], row["relative"]), (dx, dy), textcoords="offset points",
                    ha="left" if dx > 0 else "right" if dx < 0 else "center", va="center", fontsize=_POINTS,
                    color=INK, parse_math=False,
                )  # fmt: skip
                placed += 1
                break


def _wide(ax: Axes, name: str) -> float:
    """Points that a name takes."""
    drawn = ax.text(0, 0, name, fontsize=_POINTS, parse_math=False)
    width = drawn.get_window_extent().width * 72 / ax.figure.dpi
    drawn.remove()
    return float(width)


_PLACES: Sequence[tuple[float, float]] = ((5, 0), (-5, 0), (0, 8), (0, -8), (5, 7), (5, -7), (-5, 7), (-5, -7))


def _over(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
