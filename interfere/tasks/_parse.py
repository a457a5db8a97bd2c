"""The items of one file: JSON Lines of texts or of sentences, or CoNLL."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from interfere.corpus._items import OUTSIDE, Item
from interfere.corpus._labelled_rows import check_tag, sentence_item, text_item
from interfere.corpus._lines import read_lines
from interfere.corpus._names import shown
from interfere.corpus._rows import parse_row
from interfere.errors import InputError
from interfere.settings._tasks import Task

BLANK = "blank"
MARKS = "-DOCSTART- marks"
COMMENTS = "comments"


@dataclass
class ParsedFile:
    """What a file holds.

    Args:
        items: its items, in order.
        skipped: reason → how many lines, or marks, were left out.
        retagged: spans that began with `I-`, which is now `B-`.
    """

    items: list[Item] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    retagged: int = 0


def parse_file(path: Path, language: str, task: Task) -> ParsedFile:
    """Read one file.

    Args:
        path: `….jsonl`, `….conll`, either gzipped or not.
        language: whose it is, for messages.
        task: what its labels are for.

    Raises:
        InputError: the file is not what it should be; the message names file, line and language.
    """
    lines = read_lines(path, language)
    parsed = ParsedFile()
    if path.name.casefold().removesuffix(".gz").endswith(".conll"):
        _parse_conll(lines, path, language, parsed)
    else:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                parsed.skipped[BLANK] += 1
                continue
            place = place_of(path, number, language)
            row = parse_row(line, place)
            if task == "text-classification":
                parsed.items.append(text_item(row, number, place))
            else:
                parsed.items.append(sentence_item(row, number, place, spans=True))
    if task == "token-classification":
        parsed.items = [_retag(item, parsed) for item in parsed.items]
    if not parsed.items:
        raise InputError(f"{path} (language {language!r}) has no items: it is empty, or has only blank lines")
    return parsed


def place_of(path: Path, number: int, language: str) -> str:
    """Where something is, for messages."""
    return f"{path}, line {number:,} (language {language!r})"


def _parse_conll(lines: list[str], path: Path, language: str, parsed: ParsedFile) -> None:
    rows: list[tuple[str, str]] = []
    start = 0

    def finish() -> None:
        nonlocal rows
        if rows:
            # A sentence of the one word "1" is no evidence; a longer one that counts its words is.
            if len(rows) > 1 and [word for word, _ in rows] == [str(n) for n in range(1, len(rows) + 1)]:
                raise InputError(
                    f"{place_of(path, start, language)}: the first column numbers the words; give the word in the "
                    "first column and its tag in the last one"
                )
            parsed.items.append(Item(tuple(word for word, _ in rows), tuple(tag for _, tag in rows), start))
        rows = []

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            finish()
            continue
        # A comment stands between sentences; within one, "#" is a word like any other.
        if not rows and (line == "#" or line.startswith("# ")) and "\t" not in line:
            parsed.skipped[COMMENTS] += 1
            continue
        columns = line.split("\t") if "\t" in line else line.split()
        word, tag = columns[0].strip(), columns[-1].strip()
        place = place_of(path, number, language)
        if word == "-DOCSTART-":
            parsed.skipped[MARKS] += 1
            continue
        if len(columns) < 2:
            raise InputError(f"{place}: {shown(line)} has one column; give the word first and its tag last")
        if not word:
            raise InputError(f"{place}: the first column, the word, is empty")
        check_tag(tag, place)
        if not rows:
            start = number
        rows.append((word, tag))
    finish()


def _retag(item: Item, parsed: ParsedFile) -> Item:
    """The item with `B-` at the start of every span: the spans stay, and all languages spell them in one way."""
    labels = []
    before = OUTSIDE
    for tag in item.labels:
        if tag.startswith("I-") and (before == OUTSIDE or before[2:] != tag[2:]):
            parsed.retagged += 1
            labels.append(f"B-{tag[2:]}")
        else:
            labels.append(tag)
        before = tag
    return Item(item.words, tuple(labels), item.line, item.id)
