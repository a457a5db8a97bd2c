"""A report on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from interfere.check._check import CheckReport
from interfere.check._verdict import Outcome
from interfere.check._words import row_value, status_word, verdict_line, why
from interfere.report import safe_text
from interfere.report._console import columns_table, listed
from interfere.report._text import short_names, shorten

_STYLES = {"pass": "green", "fail": "bold red", "no match": "bold red", "warn": "yellow", "undetermined": "yellow"}
_NAME = 28


def print_check(report: CheckReport, console: Console) -> None:
    """Print what became of each rule, why, and the verdict.

    Args:
        report: what to tell.
        console: where it goes; its width is kept to.
    """
    for part in _parts(report, console.width):
        console.print(part, markup=False, highlight=False, emoji=False, soft_wrap=False)


def _parts(report: CheckReport, width: int) -> Iterator[RenderableType]:
    yield _rules_table(report.outcomes, width)
    yield from listed(
        "The run", [_sentence(f"{finding.level}: {safe_text(finding.text)}") for finding in report.findings]
    )
    open_ = [each for each in report.outcomes if each.status != "pass"]
    yield from listed("Why", [f"{safe_text(each.rule.name)}: {safe_text(why(each))}." for each in open_])
    line = verdict_line(report.passed, report.count("error"), report.count("warning"))
    yield Text(f"\n{line}", style="green" if report.passed else "bold red")


def _rules_table(outcomes: Sequence[Outcome], width: int) -> RenderableType:
    """A line for each rule; its row that is worst is what is cut where there is little room."""
    names = short_names([outcome.rule.name for outcome in outcomes], _NAME)
    cells = [
        (status_word(each), names[each.rule.name], f"{len(each.judged):,}", f"{len(each.failing):,}")
        for each in outcomes
    ]
    heads = ("", "rule", "rows", "fail")
    taken = sum(max(cell_len(row[i]) for row in (heads, *cells)) + 2 for i in range(len(heads)))
    table = columns_table(*zip(heads, ("left", "left", "right", "right"), strict=True), ("worst", "left"))
    for row, outcome in zip(cells, outcomes, strict=True):
        worst = shorten(_worst(outcome), max(1, width - taken))
        table.add_row(Text(row[0], style=_STYLES[row[0]]), *map(Text, row[1:]), Text(worst))
    return table


def _worst(outcome: Outcome) -> str:
    worst = outcome.worst
    if worst is None:
        return ""
    return safe_text(f"{row_value(worst.row, 3)} {worst.row.place}").rstrip()


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
