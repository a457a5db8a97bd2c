"""Which rows of a table are in a rule's scope."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.check._names import listed, meant
from interfere.check._policy import Rule, Scalar
from interfere.check._quantities import LANGUAGES, PAIRED
from interfere.errors import InputError
from interfere.results import Result

Mask = NDArray[np.bool_]
Part = tuple[Mask, str]
"""Rows that one key takes; and of what it names, the first that is in no row."""


def rows_in_scope(rule: Rule, result: Result, frame: pd.DataFrame) -> Part:
    """Which rows are in scope; and of what the scope names, the first that is in no row.

    Everything that a scope names has to be in the table by itself, since a rule about two layers of which one is gone
    would hold less than it says.

    Args:
        rule: its `where`, `languages`, `pairs` and `layers`.
        result: the run, for its languages.
        frame: the table.

    Raises:
        InputError: the table has no such column, or the run no such language.
    """
    parts = [_where(frame, column, wanted, rule.table) for column, wanted in rule.where.items()]
    if rule.languages is not None:
        parts.append(_languages(frame, rule.languages, result, rule.table))
    if rule.pairs is not None:
        parts.append(_pairs(frame, rule.pairs, result, rule.table))
    if rule.layers is not None:
        parts.append(_layers(frame, rule.layers, rule.table))
    mask = np.ones(len(frame), dtype=bool)
    for own, _ in parts:
        mask &= own
    return mask, next((missing for _, missing in parts if missing), "")


def pair_columns(frame: pd.DataFrame) -> tuple[str, str] | None:
    """The columns of a table that name two languages."""
    return next((names for names in PAIRED if set(names) <= set(frame.columns)), None)


def _where(frame: pd.DataFrame, column: str, wanted: Sequence[Scalar], table: str) -> Part:
    if column not in frame.columns:
        raise InputError(f"where: table {table!r} has no column {column!r}; {meant(column, map(str, frame.columns))}")
    found = [_matches(frame[column], pattern) for pattern in wanted]
    missing = ""
    for pattern, own in zip(wanted, found, strict=True):
        if not own.any():
            there = listed(_shown(value) for value in _distinct(frame[column])) or "none"
            missing = missing or f"where.{column} = {_shown(pattern)} is in no row; there are {there}"
    return _any(found), missing


def _languages(frame: pd.DataFrame, names: Sequence[str], result: Result, table: str) -> Part:
    columns = next((own for own in LANGUAGES if set(own) <= set(frame.columns)), None)
    if columns is None:
        raise InputError(f"languages: the rows of table {table!r} are about no language")
    _check_languages(names, result)
    mask = np.ones(len(frame), dtype=bool)
    for column in columns:
        mask &= _any([_matches(frame[column], name) for name in names])
    missing = [name for name in names if not any(_matches(frame[column], name).any() for column in columns)]
    if missing:
        return mask, f"languages: no row is about {missing[0]!r}"
    return mask, "" if mask.any() else f"languages: no row is about {listed(names)} only"


def _pairs(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], result: Result, table: str) -> Part:
    columns = pair_columns(frame)
    if columns is None:
        raise InputError(f"pairs: the rows of table {table!r} are about no pair")
    _check_languages([name for pair in pairs for name in pair], result)
    one, two = (frame[column] for column in columns)
    found = [(_matches(one, a) & _matches(two, b)) | (_matches(one, b) & _matches(two, a)) for a, b in pairs]
    missing = [pair for pair, own in zip(pairs, found, strict=True) if not own.any()]
    return _any(found), f"pairs: no row is about {missing[0][0]!r} and {missing[0][1]!r}" if missing else ""


def _layers(frame: pd.DataFrame, patterns: Sequence[str], table: str) -> Part:
    column = next((name for name in ("group", "layer") if name in frame.columns), None)
    if column is None:
        raise InputError(f"layers: the rows of table {table!r} are about no layer")
    found = [_in_layer(frame[column], pattern) for pattern in patterns]
    missing = [pattern for pattern, own in zip(patterns, found, strict=True) if not own.any()]
    there = listed(value for value in _distinct(frame[column]) if value != "body") or "none"
    return _any(found), f"layers: no row is in {missing[0]!r}; there are {there}" if missing else ""


def _any(masks: Sequence[Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(masks)
    return found


def _check_languages(names: Sequence[str], result: Result) -> None:
    for name in names:
        # Beside the run's own languages a control has others, such as the other half of one's own text.
        if not any(c in name for c in "*?[/") and name not in result.languages:
            raise InputError(f"language {name!r} is not in the run; {meant(name, result.languages)}")


def _distinct(column: pd.Series) -> list[Any]:
    return [value for value in column.drop_duplicates() if not pd.isna(value)]


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _each(column: pd.Series, test: Callable[[Any], bool]) -> Mask:
    """A test of every value, done once for equal ones."""
    good = [value for value in _distinct(column) if test(value)]
    found: Mask = column.isin(good).to_numpy(dtype=bool)
    return found


def _matches(column: pd.Series, wanted: Scalar) -> Mask:
    def test(value: Any) -> bool:
        if isinstance(wanted, str):
            # As it stands first: a name may have brackets in it.
            return isinstance(value, str) and (value == wanted or fnmatchcase(value, wanted))
        if isinstance(wanted, bool) or isinstance(value, bool | np.bool_):
            return isinstance(wanted, bool) and isinstance(value, bool | np.bool_) and bool(value) == wanted
        return not isinstance(value, str) and math.isclose(value, wanted, rel_tol=1e-9)

    return _each(column, test)


def _in_layer(column: pd.Series, pattern: str) -> Mask:
    def test(value: Any) -> bool:
        if not isinstance(value, str) or value == "body":
            return False
        return any(own == pattern or fnmatchcase(own, pattern) for own in (value, value.partition("/")[0]))

    return _each(column, test)
