"""Reading one file with the rows of all languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interfere.corpus._collect import Collector
from interfere.corpus._files import refuse_file
from interfere.corpus._labelled_rows import document_fields
from interfere.corpus._lines import read_lines
from interfere.corpus._names import check_language_name, chosen_languages
from interfere.corpus._rows import json_kind, keys_of, language_key, parse_row
from interfere.corpus._types import Corpus
from interfere.errors import InputError
from interfere.settings._tasks import Task

_SUFFIXES = (".jsonl", ".jsonl.gz")


def is_mixed_file(path: Path) -> bool:
    """Whether a path is a file of a kind that can hold rows of several languages."""
    return path.name.casefold().endswith(_SUFFIXES) and path.is_file()


def read_mixed_file(path: Path, languages: Sequence[str] | None, task: Task | None = None) -> Corpus:
    """Read a file of rows that name their language: ``{"language": …, "text": …, "id": …, "source": …}``.

    The language may also stand under ``lang``; ``id`` and ``source`` are optional. Since a line has one language, line
    numbers say nothing about translations, and ``lines`` of the corpus stays empty: only ids and texts can match.

    Args:
        path: the file, ``.jsonl`` or ``.jsonl.gz``.
        languages: which languages to read; None for all. Of other rows only the language is looked at.
        task: what rows are labelled for; None: they are plain text.

    Raises:
        InputError: as `read_corpus`; a row that names no language is one of the reasons.
    """
    wanted = None if languages is None else set(chosen_languages(languages, languages, str(path)))
    collectors: dict[str, Collector] = {}
    present: set[str] = set()
    lines = read_lines(path)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            # It belongs to no language, so there is none to count it for.
            continue
        place = f"{path}, line {number:,}"
        row = parse_row(line, place)
        if not present and language_key(row) is None:
            raise refuse_file(path, f"its first row, in line {number:,}, names no language ({keys_of(row)})")
        language = _language(row, place)
        present.add(language)
        if wanted is not None and language not in wanted:
            continue
        if language not in collectors:
            check_language_name(language, place)
            collectors[language] = Collector(language, str(path))
        collector = collectors[language]
        fields = document_fields(row, number, collector.place(number), task)
        collector.add(fields.text, number, fields.id, fields.source, fields.labels, fields.words)
    if not present:
        found = f"only blank lines ({len(lines):,})" if lines else "it is empty"
        raise InputError(f"{path} has no documents: {found}.")
    chosen = [collectors[name] for name in chosen_languages(present, languages, str(path))]
    return Corpus(
        documents={each.language: each.finish() for each in chosen},
        skipped={each.language: dict(each.skipped) for each in chosen},
        origin={each.language: each.origin for each in chosen},
    )


def _language(row: dict[str, Any], place: str) -> str:
    """The language that a row names."""
    key = language_key(row)
    if key is None:
        raise InputError(f'{place}: the object has no "language"; {keys_of(row)}. Every row must name its language.')
    if not isinstance(row[key], str):
        raise InputError(f'{place}: "{key}" must be a string, not {json_kind(row[key])}.')
    language: str = row[key]
    if not language.strip():
        raise InputError(f'{place}: "{key}" is empty; every row must name its language.')
    return language
