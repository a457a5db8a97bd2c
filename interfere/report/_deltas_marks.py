"""What figures of deltas have in common: colours and marks of verdicts and models, ticks, rows of languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from interfere.report._cells import GREY, INK
from interfere.report._deltas_tables import BETTER, UNDETERMINED, VERDICTS, WORSE
from interfere.report._text import short_names

COLOURS = {WORSE: "#b2182b", BETTER: "#2166ac", UNDETERMINED: GREY}
MARKERS = ("o", "s", "D", "^", "v", "P")
MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f5f00", "#56b4e9")
"""Told apart with every common colour blindness (Okabe and Ito); markers differ too."""

MAX_MODELS = len(MARKERS)
NAME = 24
"""Terminal cells that the name of a language or model takes in a figure."""

_OUTLIER = 5.0  # times as far from 0 as the point that four fifths do not exceed

_MEANING = {
    WORSE: "filled: worse (q ≤ 0.05)",
    BETTER: "filled: better (q ≤ 0.05)",
    UNDETERMINED: "hollow: undetermined",
}


def some_models(models: Sequence[str]) -> tuple[list[str], list[str]]:
    """No more models than a picture takes, the first and the last among them, and what was left out."""
    if len(models) <= MAX_MODELS:
        return list(models), []
    kept = np.linspace(0, len(models) - 1, MAX_MODELS).round().astype(int)
    return [models[i] for i in kept], [f"{len(kept)} of {len(models):,} multilingual models, evenly from their order."]


def row_names(languages: Sequence[str]) -> list[str]:
    """What languages are called beside their rows."""
    names = short_names(languages, NAME)
    return [names[language] for language in languages]


def verdict_handles(verdicts: Sequence[str]) -> list[Line2D]:
    """Legend entries of the verdicts that there are."""
    return [
        Line2D([], [], marker="o", markersize=5, linewidth=1.1, label=_MEANING[v], **mark(v))
        for v in VERDICTS
        if v in verdicts
    ]


def mark(verdict: str) -> dict[str, Any]:
    """Colours of a point and its interval: filled where there is a verdict."""
    colour = COLOURS[verdict]
    return {
        "color": colour,
        "markeredgecolor": colour,
        "markerfacecolor": "white" if verdict == UNDETERMINED else colour,
    }


def reach(rows: pd.DataFrame, *, outliers: bool = True) -> tuple[float, float]:
    """The ends of an axis of relative differences: 0 and all points, and intervals unless they dwarf everything.

    Args:
        rows: with `relative`, `relative_ci_low` and `relative_ci_high`.
        outliers: whether points far beyond four fifths of them count; a model without a language's script is many times
            worse there, and would press all others into a line.
    """
    points = rows["relative"].to_numpy()
    points = np.append(points[np.isfinite(points)], 0.0)
    low, high = (rows[end].to_numpy() for end in ("relative_ci_low", "relative_ci_high"))
    known = np.isfinite(low) & np.isfinite(high)
    if not outliers:
        usual = float(np.quantile(np.abs(points), 0.8)) + (
            float(np.median((high - low)[known])) if known.any() else 0.0
        )
        points = points[np.abs(points) <= _OUTLIER * usual]
        known &= np.abs(rows["relative"].to_numpy()) <= _OUTLIER * usual
    start, stop = float(points.min()), float(points.max())
    if known.any():
        most = 2 * max(stop - start, float(np.median(high[known] - low[known])))
        start = min(start, max(float(low[known].min()), start - most))
        stop = max(stop, min(float(high[known].max()), stop + most))
    if stop == start:
        start, stop = -0.01, 0.01
    return start, stop


def plain_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers between two, about so many."""
    wanted = MaxNLocator(about, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [0.0 if abs(t) < 1e-9 * (high - low) else float(t) for t in wanted if low <= t <= high]


def percent_axis(ax: Axes, low: float, high: float, axis: str, about: int = 6) -> None:
    """An axis of per cents with a line at 0, and about so many ticks."""
    ticks = plain_ticks(low, high, about)
    names = [f"{100 * t:+,.6g}%".replace("-", "−") if t else "0" for t in ticks]
    if axis == "x":
        ax.set_xlim(low, high)
        ax.set_xticks(ticks, names)
        ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
    else:
        ax.set_ylim(low, high)
        ax.set_yticks(ticks, names)
        ax.axhline(0, color=INK, linewidth=0.8, zorder=1)
