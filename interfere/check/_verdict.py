"""What becomes of a rule: row by row, and as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scipy import special

from interfere.check._policy import Rule
from interfere.check._rows import Row, Selection

RowStatus = Literal["pass", "fail", "undetermined"]
Status = Literal["pass", "fail", "undetermined", "no match"]
Level = Literal["", "warning", "error"]

_LEVEL = 0.95
NO_NUMBER = "the run has no number there"
NO_WORD = "the run says nothing there"
NO_INTERVAL = "it has no interval"
OPEN = "its interval reaches beyond"


@dataclass(frozen=True)
class Judged:
    """A row, and what became of it.

    Args:
        row: its interval is the one that was held against the bound.
        status: of the row.
        reason: why it could not be judged.
    """

    row: Row
    status: RowStatus
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a rule.

    Args:
        rule: which.
        status: `pass`, `fail`, `undetermined` (some rows could not be judged, and the others do not fail it) or
            `no match`.
        level: whether that fails the check (`error`), is a warning, or is as it should be ("").
        judged: its rows, in the table's order.
        missing: of `no match`: what matches nothing.
    """

    rule: Rule
    status: Status
    level: Level
    judged: Sequence[Judged]
    missing: str = ""

    def rows(self, *statuses: RowStatus) -> list[Judged]:
        """Rows of some statuses."""
        return [each for each in self.judged if each.status in statuses]

    @property
    def failing(self) -> list[Judged]:
        """The rows that count against it."""
        return self.rows("fail", "undetermined") if self.rule.fails_undetermined else self.rows("fail")

    @property
    def not_passed(self) -> list[Judged]:
        """The rows that fail, the worst first, and then those that cannot be judged."""
        return sorted(self.rows("fail"), key=self._room) + self.rows("undetermined")

    @property
    def worst(self) -> Judged | None:
        """Of the rows that say most about the outcome, the one that is furthest from what it should be."""
        for rows in (self.rows("fail"), self.failing, self.rows("pass"), self.judged):
            if rows:
                return min(rows, key=self._room)
        return None

    def _room(self, judged: Judged) -> float:
        return _room(self.rule, judged.row.value)


def judge_rule(rule: Rule, selection: Selection) -> Outcome:
    """Hold the rows of a rule against it."""
    if not selection.rows:
        return Outcome(rule, "no match", "error", [], selection.missing)
    rows = _simultaneous(selection) if rule.simultaneous else selection.rows
    judged = [_judge_words(rule, row) if rule.of_words else _judge_number(rule, row) for row in rows]
    found = Outcome(rule, "pass", "", judged)
    severity: Level = "error" if rule.severity == "error" else "warning"
    unknown = len(found.rows("undetermined"))
    if len(found.failing) > rule.may_fail:
        return replace(found, status="fail", level=severity)
    if unknown == len(judged) > rule.may_fail:
        # A rule that could judge nothing holds nothing, unless so few rows may fail anyway.
        return replace(found, status="undetermined", level=severity)
    if unknown:
        return replace(found, status="undetermined", level="warning")
    return found


def _judge_words(rule: Rule, row: Row) -> Judged:
    if not isinstance(row.value, str):
        return Judged(row, "undetermined", row.reason or NO_WORD)
    good = row.value in rule.allow if rule.allow is not None else row.value not in (rule.forbid or ())
    return Judged(row, "pass" if good else "fail")


def _judge_number(rule: Rule, row: Row) -> Judged:
    value = row.value
    if not isinstance(value, float) or not math.isfinite(value):
        return Judged(row, "undetermined", row.reason or NO_NUMBER)
    # At most u is what at least −u is of the negative: (estimate, the end nearer to the bound, the end beyond).
    sides: list[tuple[float, float, float]] = []
    if rule.at_least is not None:
        sides.append((value - rule.at_least, row.high - rule.at_least, row.low - rule.at_least))
    if rule.at_most is not None:
        sides.append((rule.at_most - value, rule.at_most - row.low, rule.at_most - row.high))
    if rule.uncertainty == "estimate":
        return Judged(row, "fail" if any(estimate < 0 for estimate, _, _ in sides) else "pass")
    if any(estimate < 0 and inner < 0 for estimate, inner, _ in sides):
        return Judged(row, "fail")
    if rule.uncertainty == "proven":
        if all(estimate >= 0 and outer >= 0 for estimate, _, outer in sides):
            return Judged(row, "pass")
        return Judged(row, "undetermined", NO_INTERVAL if _blank(row) else OPEN)
    if any(estimate < 0 and math.isnan(inner) for estimate, inner, _ in sides):
        return Judged(row, "undetermined", row.reason or NO_INTERVAL)
    return Judged(row, "pass")


def _blank(row: Row) -> bool:
    return math.isnan(row.low) or math.isnan(row.high)


def _room(rule: Rule, value: float | str | None) -> float:
    """How far a value is from the bound, below 0 beyond it; nothing is known of words but their order."""
    if not isinstance(value, float) or math.isnan(value):
        return math.inf
    rooms = []
    if rule.at_least is not None:
        rooms.append(value - rule.at_least)
    if rule.at_most is not None:
        rooms.append(rule.at_most - value)
    return min(rooms, default=0.0)


def _simultaneous(selection: Selection) -> list[Row]:
    """Rows with intervals that hold all at once at 95 %, by Bonferroni.

    A t interval of level 1 − α is as much wider as the quantiles say, t(1 − α/2m) / t(1 − α/2) for m rows.
    """
    logs = selection.interval is not None and selection.interval.logs
    count = len(selection.rows)
    tails = [(1 - _LEVEL) / 2, (1 - _LEVEL) / (2 * count)]

    def widened(row: Row) -> Row:
        if not isinstance(row.value, float) or not row.freedom > 0:
            return replace(row, low=math.nan, high=math.nan)
        plain, wide = (float(-special.stdtrit(row.freedom, tail)) for tail in tails)

        def end(side: float) -> float:
            assert isinstance(row.value, float)
            if logs and min(side, row.value) > -1:
                middle = math.log1p(row.value)
                return math.expm1(min(middle + (math.log1p(side) - middle) * wide / plain, 700.0))
            return row.value + (side - row.value) * wide / plain

        return replace(row, low=end(row.low), high=end(row.high))

    return [widened(row) for row in selection.rows]
