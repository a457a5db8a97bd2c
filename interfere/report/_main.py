"""What of a page goes into a model card or a paper: its findings, its main tables, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interfere.report import _text as text
from interfere.report._kinds import report_kind
from interfere.report._page import Block, Box, Bullets, Fold, Heading, Page, Table
from interfere.results import Result

INTERVALS = (
    "Intervals are 95% and hold one by one, not all at once; verdicts are given at q ≤ 0.05 (Benjamini–Hochberg)."
)

DETAILS = frozenset(
    [
        "p",
        "why undetermined",
        "tokens to settle",
        "transfer, first → second",
        "transfer, second → first",
        "centred",
        "seeds",
        "documents",
        "items",
        "sd of seeds",
        "majority baseline",
        "short runs",
        "at updates",
        "SHA-256 of the weights",
    ]
)
"""Columns that are left out where there is little room."""


_CHANGED = ("higher", "lower")
_MOST = 3  # tables of a comparison, which come in the order of the page


def main_tables(result: Result, page: Page) -> list[Table]:
    """The tables of a page that say most, with the columns outside `DETAILS` and those that say anything.

    Args:
        result: whose kind knows the headings that they stand under; the first table where none of them is there.
        page: of the result.
    """
    wanted = report_kind(result).main
    under = [(h, t) for s in page.sections if s.id == "tables" for h, t in _tables(s.blocks)]
    if "changes" in result.tables and result.kind == "comparison":
        # What changed is what is asked; where nothing did, the tables that are looked for.
        found = [table for _, table in under if any(cell in _CHANGED for row in table.rows for cell in row.cells)]
        if found:
            return [_short(table) for table in found[:_MOST]]
    chosen = [table for heading, table in under if heading.startswith(tuple(wanted))] if wanted else []
    return [_short(table) for table in chosen or [table for _, table in under[:1]]]


def findings_of(page: Page) -> list[str]:
    """The findings as they stand on a page."""
    blocks = [b for s in page.sections if s.id == "findings" for b in s.blocks]
    return [item for b in blocks if isinstance(b, Bullets) for item in b.items]


def boxes_of(page: Page) -> list[Box]:
    """What is not determined, and warnings, as they stand on a page."""
    return [b for s in page.sections if s.id == "findings" for b in s.blocks if isinstance(b, Box) and b.items]


def how_to_read(result: Result) -> list[str]:
    """How to read the main numbers, in a few sentences."""
    return [*report_kind(result).brief, INTERVALS]


def measured(result: Result) -> list[str]:
    """How a run was made, in sentences; harmless, but not escaped."""
    out = []
    model, environment = result.model, result.environment
    if model.get("id"):
        revision = f" (revision {model['revision']})" if model.get("revision") else ""
        out.append(f"Model: {text.safe_text(model['id'])}{text.safe_text(revision)}.")
    models = result.tables.get("models")
    if result.kind == "deltas" and models is not None and {"model", "id"} <= set(models.columns):
        named = "; ".join(
            f"{text.safe_text(n)}: {text.safe_text(i)}" for n, i in zip(models["model"], models["id"], strict=True)
        )
        out.append(f"Models that were compared: {named}.")
    if model.get("objective"):
        out.append(f"Objective: {text.safe_text(model['objective'])}.")
    if result.languages:
        out.append(_text_read(result))
    version = environment.get("interfere-nlp")
    made = f"interfere{f' {text.safe_text(version)}' if version else ''}"
    date = f" on {text.safe_text(environment['date'])[:10]}" if environment.get("date") else ""
    out.append(f"Measured with {made}{date} (results of kind {text.safe_text(result.kind)}).")
    return out


def _text_read(result: Result) -> str:
    named = ", ".join(text.short_names(result.languages, 40).values())
    facts = [result.data.get(language, {}) for language in result.languages]
    parts = []
    for key in ("documents", "tokens", "train_items", "test_items"):
        known = [f[key] for f in facts if isinstance(f.get(key), int | float)]
        if known:
            low, high = text.count(min(known)), text.count(max(known))
            parts.append(f"{low if low == high else f'{low} to {high}'} {key.replace('_', ' ')}")
    each = "" if len(result.languages) == 1 else " in each"
    read = f", {' and '.join(parts)}{each}" if parts else ""
    if facts and all(str(f.get("origin", "")).startswith("bundled corpus") for f in facts):
        read += ", of the corpus that comes with interfere"
    noun = "language" if len(result.languages) == 1 else "languages"
    return f"Text: {len(result.languages)} {noun} ({named}){read}."


def _tables(blocks: Sequence[Block], heading: str = "") -> Iterator[tuple[str, Table]]:
    """The tables of blocks with the heading above each."""
    for block in blocks:
        if isinstance(block, Heading):
            heading = block.title
        elif isinstance(block, Table):
            yield heading, block
        elif isinstance(block, Fold):
            yield from _tables(block.blocks, heading)


def _short(table: Table) -> Table:
    """A table without details, and without columns in which nothing stands."""
    stay = [
        i
        for i, column in enumerate(table.columns)
        if i == 0 or (column.name not in DETAILS and any(row.cells[i] not in ("", text.UNKNOWN) for row in table.rows))
    ]
    rows = [type(row)([row.cells[i] for i in stay], row.mark) for row in table.rows]
    return Table(table.caption, [table.columns[i] for i in stay], rows)
