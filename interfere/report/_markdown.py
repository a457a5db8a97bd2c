"""Runs as a section of a model card."""

from __future__ import annotations

import re
from collections.abc import Sequence

from interfere.report import _text as text
from interfere.report._joined import Run
from interfere.report._main import boxes_of, findings_of, how_to_read, main_tables, measured
from interfere.report._page import Table
from interfere.report._plain import lines, plain, right_to_left

TITLE = "Interference between languages"
_ROWS = 20
_ISOLATE = "\u2068{}\u2069"  # a name that is written from right to left does not reorder what is around it


def markdown_report(runs: Sequence[Run], title: str | None = None) -> str:
    """A section in GitHub's Markdown that can be pasted into a model card of the Hugging Face hub.

    Args:
        runs: with their pages; several have a heading each.
        title: of the section.
    """
    out = [f"## {escaped(text.safe_text(title or TITLE))}"]
    read: dict[str, None] = {}
    for run in runs:
        if len(runs) > 1:
            out.append(f"### {_name(run.name)}")
        out += _run(run)
        read.update(dict.fromkeys(how_to_read(run.result)))
    out.append("**How to read it.** " + " ".join(escaped(sentence) for sentence in read))
    return "\n\n".join(out) + "\n"


def escaped(words: str) -> str:
    """Words that Markdown shows as they are, wherever in a line or a table they stand.

    Args:
        words: one line.
    """
    out = re.sub(r"[\\`*_{}\[\]<>|~$&]", r"\\\g<0>", words)
    # A bare address would become a link, and the first characters of a line a heading or a list.
    out = re.sub(r"(?i)\b(https?|ftp)(?=://)", r"\1\\", out)
    out = re.sub(r"(?i)\b(www)(?=\.)", r"\1\\", out)
    out = re.sub(r"^[#+=-](?=[#+=-]*(?:\s|$))", r"\\\g<0>", out)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", out)


def _run(run: Run) -> list[str]:
    out = [_items(findings_of(run.page))]
    out += [f"**{escaped(plain(box.title))}**\n\n{_items(box.items)}" for box in boxes_of(run.page)]
    out += [_table(table) for table in main_tables(run.result, run.page)]
    out.append("**How it was measured.** " + " ".join(escaped(sentence) for sentence in measured(run.result)))
    if run.result.command:
        command = text.safe_text(run.result.command)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", command)), default=0))
        out.append(f"{fence}\n{command}\n{fence}")
    return [each for each in out if each]


def _items(items: Sequence[str]) -> str:
    out = []
    for item in items:
        first, *below = lines(item, mark=_isolated)
        out.append(f"- {escaped(first)}")
        out += [f"  - {escaped(each)}" for each in below]
    return "\n".join(out)


def _table(table: Table) -> str:
    head = [escaped(plain(column.name, mark=_isolated)) for column in table.columns]
    rule = ["---" if column.words or i == 0 else "---:" for i, column in enumerate(table.columns)]
    rows = [[escaped(plain(cell, mark=_isolated)) for cell in row.cells] for row in table.rows[:_ROWS]]
    shown = [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]
    more = len(table.rows) - len(rows)
    note = f"\n\n*{more:,} more rows are in the CSV files of the run.*" if more > 0 else ""
    return f"**{escaped(plain(table.caption))}**\n\n" + "\n".join(shown) + note


def _name(name: str) -> str:
    return escaped(_isolated(text.safe_text(name)))


def _isolated(name: str) -> str:
    return _ISOLATE.format(name) if right_to_left(name) else name
