"""What one line of a JSON Lines file says, and what can be wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from interfere.corpus._names import listed
from interfere.errors import InputError

LANGUAGE_KEYS = ("language", "lang")
"""The keys that may name a row's language, the first that is there being read."""


def parse_row(line: str, place: str) -> dict[str, Any]:
    """The object of one line.

    Args:
        line: the line.
        place: where it is, for messages.

    Raises:
        InputError: it is not JSON, or not an object.
    """
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error.msg}, at column {error.colno:,}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON that can be read: {error}.") from error
    if not isinstance(row, dict):
        raise InputError(f'{place}: {json_kind(row)} is no document; each line must be an object: {{"text": "…"}}.')
    return row


def row_fields(row: Mapping[str, Any], place: str) -> tuple[str, str | None, str | None]:
    """Text, id and source of a row.

    Raises:
        InputError: it has no text, or one of them is not a string.
    """
    if "text" not in row:
        labelled = "; labelled sentences are read with --objective token-classification" if "tokens" in row else ""
        raise InputError(f'{place}: the object has no "text"; {keys_of(row)}{labelled}.')
    for key in ("text", "id", "source"):
        value = row.get(key)
        if not isinstance(value, str) and (key == "text" or value is not None):
            raise InputError(f'{place}: "{key}" must be a string, not {json_kind(value)}.')
    return row["text"], row.get("id"), row.get("source")


def language_key(row: Mapping[str, Any]) -> str | None:
    """The key under which a row names its language, None where it does not."""
    return next((key for key in LANGUAGE_KEYS if key in row), None)


def keys_of(row: Mapping[str, Any]) -> str:
    """A row's keys, for a message on one that is missing."""
    return f"its keys are {listed(row, limit=6)}" if row else "it is empty"


def json_kind(value: object) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
