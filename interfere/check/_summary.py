"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interfere.check._check import CheckReport
from interfere.check._verdict import Outcome
from interfere.check._words import condition, judged_by, row_value, status_word, verdict_line, why
from interfere.report import safe_text

LIMIT = 1024 * 1024
"""Bytes that GitHub takes of one step's summary."""

_ROWS = 20
_CELL = 300
_NOTE = 200
_MARKS = {"pass": "✅ pass", "fail": "❌ fail", "warn": "⚠️ warn", "undetermined": "❔ undetermined"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|<>&~@:$\"'=]")


def markdown_summary(report: CheckReport, limit: int = LIMIT) -> str:
    """A headline, a table of the rules, and for each that is not passed its worst rows.

    Args:
        report: what to tell.
        limit: bytes that it may take, in UTF-8; what does not fit is left out, and the end says so.
    """
    out: list[str] = []
    size = 0
    parts = list(_parts(report))
    for number, part in enumerate(parts):
        size += len(part.encode())
        if size > limit - _NOTE:
            left = len(parts) - number
            out.append(f"\n\n*{left:,} more lines do not fit here; `--format json` has everything.*\n")
            break
        out.append(part)
    text = "".join(out)
    return text if len(text.encode()) <= limit else ""


def markdown_error(message: str) -> str:
    """The summary of a check that could not be made.

    Args:
        message: why.
    """
    return f"## ❌ interfere check could not be made\n\n{escape_markdown(message)}\n"


def escape_markdown(text: str) -> str:
    """A text that Markdown shows as it is, in a table's cell too, and no longer than some lines."""
    plain = safe_text(text)
    plain = plain if len(plain) <= _CELL else plain[:_CELL] + "…"
    # Entities are never taken for marks; `www.` would become a link.
    return (
        _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", plain).replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
    )


def _parts(report: CheckReport) -> Iterator[str]:
    """Pieces that may be cut between, a line each."""
    line = verdict_line(report.passed, report.count("error"), report.count("warning"))
    yield f"## {'✅' if report.passed else '❌'} interfere check {line}\n\n"
    against = f", against the baseline {escape_markdown(report.baseline)}" if report.baseline is not None else ""
    yield (
        f"Model {escape_markdown(report.model)} ({escape_markdown(report.kind)}{against}), policy "
        f"{escape_markdown(report.policy)}.\n\n"
    )
    for finding in report.findings:
        yield f"- {'❌' if finding.level == 'error' else '⚠️'} {escape_markdown(finding.text)}\n"
    yield "\n| | rule | has to hold | judged | rows | fail | undetermined | worst |\n"
    yield "|---|---|---|---|--:|--:|--:|---|\n"
    for outcome in report.outcomes:
        yield _rule_line(outcome)
    for outcome in report.outcomes:
        if outcome.status != "pass":
            yield f"\n### {escape_markdown(outcome.rule.name)}\n\n{escape_markdown(_sentence(why(outcome)))}\n"
            yield from _row_lines(outcome)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _rule_line(outcome: Outcome) -> str:
    worst = outcome.worst
    cells = [
        escape_markdown(outcome.rule.name),
        escape_markdown(condition(outcome.rule)),
        judged_by(outcome),
        f"{len(outcome.judged):,}",
        f"{len(outcome.rows('fail')):,}",
        f"{len(outcome.rows('undetermined')):,}",
        "" if worst is None else escape_markdown(f"{worst.row.place}: {row_value(worst.row)}"),
    ]
    return f"| {_MARKS.get(status_word(outcome), '❌ no match')} | " + " | ".join(cells) + " |\n"


def _row_lines(outcome: Outcome) -> Iterator[str]:
    rows = outcome.not_passed
    if len(rows) < 2:
        return
    for number, each in enumerate(rows[:_ROWS]):
        head = "\n| | | value |\n|---|---|---|\n" if number == 0 else ""
        reason = f" ({each.reason})" if each.reason else ""
        yield (
            f"{head}| {each.status} | {escape_markdown(each.row.place)} | "
            f"{escape_markdown(row_value(each.row) + reason)} |\n"
        )
    if len(rows) > _ROWS:
        yield f"\nand {len(rows) - _ROWS:,} more rows.\n"
