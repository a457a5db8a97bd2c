"""What an experiment does not tell."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import percent, percent_digits
from interfere.report._experiment_tables import (
    CASE,
    UNDETERMINED,
    capacities,
    delta_rows,
    distinct,
    is_scout,
    median_half_width,
    table,
)
from interfere.report._experiment_words import design, open_range, seeds_of
from interfere.report._importance_words import listed, many
from interfere.results import Result


def experiment_open(result: Result) -> list[str]:
    """What the run leaves undetermined, and what it could have resolved."""
    rows = delta_rows(result)
    out = [_undetermined(result, rows), _without(rows)] if len(rows) else []
    return [sentence for sentence in out if sentence]


def experiment_caveats(result: Result) -> list[str]:
    """What no run of this kind tells, with the settings that this one had."""
    rows = delta_rows(result)
    out = [_design(result, rows)]
    if is_scout(result):
        out += [
            "That the difference goes on along a straight line over the logarithm of the length is an assumption; "
            "intervals reach from there to its staying as the longest runs have it, and only full runs can check that "
            "it is between. Runs that end before the models have left the start-up say nothing of the end. Short runs "
            "have no curves, conflict or predictors.",
        ]
    out.append(_plateau(result))
    if len(table(result, "predictions")):
        out.append(
            "Predictors and the moment at which they are read were fixed before the run. Intervals of rank "
            "correlations take pairs that share a language as independent, which may make them too narrow, and a "
            "correlation over these languages is not one over others."
        )
    out.append(_small(result))
    out.append(
        "Intervals are over seeds and held-out documents of these texts; other texts, tokenizers and sizes of data "
        "are not among what they cover."
    )
    return [sentence for sentence in out if sentence]


def _undetermined(result: Result, rows: pd.DataFrame) -> str:
    open_ = rows[(rows["verdict"] == UNDETERMINED) & rows["known"]]
    if open_.empty:
        return ""
    n, of = len(open_), len(rows)
    which = f"{n:,} of " if n < of else "all " * (n > 1)
    out = f"Whether sharing hurts or helps is open in {which}{many(of, 'comparison')}"
    room = open_range(rows)
    out += f": the intervals leave room for differences from {room}." if room else "."
    half = median_half_width(rows)
    if math.isfinite(half):
        size = percent(half, percent_digits(-half, half)).lstrip("+")
        seeds = seeds_of(result)
        out += (
            f" With {many(seeds, 'seed')} the intervals reach {size} to either side in the median, so that smaller "
            "differences could not have been resolved in half of the comparisons. More seeds would narrow them."
        )
    return out


def _without(rows: pd.DataFrame) -> str:
    """Comparisons without an interval, by reason."""
    missing = rows[~rows["has"]]
    if missing.empty:
        return ""
    parts = [
        f"{len(own):,} ({text.shorten(text.safe_text(reason) or 'no reason is recorded', 160)})"
        for reason, own in missing.groupby("reason", sort=True)
    ]
    return f"Without an interval, and so without a verdict, are {listed(parts)} of {many(len(rows), 'comparison')}."


def _design(result: Result, rows: pd.DataFrame) -> str:
    parts = design(result)
    widths, shares = (distinct(rows[c]) if len(rows) else [] for c in ("width", "text"))
    if widths:
        parts.append(f"width {listed([f'{w:g}' for w in widths])}")
    if shares and shares != [1.0]:
        parts.append(f"{listed([f'{100 * s:g}%' for s in shares])} of the text")
    used = f" These had: {', '.join(parts)}." if parts else ""
    return (
        "The design of an experiment decides the sign: other choices turn interference into transfer and back, so what "
        f"was found holds for these settings.{used}"
    )


def _plateau(result: Result) -> str:
    lead = (
        "A start-up plateau that a mixture leaves earlier than the monolingual model looks like transfer, and a short "
        "training shows little else"
    )
    curves = table(result, "curves")
    if curves.empty:
        return f"{lead}. Without curves that cannot be checked here."
    known = curves[np.isfinite(curves["relative"])].sort_values("share", kind="stable")
    ends = known.groupby(list(CASE), sort=False)["relative"].agg(["first", "last", "size"])
    ends = ends[ends["size"] > 1]
    if ends.empty:
        return f"{lead}. Only the end of training was kept, so that it cannot be checked here."
    turned = int((np.sign(ends["first"]) * np.sign(ends["last"]) < 0).sum())
    return (
        f"{lead}: check the curves. Between the first and the last moment that was kept the difference changes its "
        f"sign in {turned:,} of {many(len(ends), 'comparison')}, intervals aside."
    )


def _small(result: Result) -> str:
    models = table(result, "models")
    sizes = distinct(models["parameters"]) if "parameters" in models else []
    if not sizes:
        return ""
    size = f"{sizes[0]:,.0f}" if len(sizes) == 1 else f"{sizes[0]:,.0f} to {sizes[-1]:,.0f}"
    more = "" if len(capacities(delta_rows(result))) > 1 else " One capacity says nothing of how it goes with capacity."
    return (
        f"These models have {size} parameters: what they do says little about models a thousand times as large.{more}"
    )
