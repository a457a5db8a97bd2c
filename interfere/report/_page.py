"""What a report page is made of, before it is HTML: sections of blocks, with text that is safe to escape."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from markupsafe import Markup, escape

from interfere.report._text import safe_text

# Every string below is plain text, which the template escapes, or `Markup`, whose parts have been escaped already.


@dataclass(frozen=True)
class Prose:
    """Paragraphs."""

    kind: ClassVar[str] = "prose"
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[str]


@dataclass(frozen=True)
class Box:
    """Sentences set apart under a heading; `tone` is `open` or `warning`."""

    kind: ClassVar[str] = "box"
    tone: str
    title: str
    items: Sequence[str]


@dataclass(frozen=True)
class Count:
    """How many rows have a verdict, and what that verdict means."""

    verdict: str
    number: str
    meaning: str


@dataclass(frozen=True)
class Tally:
    """Counts side by side."""

    kind: ClassVar[str] = "tally"
    label: str
    counts: Sequence[Count]


@dataclass(frozen=True)
class Picture:
    """A figure: `source` is a data URI, `alt` says what it shows, `reading` how it is read; `width` in CSS pixels.

    `grids` is what its cells say and where they are (`grid_json`), or empty.
    """

    kind: ClassVar[str] = "picture"
    source: str
    alt: str
    title: str
    reading: str
    width: int | None = None
    grids: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table: numbers stand on the right and stay on one line, words on the left and wrap."""

    name: str
    words: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table, its first cell a header; `mark` is a verdict that colours it, or empty."""

    cells: Sequence[str]
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table that scrolls in a box of its own where it is wide or long."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Terms:
    """Definitions: each is (the words that it explains, the explanation)."""

    kind: ClassVar[str] = "terms"
    entries: Sequence[tuple[Sequence[str], str]]


@dataclass(frozen=True)
class Code:
    """A command line."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    title: str


@dataclass(frozen=True)
class Fold:
    """Blocks that are folded away until somebody opens them."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Part:
    """Blocks of a section under a heading of their own, one level above their own headings; `id` is unique."""

    kind: ClassVar[str] = "part"
    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Download:
    """A file within the page: what it is called when it is saved, its data URI, its title and size for readers."""

    name: str
    source: str
    title: str
    size: str


@dataclass(frozen=True)
class Downloads:
    """Files that can be saved, and a sentence on them."""

    kind: ClassVar[str] = "downloads"
    words: str
    files: Sequence[Download]


Block = Prose | Bullets | Box | Tally | Picture | Table | Terms | Code | Heading | Fold | Part | Downloads


@dataclass(frozen=True)
class Section:
    """A part of the page with an entry in its table of contents; `id` is unique on the page."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page: its title, a line of facts, and its sections; `contents` has the links of each run, if several."""

    title: str
    facts: str
    sections: Sequence[Section]
    contents: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()


def changed(blocks: Sequence[Block], change: Callable[[Block], Block]) -> list[Block]:
    """Blocks, and those within them, each after a change."""
    return [
        replace(block, blocks=changed(block.blocks, change)) if isinstance(block, Fold | Part) else change(block)
        for block in blocks
    ]


def changed_page(page: Page, change: Callable[[Block], Block]) -> Page:
    """A page with every block changed."""
    return replace(page, sections=[replace(s, blocks=changed(s.blocks, change)) for s in page.sections])


def name(text: object) -> Markup:
    """An untrusted name, kept apart from the direction in which the text around it is written."""
    return Markup("<bdi>{}</bdi>").format(safe_text(text))


def sentence(text: object, names: Iterable[str] = ()) -> Markup:
    """A sentence in which names that are written from right to left do not reorder what stands next to them.

    Args:
        text: a sentence of this package with untrusted names in it, or of unknown origin.
        names: the names that may be in it, as they are written there.
    """
    plain = safe_text(text)
    turned = sorted({safe_text(n) for n in names if _right_to_left(n)}, key=lambda n: (-len(n), n))
    if not turned:
        return escape(plain)
    # One pair of parentheses: what is split off at them are the names, at odd places.
    parts = re.split("(" + "|".join(map(re.escape, turned)) + ")", plain)
    return Markup("").join(name(part) if i % 2 else part for i, part in enumerate(parts))


def _right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


def minus(number: str) -> str:
    """A printed number with the minus sign that belongs to it."""
    return number.replace("-", "−")
