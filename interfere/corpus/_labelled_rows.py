"""What one labelled line of a JSON Lines file says, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interfere.corpus._items import OUTSIDE, Item
from interfere.corpus._names import shown
from interfere.corpus._rows import json_kind, keys_of, row_fields
from interfere.errors import InputError
from interfere.settings._tasks import Task

LABELLED_ROWS: dict[Task, str] = {
    "text-classification": '{"text": …, "label": …}',
    "token-classification": '{"tokens": […], "labels": […]}',
}
"""What a labelled row looks like."""


@dataclass(frozen=True)
class RowFields:
    """What a row gives a document.

    Args:
        text: the text; of a labelled sentence its words, joined by spaces.
        id: its name.
        source: what it was taken from.
        labels: see `Document`.
        words: see `Document`.
    """

    text: str
    id: str | None
    source: str | None
    labels: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def document_fields(row: Mapping[str, Any], number: int, place: str, task: Task | None) -> RowFields:
    """Text, id and source of a row, and its labels where a task is given.

    Args:
        row: the row.
        number: its line.
        place: where it is, for messages.
        task: what labels are for; None: rows are plain text.

    Raises:
        InputError: something of it is missing or of another kind.
    """
    if task is None:
        return RowFields(*row_fields(row, place))
    source = row.get("source")
    if source is not None and not isinstance(source, str):
        raise InputError(f'{place}: "source" must be a string, not {json_kind(source)}')
    if task == "text-classification":
        item = text_item(row, number, place)
        return RowFields(item.words[0], item.id, source, item.labels)
    item = sentence_item(row, number, place, spans=False)
    return RowFields(" ".join(item.words), item.id, source, item.labels, item.words)


def text_item(row: Mapping[str, Any], number: int, place: str) -> Item:
    """The item of a row `{"text": …, "label": …}`, whose label is a string or a whole number.

    Raises:
        InputError: one of the two is missing, blank or of another kind.
    """
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


def sentence_item(row: Mapping[str, Any], number: int, place: str, *, spans: bool) -> Item:
    """The item of a row `{"tokens": […], "labels": […]}`, a label for each token.

    Args:
        row: the row.
        number: its line.
        place: where it is, for messages.
        spans: whether labels must be BIO tags; else they may be any strings, or whole numbers.

    Raises:
        InputError: one of the two is missing, empty or of another kind, or their lengths differ.
    """
    words, labels = _field(row, "tokens", place), _field(row, "labels", place)
    for key, value in (("tokens", words), ("labels", labels)):
        if not isinstance(value, list):
            raise InputError(f'{place}: "{key}" must be a list of strings, not {json_kind(value)}')
        for position, each in enumerate(value):
            if key == "labels" and not spans and isinstance(each, int) and not isinstance(each, bool):
                continue
            if not isinstance(each, str):
                hint = " (write the names of tags, such as B-PER, not their numbers)" if key == "labels" else ""
                raise InputError(f'{place}: "{key}"[{position}] must be a string, not {json_kind(each)}{hint}')
    if len(words) != len(labels):
        raise InputError(f'{place}: {len(words)} "tokens" and {len(labels)} "labels"; give one label for each token')
    if not words:
        raise InputError(f'{place}: "tokens" is empty; take the line out')
    names = [str(label) for label in labels]
    _check_unicode([*words, *names], place)
    for position, (word, tag) in enumerate(zip(words, names, strict=True)):
        if not word:
            raise InputError(f'{place}: "tokens"[{position}] is empty; take it and its label out')
        if spans:
            check_tag(tag, place)
        elif not tag.strip():
            raise InputError(f'{place}: "labels"[{position}] is blank; give one')
    return Item(tuple(words), tuple(names), number, _id(row, place))


def check_tag(tag: str, place: str) -> None:
    """Make sure that a tag is one of the scheme BIO.

    Raises:
        InputError: it is not.
    """
    if tag != OUTSIDE and not (tag[:2] in ("B-", "I-") and tag[2:].strip()):
        raise InputError(f"{place}: {shown(tag)} is not a BIO tag; give O, or B-TYPE or I-TYPE such as B-PER")


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
