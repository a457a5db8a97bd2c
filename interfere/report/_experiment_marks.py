"""What figures of an experiment have in common: colours and marks of verdicts, lines with names, logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator
from rich.cells import cell_len

from interfere.report import _text as text
from interfere.report._cells import GREY
from interfere.report._deltas_curve import spread
from interfere.report._deltas_layout import FRAME
from interfere.report._deltas_marks import MODEL_COLOURS, reach
from interfere.report._experiment_tables import INTERFERENCE, TRANSFER, UNDETERMINED, VERDICTS

COLOURS = {INTERFERENCE: "#b2182b", TRANSFER: "#2166ac", UNDETERMINED: GREY}
NAME = 20
"""Terminal cells that the name of a language takes in a figure."""
MAX_LINES = 12
"""Lines in a panel."""

_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)))
_GAP = 10.0  # points that names at the ends of lines keep between them
_FEWEST = 3  # ticks below which a logarithmic axis names its own values

_MEANING = {
    INTERFERENCE: "filled: interference (q ≤ 0.05)",
    TRANSFER: "filled: transfer (q ≤ 0.05)",
    UNDETERMINED: "hollow: undetermined",
}
_PREDICTED = {
    INTERFERENCE: "filled: predicted above 0, the interval clear of it",
    TRANSFER: "filled: predicted below 0, the interval clear of it",
    UNDETERMINED: "hollow: the interval holds 0, or there is none",
}


def mark(verdict: str) -> dict[str, Any]:
    """Colours of a point and its interval: filled where there is a verdict."""
    colour = COLOURS[verdict]
    fill = "white" if verdict == UNDETERMINED else colour
    return {"color": colour, "markeredgecolor": colour, "markerfacecolor": fill}


def verdict_handles(verdicts: Sequence[str], *, predicted: bool = False) -> list[Line2D]:
    """Legend entries of the verdicts that there are."""
    words = _PREDICTED if predicted else _MEANING
    return [
        Line2D([], [], marker="o", markersize=5, linewidth=1.1, label=words[v], **mark(v))
        for v in VERDICTS
        if v in verdicts
    ]


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of the line of a number: twelve that can be told apart."""
    return {
        "color": MODEL_COLOURS[number % len(MODEL_COLOURS)],
        "linestyle": _DASHES[number // len(MODEL_COLOURS) % len(_DASHES)],
    }


def limits(rows: pd.DataFrame, *, outliers: bool = False) -> tuple[float, float]:
    """The ends of an axis of relative differences, with room beyond the points."""
    low, high = reach(rows, outliers=outliers)
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def end_names(ax: Axes, names: Sequence[str], ends: Sequence[float], height: float, colours: Sequence[str]) -> None:
    """Names right of the axes, each at the height of its line's end, or as near as the others let it.

    Args:
        ax: with its limits set.
        names: of the lines.
        ends: where each line ends.
        height: of the axes, in inches.
        colours: of the names.
    """
    low, high = ax.get_ylim()
    gap = _GAP / 72 / height * (high - low)
    at = np.clip(np.nan_to_num(np.asarray(ends, dtype=np.float64)), low, high)
    places = spread(at, gap, low, high)
    for name, end, place, colour in zip(names, at, places, colours, strict=True):
        start, stop = ((1, (end - low) / (high - low)), (1, (place - low) / (high - low)))
        ax.plot([1, 1.04], [start[1], stop[1]], transform=ax.transAxes, color=FRAME, linewidth=0.6, clip_on=False)
        ax.annotate(
            name,
            (1.04, stop[1]),
            (2, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=colour,
            parse_math=False,
            annotation_clip=False,
        )


def log_axis(ax: Axes, values: Sequence[float], names: Sequence[str], width: float) -> None:
    """A logarithmic horizontal axis with these values named, as many as have room.

    Args:
        ax: where.
        values: above 0, in order.
        names: how they are written.
        width: of the axes, in inches.
    """
    ax.set_xscale("log")
    first, last = (values[0], values[-1]) if values else (0.1, 1.0)
    room = max((last / first) ** 0.07, 1.05)
    ax.set_xlim(first / room, last * room)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    span = math.log(last * room * room / first) or 1.0
    kept: list[int] = []
    # The last one is named in any case, as it is what the others lead to.
    for i in reversed(range(len(values))):
        if not kept or all(
            width * abs(math.log(values[j] / values[i])) / span
            > 0.045 * (cell_len(names[i]) + cell_len(names[j])) + 0.06
            for j in kept
        ):
            kept.append(i)
    ax.set_xticks([values[i] for i in sorted(kept)], [names[i] for i in sorted(kept)])


def share_name(share: float) -> str:
    """A share of the training on an axis."""
    return f"{100 * share:.2g}%" if share < 1 else "100%"


def signed_number(value: float, digits: int = 2) -> str:
    """A correlation with its sign, and a true minus."""
    out = text.number(value, digits)
    if out != text.UNKNOWN and float(out) > 0:
        out = f"+{out}"
    return out.replace("-", "−")
