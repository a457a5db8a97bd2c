"""Corrected and raw cosines against the step, with what they are read against."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from interfere.report import _text as text
from interfere.report._cells import INK
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import MODEL_COLOURS, plain_ticks
from interfere.report._experiment_marks import end_names
from interfere.report._trajectory_marks import Steps, apart, of_pair
from interfere.report._trajectory_tables import pair_rows, self_rows, steps
from interfere.report._trajectory_words import titles
from interfere.results import Result

_WIDTH, _HEIGHT, _NAME = 3.3, 3.0, 14
_FEW = 4  # pairs up to which all bands can be told apart
_OTHERS, _CEILING = "#c9c9c9", "#5b8cc0"
_FURTHEST = 1.25


def cosines_figure(result: Result, metric: str) -> Figure:
    """Two panels, the corrected and the raw cosine, a line a pair; many pairs are grey but for some.

    The corrected cosine of a language with itself is 1. That of raw cosines is the self-similarity, whose range over
    languages is shaded.

    Args:
        result: of kind `trajectory`.
        metric: one of its metrics.
    """
    rows, own = pair_rows(result, metric), self_rows(result, metric)
    axis = Steps.of(steps(result))
    keys = apart(result, rows, metric)
    every = list(dict.fromkeys(zip(rows["a"], rows["b"], strict=True)))
    names = text.short_names(result.languages, _NAME)
    labels = [f"{names[a]} – {names[b]}" for a, b in keys]
    limits = {"corrected": _limits(rows, keys), "cosine": _raw_limits(rows, own)}

    def draw(ax: Axes, column: str) -> None:
        plain_axes(ax, grid="y")
        low, high = limits[column]
        ax.set_ylim(low, high)
        ticks = plain_ticks(low, high, 6)
        ax.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
        axis.draw(ax, _WIDTH)
        ax.axhline(0, color=INK, linewidth=0.8, zorder=1)
        _reference(ax, axis, own, column)
        for key in every:
            if key not in keys:
                one = of_pair(rows, key)
                ax.plot(axis.at(one["step"].to_numpy()), one[column].clip(low, high), color=_OTHERS, linewidth=0.7)
        ends = []
        for i, key in enumerate(keys):
            one = of_pair(rows, key)
            ends.append(_line(ax, axis, one, column, MODEL_COLOURS[i], (low, high), band=len(keys) <= _FEW or i < 3))
        if len(every) > 1:
            mean = rows.assign(value=rows[column].clip(-1, 1)).groupby("step")["value"].mean()
            ax.plot(axis.at(mean.index.to_numpy()), mean, color=INK, linewidth=1.4, linestyle=(0, (4, 1.5)), zorder=4)
        what = "corrected cosine" if column == "corrected" else "raw cosine"
        ax.set_title(what.capitalize(), fontsize=9, loc="left", pad=5)
        if column == "corrected":
            ax.set_ylabel("cosine", fontsize=LABEL)
        end_names(ax, labels, ends, _HEIGHT, MODEL_COLOURS[: len(keys)])

    title, subtitle = titles(result, "cosines", metric)
    return plots(
        [
            Plot(_WIDTH, _HEIGHT, lambda ax: draw(ax, "corrected")),
            Plot(_WIDTH, _HEIGHT, lambda ax: draw(ax, "cosine")),
        ],
        title=title,
        subtitle=subtitle,
        handles=_handles(len(every), len(keys)),
        notes=_notes(rows, len(every), len(keys), limits["corrected"]),
        names=labels,
        columns=2,
    )


def _reference(ax: Axes, axis: Steps, own: pd.DataFrame, column: str) -> None:
    """What a language has with itself."""
    if column == "corrected":
        ax.axhline(1, color=_CEILING, linewidth=1.2, linestyle=(0, (1, 1.2)), zorder=2)
        return
    ranges = own.groupby("step")["self_similarity"].agg(["min", "max", "mean"])
    xs = axis.at(ranges.index.to_numpy())
    ax.fill_between(xs, ranges["min"], ranges["max"], color=_CEILING, alpha=0.15, linewidth=0, zorder=0)
    ax.plot(xs, ranges["mean"], color=_CEILING, linewidth=1.2, linestyle=(0, (1, 1.2)), marker=".", markersize=3)


def _line(
    ax: Axes,
    axis: Steps,
    rows: pd.DataFrame,
    column: str,
    colour: str,
    limits: tuple[float, float],
    *,
    band: bool,
) -> float:
    """A pair that is set apart; returns where its line ends."""
    xs = axis.at(rows["step"].to_numpy())
    values = rows[column].clip(*limits)
    if column == "corrected" and band:
        low, high = (rows[end].clip(*limits) for end in ("ci_low", "ci_high"))
        if len(rows) > 1:
            ax.fill_between(xs, low, high, color=colour, alpha=0.13, linewidth=0, zorder=1)
        else:
            ax.plot([xs[0], xs[0]], [low.iloc[0], high.iloc[0]], color=colour, linewidth=0.9)
    ax.plot(xs, values, color=colour, linewidth=1.4, marker="s", markersize=2.2, zorder=3)
    if column == "corrected":
        known = rows["determined"].to_numpy()
        for filled in (True, False):
            face = colour if filled else "white"
            ax.plot(
                xs[known == filled], values[known == filled], linestyle="none", marker="o", markersize=3.6,
                color=colour, markerfacecolor=face, zorder=5,
            )  # fmt: skip
    finite = values.dropna()
    return float(finite.iloc[-1]) if len(finite) else 0.0


def _limits(rows: pd.DataFrame, keys: list[tuple[str, str]]) -> tuple[float, float]:
    points = rows["corrected"].dropna()
    ends = pd.concat([rows["ci_low"], rows["ci_high"]]).dropna() if len(keys) <= _FEW else points
    low = min(float(points.quantile(0.0)) if len(points) else 0.0, float(ends.quantile(0.1)) if len(ends) else 0.0, 0.0)
    return max(low - 0.08, -_FURTHEST), 1.08


def _raw_limits(rows: pd.DataFrame, own: pd.DataFrame) -> tuple[float, float]:
    values = pd.concat([rows["cosine"], own["self_similarity"]]).dropna()
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    reach = max(high, 0.1) - min(low, 0.0)
    return max(min(low, 0.0) - 0.06 * reach, -_FURTHEST), min(max(high, 0.1) + 0.06 * reach, _FURTHEST)


def _handles(every: int, keys: int) -> list[Artist]:
    out: list[Artist] = [
        Line2D([], [], color=_CEILING, linestyle=(0, (1, 1.2)), linewidth=1.2, label="the same language (reference)"),
        Patch(facecolor=_CEILING, alpha=0.15, label="self-similarity, lowest to highest language"),
        Line2D([], [], color=INK, marker="o", markersize=4, label="filled: a verdict; hollow: undetermined"),
        Patch(facecolor=INK, alpha=0.13, label="95% interval over text"),
    ]
    if every > 1:
        out.append(Line2D([], [], color=INK, linestyle=(0, (4, 1.5)), linewidth=1.4, label="mean over all pairs"))
    if keys < every:
        out.append(Line2D([], [], color=_OTHERS, linewidth=1.2, label="all other pairs"))
    return out


def _notes(rows: pd.DataFrame, every: int, keys: int, limits: tuple[float, float]) -> list[str]:
    out = []
    if keys < every:
        out.append(f"{keys} of {every:,} pairs are named: the lowest in the end, and those that changed most.")
    if keys > _FEW:
        out.append("Bands are drawn for the lowest three; all intervals are in pairs.csv.")
    values = rows[["corrected", "ci_low", "ci_high"]].to_numpy(dtype=np.float64)
    if bool(((values < limits[0]) | (values > limits[1])).any()):
        out.append("Lines and bands are cut off at the axis.")
    return out
