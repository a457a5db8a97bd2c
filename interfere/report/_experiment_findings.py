"""What an experiment says, in sentences that claim no more than its tests do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import percent, percent_digits
from interfere.report._experiment_open import experiment_caveats, experiment_open
from interfere.report._experiment_predicted import predictor_findings
from interfere.report._experiment_tables import (
    CONTROLS,
    INTERFERENCE,
    TRANSFER,
    UNDETERMINED,
    Capacity,
    at_capacity,
    capacities,
    capacity_names,
    delta_rows,
    distinct,
    is_scout,
    kinds,
    names_of,
    scout_rows,
    text_name,
    width_name,
)
from interfere.report._experiment_words import KIND_NAMES, case, difference, verdict_ends
from interfere.report._importance_words import capital, listed, many
from interfere.results import Result

_FEW = 3  # differences that are all named where nothing was shown
_EXPECTED = {"half": TRANSFER, "clone": INTERFERENCE}


def experiment_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    First the controls, whose outcome is known beforehand; then how many comparisons of each kind of mixture show
    interference or transfer, and the strongest; how that goes with width and with text; whether what was known early
    predicts it; and what this run does not tell. Of short runs, what they predict comes before what they are.
    Warnings are not repeated.

    Args:
        result: of kind `experiment`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    out = predicted_headlines(result) if is_scout(result) else []
    out += [headline(result, kind) for kind in kinds(delta_rows(result))]
    out += [*_changes(result, "width"), *_changes(result, "text")]
    out += [] if is_scout(result) else predictor_findings(result)
    if not out:
        out = ["No mixture was compared with monolingual models, so nothing is said of interference."]
    return [*(sentence for sentence in out if sentence), *experiment_open(result), *experiment_caveats(result)]


def headline(result: Result, kind: str) -> str:
    """How many comparisons of one kind of mixture have which verdict, and the strongest of them."""
    every = delta_rows(result)
    rows, names, sizes = every[every["kind"] == kind], names_of(result), capacity_names(capacities(every))
    n = len(rows)
    lead = _lead(result, kind)
    numbers = {v: int((rows["verdict"] == v).sum()) for v in (INTERFERENCE, TRANSFER, UNDETERMINED)}
    found = [v for v in (INTERFERENCE, TRANSFER) if numbers[v]]
    of = many(n, "comparison")
    if found:
        said = listed([f"{v} in {numbers[v]:,}" for v in found])
        rest = f", {numbers[UNDETERMINED]:,} undetermined" if numbers[UNDETERMINED] else ""
        out = f"{lead}: {said} of {of} (q ≤ 0.05){rest}; {verdict_ends(rows, names, sizes)}."
    else:
        out = f"{lead}: neither interference nor transfer could be shown in {'any of ' * (n > 1)}{of}"
        own = rows[rows["known"]]
        if 0 < len(own) <= _FEW:
            out += f": {'; '.join(f'{case(row, names, sizes)} {difference(row)}' for _, row in own.iterrows())}."
        elif len(own):
            ends = [percent(value) for value in (own["relative"].min(), own["relative"].max())]
            out += f"; the differences lie between {ends[0]} and {ends[1]}."
        else:
            out += ", as there are no numbers."
    return f"{out} {_judged(kind, numbers) if rows['has'].any() else ''}".strip()


def _lead(result: Result, kind: str) -> str:
    words = KIND_NAMES.get(kind, text.shorten(text.safe_text(kind), 40))
    if not is_scout(result):
        return capital(f"control, each language with {words}" if kind in CONTROLS else words)
    words = f"each language with {words} (control)" if kind in CONTROLS else words
    longest = delta_rows(result)["updates"].max()
    return f"Short runs of {longest:,.0f} updates, {words}" if np.isfinite(longest) else f"Short runs, {words}"


def _judged(kind: str, numbers: Mapping[str, int]) -> str:
    """Whether a control did what it must."""
    if kind not in CONTROLS:
        return ""
    expected = _EXPECTED[kind]
    against = INTERFERENCE if expected == TRANSFER else TRANSFER
    if numbers[against]:
        return {
            "half": "More text of the same language should help: this design makes sharing look worse than it is.",
            "clone": "A copy that shares no token has nothing to transfer: this design makes sharing look better than "
            "it is, as a start-up plateau that the mixture leaves earlier does.",
        }[kind]
    if numbers[expected]:
        return {
            "half": "That is as it must be: more text of the same language helps.",
            "clone": "That is competition for capacity alone, as the copy shares no token.",
        }[kind]
    return {
        "half": "Transfer was to be expected, so differences of its size are beyond what this run resolves.",
        "clone": "Either capacity suffices for both, or what it costs is beyond what this run resolves.",
    }[kind]


def _changes(result: Result, what: str) -> list[str]:
    """How differences change from the smallest width (share of text) to the largest, kind by kind."""
    every = delta_rows(result)
    values = distinct(every[what]) if len(every) else []
    if len(values) < 2:
        return []
    names = names_of(result)
    word = width_name if what == "width" else text_name
    first, last = (word(value) for value in (values[0], values[-1]))
    other = "text" if what == "width" else "width"
    out = []
    for kind in kinds(every):
        rows = every[(every["kind"] == kind) & every["has"]]
        keys = ["mixture", "language", "partners", "kind", other]
        one, two = (rows[rows[what] == value].set_index(keys) for value in (values[0], values[-1]))
        both = one.index.intersection(two.index)
        if both.empty:
            continue
        ends = one.loc[both], two.loc[both]
        said = _moved(ends, names, distinct(every[other]), other)
        kind_said = KIND_NAMES.get(kind, text.safe_text(kind))
        with_ = f"with {kind_said}" if kind in CONTROLS else f"of {kind_said}"
        out.append(f"From {first} to {last} the relative difference {with_} {said}.")
    return out


def _moved(ends: tuple[pd.DataFrame, pd.DataFrame], names: dict[str, str], others: list[float], other: str) -> str:
    """In how many rows a difference rises or falls with its intervals apart, and most where."""
    one, two = ends
    change = two["relative"] - one["relative"]
    rises, falls = two["relative_ci_low"] > one["relative_ci_high"], two["relative_ci_high"] < one["relative_ci_low"]
    n = len(change)
    if not rises.any() and not falls.any():
        middle = [percent(float(rows["relative"].median())) for rows in ends]
        where = f"any of {many(n, 'comparison')}" if n > 1 else "the one comparison"
        tail = f"; the medians are {middle[0]} and {middle[1]}" if n > 1 else f": {middle[0]} and {middle[1]}"
        return f"was not shown to rise or to fall in {where}, as the intervals overlap{tail}"
    sizes: dict[Capacity, str] = {}
    parts = []
    for word, which, sign in (("falls", falls, 1), ("rises", rises, -1)):
        if which.any():
            most = (sign * change[which]).idxmin()
            row = one.loc[[most]].reset_index().iloc[0]
            at = f" at {(text_name if other == 'text' else width_name)(row[other])}" if len(others) > 1 else ""
            said = " to ".join(_alone(rows.loc[[most]].iloc[0]) for rows in ends)
            lead = "most in " if which.sum() > 1 else ""
            parts.append(f"{word} in {int(which.sum()):,} of {n:,} ({lead}{case(row, names, sizes)}{at}, from {said})")
    rest = int((~(rises | falls)).sum())
    return f"{' and '.join(parts)}, where the intervals are apart" + (
        f"; in {rest:,} the intervals overlap" if rest else ""
    )


def _alone(row: pd.Series) -> str:
    return percent(row["relative"], percent_digits(row["relative_ci_low"], row["relative_ci_high"]))


def predicted_headlines(result: Result) -> list[str]:
    """What short runs predict for full length, kind by kind."""
    every = scout_rows(result)
    names, sizes, out = names_of(result), capacity_names(capacities(every)), []
    for kind in kinds(every):
        rows = every[every["kind"] == kind]
        full, n = rows["updates"].max(), len(rows)
        lead = f"At full length, {full:,.0f} updates, short runs predict for {_predicted_for(kind)}"
        sides = [(v, rows[rows["verdict"] == v], side) for v, side in ((INTERFERENCE, "above"), (TRANSFER, "below"))]
        parts = []
        for verdict, own, side in sides:
            if len(own):
                row = own.iloc[0 if verdict == INTERFERENCE else -1]
                most = "most in" if len(own) > 1 else "in"
                parts.append(f"{side} 0 in {len(own):,}, {most} {case(row, names, sizes)}, {difference(row)}")
        clear = sum(len(own) for _, own, _ in sides)
        if parts:
            rest = f"; in {n - clear:,} the interval holds 0 or there is none" if clear < n else ""
            out.append(
                f"{lead}, of {many(n, 'comparison')}, a relative difference {'; '.join(parts)}{rest}. These intervals "
                "hold each by itself."
            )
            continue
        numbers = [f"{case(row, names, sizes)} {difference(row)}" for _, row in rows[rows["known"]].iterrows()]
        said = f": {'; '.join(numbers)}" if 0 < len(numbers) <= _FEW else ""
        out.append(f"{lead} no relative difference whose interval is clear of 0, in {many(n, 'comparison')}{said}.")
    return out


def _predicted_for(kind: str) -> str:
    words = KIND_NAMES.get(kind, text.safe_text(kind))
    return f"each language with {words}" if kind in CONTROLS else words


def case_list(result: Result, kind: str, most: int = 12) -> list[str]:
    """The difference in each comparison of a kind of mixture, the worst first.

    Args:
        result: of kind `experiment`.
        kind: of the mixtures.
        most: comparisons that are named; with more there is nothing, as a table has them.
    """
    every = delta_rows(result)
    rows, names = every[every["kind"] == kind], names_of(result)
    sizes = capacity_names(sorted({c for c in capacities(every) if len(at_capacity(rows, c))}))
    if len(rows) > most or not rows["known"].any():
        return []
    return [
        f"{case(row, names, sizes)}: {difference(row)}, {row['verdict']}" for _, row in rows[rows["known"]].iterrows()
    ]
