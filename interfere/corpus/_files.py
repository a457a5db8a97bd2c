"""Reading a directory with one file a language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from interfere.corpus._collect import BLANK, Collector
from interfere.corpus._labelled_rows import LABELLED_ROWS, document_fields
from interfere.corpus._lines import read_lines
from interfere.corpus._names import check_language_name, chosen_languages, listed, shown
from interfere.corpus._rows import language_key, parse_row
from interfere.corpus._types import Corpus
from interfere.errors import InputError
from interfere.settings._tasks import Task

_SUFFIXES = (".jsonl.gz", ".jsonl", ".txt")
_WANTED = "one file a language, LANG.txt (one document a line), LANG.jsonl or LANG.jsonl.gz"
_MIXED = 'one .jsonl or .jsonl.gz file in which every row names its language: {"language": "de", "text": "…"}'


def read_directory(directory: Path, languages: Sequence[str] | None, task: Task | None = None) -> Corpus:
    """Read ``LANG.txt``, ``LANG.jsonl`` and ``LANG.jsonl.gz``; hidden files and other suffixes are ignored.

    Args:
        directory: the directory.
        languages: which languages to read; None for all. Files of other languages are not opened.
        task: what rows are labelled for; None: they are plain text.

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
        lines[language] = _read_file(path, collector, task)
        documents[language] = collector.finish()
        skipped[language], origin[language] = dict(collector.skipped), collector.origin
    return Corpus(documents, skipped, origin, lines)


def _language_files(directory: Path) -> dict[str, list[Path]]:
    """Language → its files, of which there should be one."""
    try:
        if directory.is_file():
            raise refuse_file(directory)
        entries = sorted(directory.iterdir())
    except FileNotFoundError as error:
        raise InputError(f"There is no {directory}; give a directory that holds {_WANTED}, or {_MIXED}.") from error
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


def refuse_file(path: Path, fault: str | None = None) -> InputError:
    """The error for a file that was given where it cannot be the whole corpus.

    Args:
        path: the file.
        fault: why its rows are not those of several languages, where it could hold such.
    """
    suffix = next((end for end in _SUFFIXES if path.name.casefold().endswith(end)), ".txt")
    stem = path.name[: -len(suffix)] if path.name.casefold().endswith(suffix) else ""
    example = path.parent / "corpus" / f"{stem if 2 <= len(stem) <= 3 else 'de'}{suffix}"
    return InputError(
        f"{path} is a file{f', and {fault}' if fault else ''}; give the directory that holds {_WANTED}, or {_MIXED}. "
        f"To use this file, put it into a directory under its language's name, as {example}."
    )


def _read_file(path: Path, collector: Collector, task: Task | None) -> int:
    """Read one file and return how many lines it has."""
    rows_are_json = not path.name.casefold().endswith(".txt")
    if task is not None and not rows_are_json:
        raise InputError(
            f"{path} (language {collector.language!r}) has no labels, which {task} needs: give "
            f"{collector.language}.jsonl with rows {LABELLED_ROWS[task]}, or leave this file out with --languages."
        )
    lines = read_lines(path, collector.language)
    named: tuple[str, int] | None = None
    for number, line in enumerate(lines, start=1):
        if not rows_are_json:
            collector.add(line, number)
        elif line.strip():
            place = collector.place(number)
            row = parse_row(line, place)
            language = row.get(language_key(row) or "")
            if isinstance(language, str):
                named = named or (language, number)
                if language != named[0]:
                    raise _several_languages(path, collector, named, (language, number))
            fields = document_fields(row, number, place, task)
            collector.add(fields.text, number, fields.id, fields.source, fields.labels, fields.words)
        else:
            collector.skipped[BLANK] += 1
    return len(lines)


def _several_languages(path: Path, collector: Collector, first: tuple[str, int], second: tuple[str, int]) -> InputError:
    """The error for a file whose rows say that it is not one language's, whatever its name says."""
    return InputError(
        f"{collector.place(second[1])}: this row names the language {shown(second[0])}, and line {first[1]:,} names "
        f"{shown(first[0])}. To read each row as the language that it names, give the file itself as --data: {path}. "
        f"If all of it is {collector.language!r}, take these names out of its rows."
    )
