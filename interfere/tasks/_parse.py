"""The items of one file: JSON Lines of texts or of sentences, or CoNLL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interfere.corpus._lines import read_lines
from interfere.corpus._names import shown
from interfere.corpus._rows import json_kind, keys_of, parse_row
from interfere.errors import InputError
from interfere.settings._tasks import Task
from interfere.tasks._types import OUTSIDE, Item

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
            item = _text if task == "text-classification" else _sentence
            parsed.items.append(item(row, number, place))
    if task == "token-classification":
        parsed.items = [_retag(item, parsed) for item in parsed.items]
    if not parsed.items:
        raise InputError(f"{path} (language {language!r}) has no items: it is empty, or has only blank lines")
    return parsed


def place_of(path: Path, number: int, language: str) -> str:
    """Where something is, for messages."""
    return f"{path}, line {number:,} (language {language!r})"


def _text(row: Mapping[str, Any], number: int, place: str) -> Item:
    text, label = _field(row, "text", place), _field(row, "label", place)
    if not isinstance(text, str):
        raise InputError(f'{place}: "text" must be a string, not {json_kind(text)}')
    if not text.strip():
        raise InputError(f'{place}: "text" is blank; take the line out or give its text')
    if isinstance(label, bool) or not isinstance(label, str | int):
        found = f"{label}, which is no whole number" if isinstance(label, float) else json_kind(label)
        raise InputError(f'{place}: "label" must be a string or a whole number, not {found}')
    name = str(label).strip()
    if not name:
        raise InputError(f'{place}: "label" is blank; give one')
    _check_unicode([text, name], place)
    return Item((text,), (name,), number, _id(row, place))


def _sentence(row: Mapping[str, Any], number: int, place: str) -> Item:
    words, labels = _field(row, "tokens", place), _field(row, "labels", place)
    for key, value in (("tokens", words), ("labels", labels)):
        if not isinstance(value, list):
            raise InputError(f'{place}: "{key}" must be a list of strings, not {json_kind(value)}')
        for position, each in enumerate(value):
            if not isinstance(each, str):
                hint = " (write the names of tags, such as B-PER, not their numbers)" if key == "labels" else ""
                raise InputError(f'{place}: "{key}"[{position}] must be a string, not {json_kind(each)}{hint}')
    if len(words) != len(labels):
        raise InputError(f'{place}: {len(words)} "tokens" and {len(labels)} "labels"; give one label for each token')
    if not words:
        raise InputError(f'{place}: "tokens" is empty; take the line out')
    _check_unicode([*words, *labels], place)
    for position, (word, tag) in enumerate(zip(words, labels, strict=True)):
        if not word:
            raise InputError(f'{place}: "tokens"[{position}] is empty; take it and its label out')
        _check_tag(tag, place)
    return Item(tuple(words), tuple(labels), number, _id(row, place))


def _field(row: Mapping[str, Any], key: str, place: str) -> Any:
    if key not in row:
        raise InputError(f'{place}: the object has no "{key}"; {keys_of(row)}')
    return row[key]


def _id(row: Mapping[str, Any], place: str) -> str | None:
    value = row.get("id")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f'{place}: "id" must be a string or a whole number, not {json_kind(value)}')
    _check_unicode([str(value)], place)
    return str(value).strip() or None


def _check_unicode(values: list[str], place: str) -> None:
    for value in values:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{place}: half of a surrogate pair is not text; write the whole character") from None


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
        _check_tag(tag, place)
        if not rows:
            start = number
        rows.append((word, tag))
    finish()


def _check_tag(tag: str, place: str) -> None:
    if tag != OUTSIDE and not (tag[:2] in ("B-", "I-") and tag[2:].strip()):
        raise InputError(f"{place}: {shown(tag)} is not a BIO tag; give O, or B-TYPE or I-TYPE such as B-PER")


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
