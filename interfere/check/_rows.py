"""Which rows a rule is about, and what stands in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from interfere.check._names import meant
from interfere.check._policy import Rule
from interfere.check._quantities import (
    CHANGE,
    CHANGE_VALUES,
    CHANGE_WORDS,
    DIRECTED,
    INTERVALS,
    IS_DIRECTED,
    KEYS,
    WORDS,
    Interval,
)
from interfere.check._scope import pair_columns, rows_in_scope
from interfere.errors import InputError
from interfere.results import Result


@dataclass(frozen=True)
class Row:
    """One row that a rule is about.

    Args:
        place: what it is of, in words: `de–uk, body`.
        value: a number, NaN where there is none; or a word, None where there is none.
        low: lower end of the 95 % interval; NaN where there is none.
        high: upper end.
        freedom: degrees of freedom of the interval; NaN where they are not known.
        reason: why the table says nothing.
    """

    place: str
    value: float | str | None
    low: float = math.nan
    high: float = math.nan
    freedom: float = math.nan
    reason: str = ""


@dataclass(frozen=True)
class Selection:
    """The rows of a rule, or why there are none.

    Args:
        rows: in the table's order.
        interval: where their interval is; None where the quantity has none.
        missing: what in the rule matches nothing; "" where everything does.
    """

    rows: Sequence[Row]
    interval: Interval | None = None
    missing: str = ""


def select_rows(rule: Rule, result: Result, changes: pd.DataFrame | None = None) -> Selection:
    """The rows that a rule is about.

    Args:
        rule: which.
        result: the run.
        changes: of rules about changes, the table `changes` of its comparison with the baseline.

    Raises:
        InputError: the rule does not fit this kind of run: there is no such table, column, language or word, the
            quantity has no interval where one is asked for, or is text where a number is. The message names the rule.
    """
    frame, column, interval = _frame(rule, result, changes)
    try:
        mask, missing = rows_in_scope(rule, result, frame)
    except InputError as error:
        raise InputError(f"rule {rule.name!r}: {error}") from None
    if not len(frame):
        missing = f"the table {rule.table} is empty"
    if missing or not mask.any():
        return Selection([], interval, missing or "each part of its scope is there, but no row has all of them")
    kept = frame[mask]
    values, lows, highs = kept[column], None, None
    if rule.of_words:
        _check_words(rule, result)
        return Selection(_rows(kept, frame, [_word(value) for value in values]), None)
    if interval is not None:
        lows, highs = (_numbers(rule, kept, name) for name in (interval.low, interval.high))
    freedom = _freedom(rule, result, kept, interval)
    return Selection(_rows(kept, frame, _numbers(rule, kept, column), lows, highs, freedom), interval)


def _frame(rule: Rule, result: Result, changes: pd.DataFrame | None) -> tuple[pd.DataFrame, str, Interval | None]:
    """The table, the column that is judged, and where its interval is."""
    said = f"rule {rule.name!r}: "
    if rule.change:
        assert changes is not None
        return _changes(rule, said, changes)
    if rule.table not in result.tables:
        raise InputError(
            f"{said}table {rule.table!r} is not in this run of kind {result.kind}; {meant(rule.table, result.tables)}"
        )
    frame, column = result.tables[rule.table], rule.quantity
    if column in DIRECTED and f"{column}_ab" in frame.columns:
        frame = _directed(frame, {"ab": frame[f"{column}_ab"], "ba": frame[f"{column}_ba"]}, column)
    if column not in frame.columns:
        raise InputError(f"{said}table {rule.table!r} has no quantity {column!r}; {meant(column, frame.columns)}")
    interval = INTERVALS[result.kind].get(rule.table, {}).get(column)
    if interval is not None and {interval.low, interval.high} - set(frame.columns):
        raise InputError(f"{said}the interval of {column!r} is not in table {rule.table!r}: the run is damaged")
    if not rule.of_words and rule.uncertainty != "estimate":
        if interval is None:
            asked = f'uncertainty = "{rule.uncertainty}"' if rule.uncertainty else "without a word on uncertainty"
            raise InputError(
                f"{said}{column!r} has no interval in table {rule.table!r}, so it cannot be judged {asked}: "
                'give uncertainty = "estimate"'
            )
        if rule.simultaneous and not interval.freedom:
            raise InputError(
                f"{said}the degrees of freedom of {column!r} in table {rule.table!r} are not known, so its intervals "
                "cannot be widened: leave simultaneous out"
            )
    return frame, column, interval


def _changes(rule: Rule, said: str, changes: pd.DataFrame) -> tuple[pd.DataFrame, str, Interval | None]:
    of_table = changes[changes["table"] == rule.table]
    if not len(of_table):
        raise InputError(
            f"{said}nothing of table {rule.table!r} is compared with the baseline; "
            f"{meant(rule.table, map(str, changes['table'].unique()))}"
        )
    known = [str(name) for name in of_table["quantity"].unique()]
    if rule.quantity in DIRECTED and f"{rule.quantity}_ab" in known:
        parts = {side: of_table[of_table["quantity"] == f"{rule.quantity}_{side}"] for side in ("ab", "ba")}
        frame = pd.concat(
            [
                parts["ab"].assign(source=parts["ab"]["a"], target=parts["ab"]["b"]),
                parts["ba"].assign(source=parts["ba"]["b"], target=parts["ba"]["a"]),
            ],
            ignore_index=True,
        )
    elif rule.quantity in known:
        frame = of_table[of_table["quantity"] == rule.quantity]
    else:
        raise InputError(
            f"{said}{rule.quantity!r} of table {rule.table!r} is not compared with the baseline; "
            f"{meant(rule.quantity, known)}"
        )
    # Of the keys, those that do not apply to this table are empty in all of its rows.
    keys = [name for name in frame.columns if name not in CHANGE_VALUES]
    frame = frame.drop(columns=["table", "quantity", *(name for name in keys if frame[name].isna().all())])
    return frame, "verdict" if rule.of_words else "difference", CHANGE


def _directed(frame: pd.DataFrame, values: dict[str, pd.Series], name: str) -> pd.DataFrame:
    """Two rows a pair, one for each direction."""
    there = frame.assign(**{name: values["ab"], "source": frame["a"], "target": frame["b"]})
    back = frame.assign(**{name: values["ba"], "source": frame["b"], "target": frame["a"]})
    # Row by row both directions, and no guess of pandas' at the type of columns that are empty.
    both = pd.concat([there.astype(object), back.astype(object)]).sort_index(kind="stable")
    return both.reset_index(drop=True)


def _check_words(rule: Rule, result: Result) -> None:
    known = CHANGE_WORDS if rule.change else WORDS[result.kind].get(rule.table) if rule.quantity == "verdict" else None
    for word in (rule.allow or rule.forbid or ()) if known else ():
        if word not in known:  # type: ignore[operator]
            raise InputError(
                f"rule {rule.name!r}: {word!r} is no verdict of table {rule.table!r}; {meant(word, known or ())}"
            )


def _word(value: object) -> str | None:
    return str(value) if isinstance(value, str) and value else None


def _numbers(rule: Rule, frame: pd.DataFrame, column: str) -> list[float]:
    """The numbers of a column, NaN where there is none."""
    values = frame[column].to_numpy(dtype=object)
    if any(isinstance(value, str) for value in values):
        raise InputError(f"rule {rule.name!r}: {column!r} of table {rule.table!r} is text: give allow or forbid")
    try:
        return [math.nan if value is None or value is pd.NA else float(value) for value in values]
    except (TypeError, ValueError):
        raise InputError(
            f"rule {rule.name!r}: {column!r} of table {rule.table!r} does not hold numbers: the run is damaged"
        ) from None


def _freedom(rule: Rule, result: Result, frame: pd.DataFrame, interval: Interval | None) -> list[float] | None:
    """Degrees of freedom of each row's interval."""
    if not rule.simultaneous or interval is None:
        return None
    if interval.freedom in ("chunks", "judging chunks"):
        chunks = result.settings.get("chunks")
        if not isinstance(chunks, int):
            raise InputError(f"rule {rule.name!r}: simultaneous: the run does not say how many chunks it has")
        slots = chunks if interval.freedom == "chunks" else chunks // 2
        return [slots - 1.0] * len(frame)
    return [count - 1.0 for count in _numbers(rule, frame, interval.freedom)]


