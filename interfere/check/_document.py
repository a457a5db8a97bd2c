"""A report as JSON."""

from __future__ import annotations

import math
from typing import Any

from interfere.check._check import CheckReport
from interfere.check._verdict import Judged, Outcome
from interfere.check._words import condition, quantity, why


def check_document(report: CheckReport) -> dict[str, Any]:
    """All of a report, with every row that fails or cannot be judged; null where there is no number.

    Args:
        report: what to tell.
    """
    return {
        "schema_version": 1,
        "passed": report.passed,
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "kind": report.kind,
        "model": report.model,
        "baseline": report.baseline,
        "policy": report.policy,
        "run": [{"level": finding.level, "text": finding.text} for finding in report.findings],
        "rules": [_rule(outcome) for outcome in report.outcomes],
    }


def _rule(outcome: Outcome) -> dict[str, Any]:
    rule = outcome.rule
    worst = outcome.worst
    return {
        "name": rule.name,
        "status": outcome.status,
        "level": outcome.level,
        "severity": rule.severity,
        "table": rule.table,
        "quantity": quantity(rule),
        "condition": condition(rule),
        "uncertainty": None if rule.of_words else rule.uncertainty or "surely",
        "simultaneous": rule.simultaneous,
        "why": why(outcome),
        "rows": len(outcome.judged),
        "failed": len(outcome.rows("fail")),
        "undetermined": len(outcome.rows("undetermined")),
        "may_fail": rule.may_fail,
        "worst": _row(worst) if worst is not None else None,
        "not_passed": [_row(each) for each in outcome.not_passed],
    }


def _row(judged: Judged) -> dict[str, Any]:
    row = judged.row
    return {
        "place": row.place,
        "status": judged.status,
        "value": _plain(row.value),
        "ci_low": _plain(row.low),
        "ci_high": _plain(row.high),
        "reason": judged.reason,
    }


def _plain(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
