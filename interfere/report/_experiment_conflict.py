"""Gradient conflict along training: the corrected and the raw cosine, and the ceiling of the raw one."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from interfere.report import _text as text
from interfere.report._cells import INK
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import plain_ticks
from interfere.report._experiment_marks import NAME, log_axis, share_name
from interfere.report._experiment_tables import (
    CONTROLS,
    at_capacity,
    capacities,
    capacity_names,
    distinct,
    main_capacity,
    names_of,
    table,
)
from interfere.report._experiment_words import titles
from interfere.results import Result

_MOST, _COLUMNS = 12, 3
_WIDTH, _HEIGHT = 2.2, 1.5
CORRECTED, RAW, CEILING = "#b2182b", INK, "#5b8cc0"
_CUT = "Lines and bands are cut off at the axis: corrected cosines far beyond 1 are noise, where the ceiling is near 0."
_CASE = ["kind", "mixture", "a", "b"]


def conflict_rows(result: Result) -> pd.DataFrame:
    """The table of conflict over the body, with the ceiling √(ρ(a)·ρ(b)) of raw cosines."""
    rows = table(result, "conflict")
    if rows.empty or "corrected" not in rows:
        return pd.DataFrame()
    rows = rows[rows["group"] == "body"].reset_index(drop=True)
    ceiling = np.sqrt(rows["self_a"].clip(lower=0) * rows["self_b"].clip(lower=0))
    return rows.assign(ceiling=ceiling).sort_values("share", kind="stable")


def conflict_order(rows: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Mixtures and pairs of their members, the lowest mean corrected cosine first; controls last."""
    # Where self-similarity is near 0, corrected cosines are noise of any size.
    rows = rows.assign(corrected=rows["corrected"].clip(-1, 1))
    means = rows.groupby(_CASE, sort=True)["corrected"].mean().sort_values(kind="stable", na_position="last")
    return sorted(((k, m, a, b) for k, m, a, b in means.index), key=lambda key: key[0] in CONTROLS)


def pair_name(kind: str, mixture: str, a: str, b: str, names: dict[str, str]) -> str:
    """A pair of members of a mixture."""
    one, two = (names.get(m) or _member(m, names) for m in (a, b))
    where = "" if kind in ("pair", "half", "clone") else f" in {'all' if kind == 'all' else 'a triple'}"
    if kind == "triple":
        third = [m for m in mixture.split("+") if m in names and m not in (a, b)]
        where = f" beside {names[third[0]]}" if len(third) == 1 else where
    return f"{one} – {two}{where}"


def _member(name: str, names: dict[str, str]) -> str:
    for ending in ("/half", "/clone"):
        if name.endswith(ending) and name.removesuffix(ending) in names:
            return "its other half" if ending == "/half" else "its clone"
    return text.shorten(text.safe_text(name), NAME)


def conflict_figure(result: Result) -> Figure:
    """Small plots of cosines against the share of the training, the strongest conflict first.

    Args:
        result: of kind `experiment`, with gradients of the body at some moments.
    """
    every = conflict_rows(result)
    capacity = main_capacity(every)
    rows = at_capacity(every, capacity)
    order = conflict_order(rows)
    shown, names = order[:_MOST], names_of(result, NAME)
    labels = [pair_name(*key, names) for key in shown]
    shares = distinct(rows["share"])
    of = {tuple(key): own for key, own in rows.groupby(_CASE, sort=False)}
    drawn = pd.concat([of[key] for key in shown])
    low, high = _reach(drawn)
    ticks = plain_ticks(low, high, 5)

    def into(ax: Axes, number: int) -> None:
        plain_axes(ax, grid="y")
        own = of[shown[number]]
        log_axis(ax, shares, [share_name(s) for s in shares], _WIDTH)
        ax.set_ylim(low, high)
        ax.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
        ax.axhline(0, color=INK, linewidth=0.8, zorder=1)
        ax.set_title(labels[number], fontsize=8.5, loc="left", pad=4, parse_math=False)
        if number % _COLUMNS == 0:
            ax.set_ylabel("cosine", fontsize=LABEL)
        if number + _COLUMNS >= len(shown):
            ax.set_xlabel("share of the training", fontsize=LABEL)
        xs = own["share"].to_numpy(dtype=float)
        start, stop = (own[c].to_numpy(dtype=float).clip(low, high) for c in ("ci_low", "ci_high"))
        if len(own) > 1:
            ax.fill_between(xs, start, stop, color=CORRECTED, alpha=0.15, linewidth=0, zorder=1)
        elif np.isfinite(start[0]) and np.isfinite(stop[0]):
            ax.plot([xs[0], xs[0]], [start[0], stop[0]], color=CORRECTED, linewidth=0.9)
        ax.plot(xs, own["ceiling"], color=CEILING, linewidth=1.1, linestyle=(0, (4, 1.5)), marker=".", markersize=3)
        ax.plot(xs, own["cosine"], color=RAW, linewidth=1.1, marker="s", markersize=2.8)
        ax.plot(xs, own["corrected"], color=CORRECTED, linewidth=1.4, marker="o", markersize=3.5)

    handles = [
        Line2D([], [], color=CORRECTED, marker="o", markersize=4, linewidth=1.4, label="corrected cosine"),
        Patch(facecolor=CORRECTED, alpha=0.15, label="its 95% interval over seeds (of one seed: over text)"),
        Line2D([], [], color=RAW, marker="s", markersize=3, linewidth=1.1, label="raw cosine"),
        Line2D(
            [], [], color=CEILING, linestyle=(0, (4, 1.5)), marker=".", linewidth=1.1,
            label="self-similarity, the ceiling of raw cosines",
        ),
    ]  # fmt: skip
    sizes = capacity_names(capacities(every))
    title, subtitle = titles(result, "conflict", capacity)
    more = len(order) - len(shown)
    cut = drawn[["corrected", "ci_low", "ci_high"]].to_numpy(dtype=float)
    return plots(
        [Plot(_WIDTH, _HEIGHT, partial(into, number=i)) for i in range(len(shown))],
        title=title,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Gradients of the model's body on training text. Pairs of members with the lowest mean corrected cosine "
            "first, controls last.",
            *([f"{more:,} more pairs of members are in conflict.csv."] if more else []),
            *([f"At {sizes[capacity]}; other capacities are in conflict.csv."] if len(sizes) > 1 else []),
            *([_CUT] if bool(((cut < low) | (cut > high)).any()) else []),
        ],
        names=labels,
        columns=_COLUMNS,
    )


def _reach(rows: pd.DataFrame) -> tuple[float, float]:
    values = rows[["corrected", "cosine", "ceiling"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low = float(values.min()) if values.size else 0.0
    high = float(values.max()) if values.size else 1.0
    # Corrected cosines of noisy gradients can be far beyond 1.
    return max(min(low, -0.1) - 0.1, -1.25), min(max(math.ceil(10 * high) / 10, 0.5) + 0.05, 1.25)
