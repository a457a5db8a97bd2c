"""Differences row by row, with their intervals."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from interfere.report._cells import GREY, INK
from interfere.report._comparison_findings import signed
from interfere.report._comparison_heatmaps import titles
from interfere.report._comparison_tables import FOUND, HIGHER, LOWER, SAME, UNDETERMINED, Family, known, labels
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.results import Result

_ROW, _TIGHT, _MANY = 0.27, 0.21, 20  # inches of a row, and of one of many
_MOST = 60
_COLOURS = {HIGHER: "#b2182b", LOWER: "#2166ac", SAME: INK, UNDETERMINED: GREY}
_MEANING = {
    HIGHER: "filled, red: higher (q ≤ 0.05)",
    LOWER: "filled, blue: lower (q ≤ 0.05)",
    SAME: "filled, black: the same, surely within the margin (grey band)",
    UNDETERMINED: "hollow: undetermined",
}


def forest_figure(result: Result, family: Family) -> Figure:
    """A point and its interval for each row, the largest difference first; filled where there is a verdict.

    Args:
        result: of kind `comparison`.
        family: rows of languages.
    """
    rows = family.rows.sort_values("difference", ascending=False, kind="stable", na_position="last")
    notes = ["After less before. Lines are 95% intervals; each holds by itself."]
    if len(rows) > _MOST:
        kept = rows["difference"].abs().sort_values(ascending=False, kind="stable").index[:_MOST]
        notes.append(f"{_MOST} of {len(rows):,} rows: those with the largest differences.")
        rows = rows[rows.index.isin(kept)]
    names = labels(rows, 24)
    margin = float(result.settings.get("margins", {}).get(family.quantity.name, 0.0))
    handles = [
        Line2D([], [], marker="o", markersize=5, linewidth=1.1, label=_MEANING[verdict], **_style(verdict))
        for verdict in (*FOUND, SAME, UNDETERMINED)
        if (rows["verdict"] == verdict).any()
    ]
    heading, under = titles(result, family, "")
    return plots(
        [Plot(4.4, len(rows) * (_ROW if len(rows) <= _MANY else _TIGHT), partial(_into, rows, names, family, margin))],
        title=heading,
        subtitle=under,
        handles=handles,
        notes=notes,
        names=names,
    )


def _style(verdict: str) -> dict[str, Any]:
    colour = _COLOURS[verdict]
    hollow = verdict == UNDETERMINED
    return {"color": colour, "markeredgecolor": colour, "markerfacecolor": "white" if hollow else colour}


def _into(rows: pd.DataFrame, names: list[str], family: Family, margin: float, ax: Axes) -> None:
    plain_axes(ax)
    ends = rows[["difference", "ci_low", "ci_high"]].to_numpy(dtype=float)
    finite = ends[np.isfinite(ends)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    room = 0.06 * (high - low) or 0.01
    low, high = low - room, high + room
    if margin < 4 * (high - low):
        ax.axvspan(max(-margin, low), min(margin, high), color="#eeeeee", zorder=0)
    ax.set(xlim=(low, high), ylim=(len(rows), 0))
    ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(_tick))
    ax.set_yticks([i + 0.5 for i in range(len(rows))], names, parse_math=False)
    ax.tick_params(axis="y", length=0)
    unit = "logarithm of the ratio of norms" if family.quantity.name == "norm" else family.quantity.words
    ax.set_xlabel(f"difference of the {unit}" if family.quantity.name != "norm" else unit, fontsize=LABEL)
    _sides(ax, family)
    where = blended_transform_factory(ax.transAxes, ax.transData)
    for i, (_, row) in enumerate(rows.iterrows()):
        ax.text(1.035, i + 0.5, _number(row, family), transform=where, va="center", fontsize=7.5, color=INK)
        if not math.isfinite(row["difference"]):
            continue
        style = _style(str(row["verdict"]))
        if known(row["ci_low"]) and known(row["ci_high"]):
            ax.plot([row["ci_low"], row["ci_high"]], [i + 0.5] * 2, color=style["color"], linewidth=1.3, zorder=2)
        ax.plot(row["difference"], i + 0.5, marker="o", markersize=5, linestyle="none", zorder=3, **style)


def _tick(value: float, _: int) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:+.6g}".replace("-", "−")


def _sides(ax: Axes, family: Family) -> None:
    """What the two sides of 0 mean, where that can be said."""
    where = blended_transform_factory(ax.transData, ax.transAxes)
    lower, higher = family.quantity.lower or "lower", family.quantity.higher or "higher"
    for said, side, shift in ((f"← {lower}", "right", -4), (f"{higher} →", "left", 4)):
        ax.annotate(
            said, (0, 1), (shift, 3), xycoords=where, textcoords="offset points", ha=side, va="bottom", fontsize=LABEL,
            color=GREY,
        )  # fmt: skip


def _number(row: pd.Series, family: Family) -> str:
    if not math.isfinite(row["difference"]):
        return "no number"
    shown = signed(row["difference"], family)
    if known(row["ci_low"]) and known(row["ci_high"]):
        shown += f" [{signed(row['ci_low'], family)}, {signed(row['ci_high'], family)}]"
    return shown.replace("-", "−")
