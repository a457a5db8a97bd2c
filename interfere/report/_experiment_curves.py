"""Differences along training, along widths or amounts of text, and what short runs predict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from interfere.report._experiment_lines import Line, case_key, grouped, lines_figure
from interfere.report._experiment_marks import share_name
from interfere.report._experiment_tables import (
    CASE,
    at_capacity,
    capacities,
    capacity_names,
    delta_rows,
    distinct,
    main_capacity,
    scout_rows,
    table,
)
from interfere.report._experiment_words import titles
from interfere.results import Result

_NUMBERS = ["relative", "relative_ci_low", "relative_ci_high"]
_SIDES = "Above 0 the mixture is worse than the monolingual model (interference), below 0 better (transfer)."
_FILLED = "The last point is filled where the verdict is interference or transfer (q ≤ 0.05)."


def has_curves(result: Result) -> bool:
    """Whether there are differences at several moments of training."""
    curves = table(result, "curves")
    return "share" in curves and len(distinct(curves["share"])) > 1 and not delta_rows(result).empty


def curves_figure(result: Result) -> Figure:
    """Relative difference against the share of the training, at the smallest width with most text.

    Args:
        result: of kind `experiment`, with differences at several moments.
    """
    every = delta_rows(result)
    capacity = main_capacity(every)
    rows = at_capacity(every, capacity)
    points = _by_case(table(result, "curves"), "share")
    groups, notes = grouped(result, rows)
    shares = distinct(table(result, "curves")["share"])
    title, subtitle = titles(result, "curves", capacity)
    return lines_figure(
        groups,
        lambda row, name: Line(name, row["verdict"], _points(points, row)),
        title=title,
        subtitle=subtitle,
        xs=shares,
        x_names=[share_name(s) for s in shares],
        x_label="share of the training",
        notes=[_SIDES, _FILLED, *_others(every), *notes],
        all_intervals=False,
    )


def capacity_figure(result: Result, what: str) -> Figure:
    """Relative difference against the width, or against the share of the training text.

    Where both were swept, the other one is as in `main_capacity`.

    Args:
        result: of kind `experiment`, with several of them.
        what: `width` or `text`.
    """
    every = delta_rows(result)
    capacity = main_capacity(every)
    other, fixed = ("text", capacity[1]) if what == "width" else ("width", capacity[0])
    rows = every[every[other] == fixed]
    values = distinct(rows[what])
    keys = [column for column in CASE if column != what]
    of = {tuple(k): own.assign(x=own[what]).sort_values("x") for k, own in rows.groupby(keys, sort=False)}
    # A line is a comparison at every width; what it ends with is the largest.
    lines = rows.sort_values(what, kind="stable").groupby(keys, sort=False).tail(1)
    lines = lines.sort_values("relative", ascending=False, kind="stable")
    groups, notes = grouped(result, lines)
    title, subtitle = titles(result, "capacity" if what == "width" else "amount")
    several = len(distinct(every[other])) > 1
    fixed_said = f"{100 * fixed:g}% of the text" if other == "text" else f"width {fixed:g}"
    return lines_figure(
        groups,
        lambda row, name: Line(name, row["verdict"], of[tuple(row[k] for k in keys)]),
        title=title,
        subtitle=subtitle,
        xs=values,
        x_names=[f"{v:g}" if what == "width" else f"{100 * v:g}%" for v in values],
        x_label="width" if what == "width" else "share of the training text",
        notes=[_SIDES, _FILLED, *([f"All at {fixed_said}; others are in deltas.csv."] if several else []), *notes],
    )


def scout_figure(result: Result) -> Figure:
    """Differences of short runs against their updates, and what they predict at full length.

    Args:
        result: of kind `experiment`, of short runs.
    """
    every = scout_rows(result)
    capacity = main_capacity(every)
    rows = at_capacity(every, capacity)
    points = _by_case(table(result, "deltas"), "updates")
    groups, notes = grouped(result, rows)
    lengths = distinct(pd.concat([own["x"] for own in points.values()] + [rows["updates"]]))
    title, subtitle = titles(result, "scout", capacity)
    return lines_figure(
        groups,
        lambda row, name: Line(name, row["verdict"], _points(points, row), row.rename({"updates": "x"})),
        title=title,
        subtitle=subtitle,
        xs=lengths,
        x_names=[f"{v:,.0f}" for v in lengths],
        x_label="updates per language",
        notes=[
            _SIDES,
            "Dotted: a straight line over the logarithm of the updates, which is an assumption, up to the prediction "
            "at full length with its 95% interval, which allows for its staying as it is; filled where clear of 0.",
            *_others(every),
            *notes,
        ],
    )


def _by_case(rows: pd.DataFrame, x: str) -> dict[tuple[object, ...], pd.DataFrame]:
    rows = rows.assign(x=rows[x])
    found = rows.groupby(list(CASE), sort=False)[["x", *_NUMBERS]]
    return {tuple(key): own.sort_values("x", kind="stable") for key, own in found}


def _points(points: dict[tuple[object, ...], pd.DataFrame], row: pd.Series) -> pd.DataFrame:
    return points.get(case_key(row), pd.DataFrame(columns=["x", *_NUMBERS], dtype=float))


def _others(every: pd.DataFrame) -> Sequence[str]:
    """That one capacity of several is shown."""
    names = capacity_names(capacities(every))
    if len(names) < 2:
        return []
    return [f"At {names[main_capacity(every)]}, one of {len(names)} capacities; the others are in the CSV files."]
