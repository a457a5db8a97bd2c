"""Reading a directory with one file a language."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from interfere.corpus._collect import BLANK, Collector
from interfere.corpus._lines import read_lines
from interfere.corpus._names import check_language_name, chosen_languages, listed
from interfere.corpus._types import Corpus
from interfere.errors import InputError

_SUFFIXES = (".jsonl.gz", ".jsonl", ".txt")
_WANTED = "one file a language, LANG.txt (one document a line), LANG.jsonl or LANG.jsonl.gz"


def read_directory(directory: Path, languages: Sequence[str] | None) -> Corpus:
    """Read ``LANG.txt``, ``LANG.jsonl`` and ``LANG.jsonl.gz``; hidden files and other suffixes are ignored.

    Args:
        directory: the directory.
        languages: which languages to read; None for all. Files of other languages are not opened.

    Raises:
        InputError: as `read_corpus`.
    """
    files = _language_files(directory)
    # Names are checked only where they are used: a stray file that nobody asked for is no reason to stop.
    names = chosen_languages(files, languages, str(directory))
    documents, skipped, origin, lines = {}, {}, {}, {}
    for language in names:
        path = files[language][0]
        check_language_name(language, str(path.parent / ascii(path.name)[1:-1]))
        if len(files[language]) > 1:
            both = " and ".join(sorted(file.name for file in files[language]))
            raise InputError(f"{directory}: language {language!r} has {both}; keep one file for each language.")
        collector = Collector(language, str(path))
        lines[language] = _read_file(path, collector)
        documents[language] = collector.finish()
        skipped[language], origin[language] = dict(collector.skipped), collector.origin
    return Corpus(documents, skipped, origin, lines)


def _language_files(directory: Path) -> dict[str, list[Path]]:
    """Language → its files, of which there should be one."""
    try:
        if directory.is_file():
            example = directory.parent / "corpus" / "de.txt"
            raise InputError(
                f"{directory} is a file; give the directory that holds {_WANTED}. "
                f"To use this file, put it into a directory under its language's name, as {example}."
            )
        entries = sorted(directory.iterdir())
    except FileNotFoundError as error:
        raise InputError(f"There is no directory {directory}; give one that holds {_WANTED}.") from error
    except OSError as error:
        raise InputError(f"The directory {directory} cannot be read: {error.strerror or error}.") from error
    files: dict[str, list[Path]] = {}
    for path in entries:
        suffix = next((end for end in _SUFFIXES if path.name.casefold().endswith(end)), None)
        if suffix and not path.name.startswith(".") and not path.is_dir():
            files.setdefault(path.name[: -len(suffix)], []).append(path)
    if not files:
        names = [path.name + ("/" if path.is_dir() else "") for path in entries]
        holds = f"it holds {listed(names, limit=6)}" if names else "it is empty"
        raise InputError(f"{directory} has no language files ({holds}); it should hold {_WANTED}.")
    return files


def _read_file(path: Path, collector: Collector) -> int:
    """Read one file and return how many lines it has."""
    lines = read_lines(path, collector.language)
    rows_are_json = not path.name.casefold().endswith(".txt")
    for number, line in enumerate(lines, start=1):
        if not rows_are_json:
            collector.add(line, number)
        elif line.strip():
            collector.add(*_parse_row(line, number, collector))
        else:
            collector.skipped[BLANK] += 1
    return len(lines)


def _parse_row(line: str, number: int, collector: Collector) -> tuple[str, int, str | None, str | None]:
    """Text, line number, id and source of one line of JSON."""
    place = collector.place(number)
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error.msg}, at column {error.colno:,}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON that can be read: {error}.") from error
    if not isinstance(row, dict):
        raise InputError(f'{place}: {_json_kind(row)} is no document; each line must be an object: {{"text": "…"}}.')
    if "text" not in row:
        keys = f"its keys are {listed(row, limit=6)}" if row else "it is empty"
        raise InputError(f'{place}: the object has no "text"; {keys}.')
    for key in ("text", "id", "source"):
        value = row.get(key)
        if not isinstance(value, str) and (key == "text" or value is not None):
            raise InputError(f'{place}: "{key}" must be a string, not {_json_kind(value)}.')
    return row["text"], number, row.get("id"), row.get("source")


def _json_kind(value: object) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
