"""Panels of lines of relative differences: along training, along widths, along lengths of short runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from interfere.report import _text as text
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import percent_axis
from interfere.report._experiment_marks import MAX_LINES, NAME, end_names, limits, line_style, log_axis
from interfere.report._experiment_tables import (
    CASE,
    UNDETERMINED,
    arrow,
    kinds,
    language_name,
    names_of,
    partners,
    row_label,
    strongest,
)
from interfere.report._experiment_words import KIND_NAMES
from interfere.report._importance_words import capital
from interfere.results import Result

MAX_PANELS = 12
_WIDTH, _HEIGHT, _COLUMNS = 2.5, 2.1, 3
_WITH_INTERVALS = 6  # lines of a panel up to which intervals can be read
_FEW = 2  # lines up to which those of early moments can be read
_INTERVAL = ["relative_ci_low", "relative_ci_high"]
_DODGE = 0.05  # how far lines of one panel stand apart, as a share of the axis


@dataclass(frozen=True)
class Line:
    """A line of a panel: `points` has x, relative and its interval; `ahead` is what is predicted, in the same form."""

    name: str
    verdict: str
    points: pd.DataFrame
    ahead: pd.Series | None = None


@dataclass(frozen=True)
class Group:
    """A panel: its title, the rows of it that are drawn, what they are called, and how many there are."""

    title: str
    rows: pd.DataFrame
    names: Sequence[str] = field(default_factory=list)
    of: int = 0


def grouped(result: Result, rows: pd.DataFrame) -> tuple[list[Group], list[str]]:
    """Rows in panels of at most twelve lines, and what was left out.

    A kind of mixture has a panel; pairs and triples that do not fit in one have a panel for each language.

    Args:
        result: of kind `experiment`.
        rows: one a line, with `kind`, `mixture`, `language`, `partners`, `relative` and `verdict`.
    """
    names = names_of(result, NAME)
    out: list[Group] = []
    for kind in kinds(rows):
        own = rows[rows["kind"] == kind]
        title = capital(KIND_NAMES.get(kind, text.shorten(text.safe_text(kind), NAME)))
        title = {"half": "Other half of its text", "clone": "Clone of itself", "all": "All languages"}.get(kind, title)
        if len(own) <= MAX_LINES or kind not in ("pair", "triple"):
            shown = strongest(own, MAX_LINES)
            labels = [row_label(row, names, NAME) for _, row in shown.iterrows()]
            out.append(Group(title, shown, labels, len(own)))
            continue
        sizes = own.assign(size=own["relative"].abs()).groupby("language", sort=True)["size"].max()
        for language in sizes.sort_values(ascending=False, kind="stable").index:
            mine = own[own["language"] == language]
            shown = strongest(mine, MAX_LINES)
            labels = [arrow("", partners(row, names, NAME)) for _, row in shown.iterrows()]
            out.append(Group(f"{title}: {language_name(str(language), names)}", shown, labels, len(mine)))
    notes = []
    if len(out) > MAX_PANELS:
        notes.append(f"{MAX_PANELS} of {len(out)} panels: the others have smaller differences.")
        # Panels of a single language give way to those of a whole kind.
        whole = [len(group.rows) > 0 and group.rows["language"].nunique() > 1 for group in out]
        kept = sorted(range(len(out)), key=lambda i: not whole[i])[:MAX_PANELS]
        out = [out[i] for i in sorted(kept)]
    if any(len(group.rows) < group.of for group in out):
        notes.append(f"At most {MAX_LINES} lines in a panel: those with a verdict, then the largest differences.")
    return out, notes


def lines_figure(
    groups: Sequence[Group],
    make: Callable[[pd.Series, str], Line],
    *,
    title: str,
    subtitle: str,
    xs: Sequence[float],
    x_names: Sequence[str],
    x_label: str,
    notes: Sequence[str],
    all_intervals: bool = True,
) -> Figure:
    """Small panels of lines over a logarithmic axis, with names at the ends of lines, all of one height.

    Args:
        groups: the panels.
        make: from a row and what it is called to its line.
        title: the first line.
        subtitle: the second one.
        xs: what the horizontal axis names.
        x_names: how.
        x_label: what it is.
        notes: small lines at the end.
        all_intervals: of every point; if not, of the last ones alone where a panel has several lines.
    """
    made = [
        [make(row, name) for (_, row), name in zip(group.rows.iterrows(), group.names, strict=True)] for group in groups
    ]
    ends = [_last_alone(line) for own in made for line in own]
    lines = [[_readable(line, len(own), all_intervals=all_intervals) for line in own] for own in made]
    every = [line for own in lines for line in own]
    # Intervals early in training would make everything else small.
    parts = [line.points for line in (every if all_intervals else ends)]
    parts += [line.ahead.to_frame().T for line in every if line.ahead is not None]
    whole = pd.concat([part[["relative", *_INTERVAL]].astype(float) for part in parts])
    low, high = limits(whole)
    columns = min(_COLUMNS, len(groups))
    width = _WIDTH if len(groups) > 1 else 4.6
    height = _HEIGHT if len(groups) > 1 else 2.8

    def into(ax: Axes, number: int) -> None:
        plain_axes(ax, grid="y")
        percent_axis(ax, low, high, "y", 6)
        log_axis(ax, xs, x_names, width)
        ax.set_title(groups[number].title, fontsize=8.5, loc="left", pad=5, parse_math=False)
        if number % columns == 0:
            ax.set_ylabel("relative difference", fontsize=LABEL)
        if number + columns >= len(groups):
            ax.set_xlabel(x_label, fontsize=LABEL)
        own = lines[number]
        for i, line in enumerate(own):
            shift = 0.0 if len(own) == 1 else _DODGE * (i / (len(own) - 1) - 0.5)
            _line(ax, line, i, shift)
        end_names(
            ax,
            [line.name for line in own],
            list(map(_end, own)),
            height,
            [line_style(i)["color"] for i in range(len(own))],
        )

    bars = any(np.isfinite(line.points[_INTERVAL[0]]).any() or line.ahead is not None for line in every)
    cut = any(bool(((line.points["relative"] < low) | (line.points["relative"] > high)).any()) for line in every)
    said = ["Upright lines are 95% intervals, where there is room for them; they end at the axis."] if bars else []
    return plots(
        [Plot(width, height, partial(into, number=i)) for i in range(len(groups))],
        title=title,
        subtitle=subtitle,
        handles=[],
        notes=[
            *notes,
            *said,
            *(["Points beyond the axis are cut off."] if cut else []),
        ],
        names=[*(group.title for group in groups), *(line.name for own in lines for line in own)],
        columns=columns,
    )


def _last_alone(line: Line) -> Line:
    """A line that has an interval at its last point alone."""
    points = line.points.copy()
    points.loc[points.index[:-1], _INTERVAL] = np.nan
    return replace(line, points=points)


def _readable(line: Line, lines: int, *, all_intervals: bool) -> Line:
    """A line with as many of its intervals as can be read where a panel has so many lines."""
    if lines > _WITH_INTERVALS:
        return replace(line, points=line.points.assign(**dict.fromkeys(_INTERVAL, np.nan)))
    return line if all_intervals or lines <= _FEW else _last_alone(line)


def _end(line: Line) -> float:
    if line.ahead is not None and np.isfinite(line.ahead["relative"]):
        return float(line.ahead["relative"])
    known = line.points["relative"].dropna()
    return float(known.iloc[-1]) if len(known) else 0.0


def _line(ax: Axes, line: Line, number: int, shift: float) -> None:
    """A line with its points, filled at its end where there is a verdict, and with what is predicted."""
    style = line_style(number)
    colour = style["color"]
    left, right = ax.get_xlim()
    moved = (right / left) ** shift
    xs, ys = line.points["x"].to_numpy(dtype=float) * moved, line.points["relative"].to_numpy(dtype=float)
    known = np.isfinite(ys)
    xs, ys, points = xs[known], ys[known], line.points[known]
    ax.plot(xs, ys, linewidth=1.1, zorder=3, **style)
    bars = [(x, row) for x, (_, row) in zip(xs, points.iterrows(), strict=True)]
    ends = [(x, y) for x, y in zip(xs, ys, strict=True)]
    if line.ahead is not None and np.isfinite(line.ahead["relative"]):
        end = (float(line.ahead["x"]) * moved, float(line.ahead["relative"]))
        bars.append((end[0], line.ahead))
        if ends:
            ax.plot([ends[-1][0], end[0]], [ends[-1][1], end[1]], color=colour, linewidth=0.9, linestyle=(0, (1, 1.5)))
        ends.append(end)
    for x, row in bars:
        if np.isfinite(row["relative_ci_low"]) and np.isfinite(row["relative_ci_high"]):
            ends_y = np.clip([row[end] for end in _INTERVAL], *ax.get_ylim())
            ax.plot([x, x], ends_y, color=colour, linewidth=0.9, alpha=0.6, zorder=2)
    for i, (x, y) in enumerate(ends):
        last = i == len(ends) - 1
        fill = colour if not last or line.verdict != UNDETERMINED else "white"
        ax.plot(x, y, marker="o", markersize=4.5 if last else 2, color=colour, markerfacecolor=fill, zorder=4)


def case_key(row: pd.Series) -> tuple[object, ...]:
    """What tells a comparison from others."""
    return tuple(row[column] for column in CASE)
