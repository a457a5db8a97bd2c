"""Bits per byte of every model in every language: points with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from interfere.report import _deltas_words as words
from interfere.report import _text as text
from interfere.report._cells import GREY, INK
from interfere.report._deltas_layout import LABEL, LANE, Plot, plain_axes, plots
from interfere.report._deltas_marks import MARKERS, MODEL_COLOURS, NAME, plain_ticks, row_names, some_models
from interfere.report._deltas_tables import (
    MONOLINGUAL,
    MULTILINGUAL,
    delta_rows,
    language_order,
    multilinguals,
    quality_of,
    quality_rows,
    shown_models,
)
from interfere.results import Result

_MODEL = 0.13  # inches of a row that each model takes
_SMALLER = "#9a9a9a"


def quality_figure(result: Result) -> Figure:
    """Bits per byte by language: every multilingual model, the monolingual one, and those of less text in grey.

    Args:
        result: of kind `deltas`.
    """
    order = language_order(result)
    models, notes = some_models(multilinguals(result))
    against, quality = _against(result), quality_of(result)
    names, shown = row_names(order), shown_models(result, NAME)
    lanes = len(models) + 1
    drawn = pd.concat([quality_rows(result, MULTILINGUAL), quality_rows(result, MONOLINGUAL)])
    ends = drawn[["bits_per_byte", "ci_low", "ci_high"]].to_numpy(dtype=np.float64)
    known = ends[np.isfinite(ends)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    smaller = _smaller(result, against)

    def into(ax: Axes) -> None:
        plain_axes(ax)
        ax.set_xlim(low - margin, high + margin)
        ticks = plain_ticks(low - margin, high + margin)
        ax.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        ax.set_xlabel("bits per byte, fewer is better", fontsize=LABEL)
        ax.set_ylim(len(order), 0)
        ax.set_yticks([i + 0.5 for i in range(len(order))], names, parse_math=False)
        ax.tick_params(axis="y", length=0)
        for i in range(1, len(order)):
            ax.axhline(i, color=LANE, linewidth=0.6, zorder=0)
        for i, language in enumerate(order):
            for place, model in enumerate(models):
                y = i + (place + 1) / (lanes + 1)
                _point(ax, y, quality.get((MULTILINGUAL, model, language)), MODEL_COLOURS[place], MARKERS[place])
            y = i + lanes / (lanes + 1)
            for _, row in smaller[smaller["language"] == language].iterrows():
                _point(ax, y, row, _SMALLER, "d", hollow=True, small=True)
            if language in against:
                _point(ax, y, quality.get((MONOLINGUAL, against[language], language)), INK, "d", hollow=True)

    handles = [
        Line2D(
            [],
            [],
            color=MODEL_COLOURS[i],
            marker=MARKERS[i],
            markersize=5,
            linewidth=1.2,
            label="multilingual model" if len(models) == 1 else f"multilingual model {shown[model]}",
        )
        for i, model in enumerate(models)
    ]
    handles.append(_hollow(INK, 5, "monolingual model" + (" of the most text" if len(smaller) else "")))
    if len(smaller):
        handles.append(_hollow(_SMALLER, 3.5, "monolingual models of less text"))
    title, subtitle = words.titles(result, "quality")
    return plots(
        [Plot(4.8, len(order) * max(0.27, 0.08 + _MODEL * lanes), into)],
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Lines are 95% intervals over documents. Compare models within a language: its bits per byte depend on its "
            "script and on the text.",
            *notes,
        ],
        names=[*names, *shown.values()],
    )


def _against(result: Result) -> dict[str, str]:
    """Language → the monolingual model that it is compared with."""
    rows = delta_rows(result, multilinguals(result)[0])
    return dict(zip(rows["language"], rows["monolingual"], strict=True))


def _smaller(result: Result, against: dict[str, str]) -> pd.DataFrame:
    rows = quality_rows(result, MONOLINGUAL)
    compared = rows["model"] == rows["language"].map(against)
    smaller: pd.DataFrame = rows[~compared & np.isfinite(rows["bits_per_byte"])]
    return smaller


def _hollow(colour: str, size: float, label: str) -> Line2D:
    return Line2D(
        [], [], color=colour, marker="d", markersize=size, markerfacecolor="white", linewidth=1.2, label=label
    )


def _point(
    ax: Axes, y: float, row: pd.Series | None, colour: str, marker: str, *, hollow: bool = False, small: bool = False
) -> None:
    if row is None:
        ax.text(0.0, y, f" {text.UNKNOWN}", transform=ax.get_yaxis_transform(), va="center", fontsize=7, color=GREY)
        return
    if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
        ax.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, linewidth=0.7 if small else 1.2, zorder=2)
    fill = "white" if hollow else colour
    ax.plot(
        row["bits_per_byte"],
        y,
        marker=marker,
        markersize=3.5 if small else 5,
        color=colour,
        markerfacecolor=fill,
        zorder=3,
    )