def _rows(
    kept: pd.DataFrame,
    frame: pd.DataFrame,
    values: Sequence[float | str | None],
    lows: Sequence[float] | None = None,
    highs: Sequence[float] | None = None,
    freedom: Sequence[float] | None = None,
) -> list[Row]:
    unknown = [math.nan] * len(kept)
    reasons = [_word(value) or "" for value in kept["reason"]] if "reason" in kept.columns else [""] * len(kept)
    columns = zip(
        _places(kept, frame), values, lows or unknown, highs or unknown, freedom or unknown, reasons, strict=True
    )
    return [Row(*each) for each in columns]


def _places(kept: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """What each row is of, in words: its languages, and whatever else sets rows of the table apart."""
    pair = pair_columns(frame)
    parts: list[list[str]] = []
    if pair is not None:
        mark = " → " if pair in IS_DIRECTED else "–" if pair == ("a", "b") else " with "
        one, two = (kept[column].astype(str) for column in pair)
        if pair == ("removed", "language"):
            parts.append([f"{b} without {a}" for a, b in zip(one, two, strict=True)])
        else:
            parts.append([a if b in ("", "nan", "None") else f"{a}{mark}{b}" for a, b in zip(one, two, strict=True)])
    # A tensor's name tells its layer and kind.
    told = {*(pair or ()), *(("layer", "kind") if "tensor" in frame.columns else ())}
    for column in KEYS:
        if column not in frame.columns or column in told:
            continue
        known = frame[column].dropna().astype(str)
        if column in ("language", "group") or known.nunique() > 1:
            parts.append([_part(column, value) for value in kept[column]])
    return (
        [", ".join(part for part in each if part) for each in zip(*parts, strict=True)] if parts else [""] * len(kept)
    )


def _part(column: str, value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return column if value else f"not {column}"
    return str(value) if isinstance(value, str) else f"{column} {value:g}"
