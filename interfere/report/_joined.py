"""Pages of several runs as one: a section for each thing that all have, and in it a part for each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import (
    Block,
    Code,
    Column,
    Fold,
    Heading,
    Page,
    Part,
    Prose,
    Row,
    Section,
    Table,
    Terms,
    name,
)
from interfere.results import Result

ASKED = "What was asked"
_NAME = 48  # terminal cells of a run's name where it is not the point
_ORDER = ("asked", "findings", "figures", "tables", "text", "made", "reading")
_TITLES = {"text": "What was read"}  # of sections that are not called the same in all pages
_LINKS = {"asked": "question", "text": "what was read", "made": "settings"}


@dataclass(frozen=True)
class Run:
    """A run on a page: its name, its result, and its page."""

    name: str
    result: Result
    page: Page


def single_page(run: Run, title: str | None = None) -> Page:
    """The page of one run with what was asked.

    Args:
        run: its name is not shown.
        title: None: the page's own.
    """
    question, sections = _split(run.page)
    asked = Section("asked", ASKED, [*question, *_command(run.result)])
    return replace(
        run.page, title=run.page.title if title is None else text.safe_text(title), sections=[asked, *sections]
    )


def joined_page(runs: Sequence[Run], title: str | None = None) -> Page:
    """One page of several runs.

    Each section of their pages is there once, with a part for every run; how numbers are read is said once for each
    kind of result, and how a run was made is folded away.

    Args:
        runs: two or more, whose names differ.
        title: None: "Interference between languages".
    """
    split = [_split(run.page) for run in runs]
    short = text.short_names([run.name for run in runs], _NAME)
    names = [name(short[run.name]) for run in runs]
    by_role: dict[str, list[tuple[int, Section]]] = {role: [] for role in _ORDER}
    for number, (_, sections) in enumerate(split, start=1):
        for section in sections:
            by_role.setdefault(section.id, []).append((number, section))
    sections = [_asked(runs, names, [question for question, _ in split])]
    for role, found in by_role.items():
        if not found:
            continue
        titles = {section.title for _, section in found}
        heading = found[0][1].title if len(titles) == 1 else _TITLES.get(role, found[0][1].title)
        if role == "reading":
            sections.append(Section(role, heading, _reading(runs, [section for _, section in found])))
            continue
        parts = [Part(f"{role}-{number}", names[number - 1], _part(role, section)) for number, section in found]
        sections.append(Section(role, heading, parts))
    return Page(
        title="Interference between languages" if title is None else text.safe_text(title),
        facts=Markup("{} runs: {}").format(len(runs), Markup(", ").join(names)),
        sections=sections,
        contents=[(shown, list(_links(sections, number))) for number, shown in enumerate(names, start=1)],
    )


def _split(page: Page) -> tuple[list[Block], list[Section]]:
    """What a page asks, with which its findings begin, and its sections without that."""
    question: list[Block] = []
    sections = []
    for section in page.sections:
        blocks = list(section.blocks)
        if section.id == "findings" and blocks and isinstance(blocks[0], Prose):
            question, blocks = [blocks[0]], blocks[1:]
        sections.append(replace(section, blocks=blocks))
    return question, sections


def _asked(runs: Sequence[Run], names: Sequence[str], questions: Sequence[Sequence[Block]]) -> Section:
    """The runs as a table, the question of each kind, and what each run is."""
    head = [Column(column, words=True) for column in ("run", "kind", "model", "languages", "date")]
    rows = [
        Row(
            (
                name(run.name),
                text.safe_text(run.result.kind),
                name(run.result.model.get("id") or text.UNKNOWN),
                str(len(run.result.languages)),
                text.safe_text(run.result.environment.get("date") or text.UNKNOWN)[:10],
            )
        )
        for run in runs
    ]
    blocks: list[Block] = [Table("The runs of this page", head, rows)]
    asked: set[str] = set()
    for number, (run, question) in enumerate(zip(runs, questions, strict=True), start=1):
        facts = Markup("{}: {}").format(run.page.title, run.page.facts)
        new = question if run.result.kind not in asked else []
        asked.add(run.result.kind)
        blocks.append(Part(f"asked-{number}", names[number - 1], [Prose([facts]), *new, *_command(run.result)]))
    return Section("asked", ASKED, blocks)


def _command(result: Result) -> list[Block]:
    return [Code(text.safe_text(result.command))] if result.command else []


def _part(role: str, section: Section) -> Sequence[Block]:
    folded = "Command, model, versions and settings"
    return [Fold(folded, section.blocks)] if role == "made" else section.blocks


def _reading(runs: Sequence[Run], sections: Sequence[Section]) -> list[Block]:
    """How to read each kind of result: the blocks of its first run, with what others of the kind have besides."""
    by_kind: dict[str, list[Block]] = {}
    for run, section in zip(runs, sections, strict=True):
        known = by_kind.get(run.result.kind)
        by_kind[run.result.kind] = list(section.blocks) if known is None else _merged(known, section.blocks)
    if len(by_kind) == 1:
        return next(iter(by_kind.values()))
    return [
        Part(f"reading-{_kind_id(kind)}", text.safe_text(kind).capitalize(), blocks) for kind, blocks in by_kind.items()
    ]


def _merged(known: Sequence[Block], more: Sequence[Block]) -> list[Block]:
    """Blocks under headings, with what only the second ones say."""
    first, second = _by_heading(known), _by_heading(more)
    for heading, blocks in second.items():
        if heading not in first:
            first[heading] = blocks
            continue
        # What is said in other words of another run (a margin, a number of languages) is said too.
        paragraphs = {p for b in first[heading] if isinstance(b, Prose) for p in b.paragraphs}
        entries = [entry for b in first[heading] if isinstance(b, Terms) for entry in b.entries]
        new = [p for b in blocks if isinstance(b, Prose) for p in b.paragraphs if p not in paragraphs]
        terms = [entry for b in blocks if isinstance(b, Terms) for entry in b.entries if entry not in entries]
        first[heading] += [*([Prose(new)] if new else []), *([Terms(terms)] if terms else [])]
    return [block for heading, blocks in first.items() for block in ([Heading(heading)] if heading else []) + blocks]


def _by_heading(blocks: Sequence[Block]) -> dict[str, list[Block]]:
    out: dict[str, list[Block]] = {"": []}
    heading = ""
    for block in blocks:
        if isinstance(block, Heading):
            heading = block.title
            out.setdefault(heading, [])
        else:
            out[heading].append(block)
    return out


def _links(sections: Sequence[Section], number: int) -> Iterator[tuple[str, str]]:
    """The parts of a run: id and title."""
    for section in sections:
        if any(isinstance(block, Part) and block.id == f"{section.id}-{number}" for block in section.blocks):
            yield f"{section.id}-{number}", _LINKS.get(section.id, section.id)


def _kind_id(kind: str) -> str:
    """A kind of result as a part of an id."""
    return text.file_names([kind])[kind]
