"""What became of rules, in words."""

from __future__ import annotations

import math

from interfere.check._names import listed
from interfere.check._policy import Rule
from interfere.check._rows import Row
from interfere.check._verdict import Judged, Outcome

_DIGITS = 4
_EXACT = 17
"""Of numbers that would look as if they were on the bound."""


def figure(value: float, digits: int = _DIGITS) -> str:
    """A number with so many significant digits."""
    return f"{value:.{digits}g}" if math.isfinite(value) else "–"


def interval(row: Row, digits: int = _DIGITS) -> str:
    """An interval in brackets; "" where there is none."""
    if math.isnan(row.low) and math.isnan(row.high):
        return ""
    return f"[{figure(row.low, digits)}, {figure(row.high, digits)}]"


def quantity(rule: Rule) -> str:
    """What a rule is about."""
    return f"change of {rule.quantity}" if rule.change else rule.quantity


def condition(rule: Rule) -> str:
    """What has to hold."""
    if rule.allow is not None:
        return f"{quantity(rule)} is {listed(rule.allow)}"
    if rule.forbid is not None:
        return f"{quantity(rule)} is not {listed(rule.forbid)}"
    low = f"{figure(rule.at_least)} ≤ " if rule.at_least is not None else ""
    high = f" ≤ {figure(rule.at_most)}" if rule.at_most is not None else ""
    return f"{low}{quantity(rule)}{high}"


def judged_by(outcome: Outcome) -> str:
    """How uncertainty counts in a rule."""
    rule = outcome.rule
    if rule.of_words:
        return "the verdict"
    return {"estimate": "estimate", "proven": "proven"}.get(rule.uncertainty or "surely", "surely") + (
        ", simultaneous" if rule.simultaneous else ""
    )


def row_value(row: Row, digits: int = _DIGITS) -> str:
    """What stands in a row: a number with its interval, or a word."""
    if isinstance(row.value, float):
        return f"{figure(row.value, digits)} {interval(row, digits)}".rstrip()
    return row.value or "–"


def row_words(outcome: Outcome, judged: Judged) -> str:
    """A row of a rule as the start of a sentence."""
    row, rule = judged.row, outcome.rule
    of = f" of {row.place}" if row.place else ""
    if judged.status == "undetermined":
        value = f" ({row_value(row)})" if isinstance(row.value, float) and math.isfinite(row.value) else ""
        return f"{quantity(rule)}{of}{value} cannot be judged: {judged.reason}"
    close = judged.status == "fail" and isinstance(row.value, float) and figure(row.value) in map(figure, _bounds(rule))
    said = f"{quantity(rule)}{of} is {row_value(row, _EXACT if close else _DIGITS)}"
    return said if judged.status == "pass" else f"{said}, {_beyond(rule, row)}"


def _bounds(rule: Rule) -> list[float]:
    return [bound for bound in (rule.at_least, rule.at_most) if bound is not None]


def _beyond(rule: Rule, row: Row) -> str:
    if rule.allow is not None:
        return f"which is none of {listed(rule.allow)}"
    if rule.forbid is not None:
        return "which is forbidden"
    assert isinstance(row.value, float)
    if rule.at_least is not None and row.value < rule.at_least:
        bound = f"below at_least = {figure(rule.at_least)}"
    else:
        bound = f"above at_most = {figure(rule.at_most if rule.at_most is not None else math.nan)}"
    return bound if rule.uncertainty == "estimate" else f"{bound} with its whole interval"


def why(outcome: Outcome) -> str:
    """A sentence on what became of a rule."""
    if outcome.status == "no match":
        return f"it matches nothing: {outcome.missing}"
    worst = outcome.worst
    assert worst is not None
    total, rule = len(outcome.judged), outcome.rule
    failed, unknown = len(outcome.rows("fail")), len(outcome.rows("undetermined"))
    counts = [f"{failed} of {total} rows fail"] if failed else []
    if unknown:
        counts.append(f"{unknown} of {total} rows cannot be judged" if not failed else f"{unknown} cannot be judged")
    if rule.may_fail and counts:
        counts.append(f"{rule.may_fail} may")
    if outcome.status == "undetermined" and not failed:
        worst = outcome.rows("undetermined")[0]
    tail = f"; {', '.join(counts)}" if counts and (total > 1 or rule.may_fail) else ""
    return f"{row_words(outcome, worst)}{tail}"


def status_word(outcome: Outcome) -> str:
    """The status as it is printed: `fail` of a rule that only warns is `warn`."""
    return "warn" if outcome.status == "fail" and outcome.level == "warning" else outcome.status


def verdict_line(passed: bool, errors: int, warnings: int) -> str:
    """The last line of every report."""
    parts = []
    if errors:
        parts.append(f"{errors} {'error' if errors == 1 else 'errors'}")
    if warnings:
        parts.append(f"{warnings} {'warning' if warnings == 1 else 'warnings'}")
    return ("passed" if passed else "FAILED") + (f": {', '.join(parts)}" if parts else "")
