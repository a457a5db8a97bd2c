"""Writing aligned text, one file a language."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Segment:
    """One piece of text in several languages.

    Args:
        id: its name, the same in all languages.
        source: what it was taken from.
        texts: language → text.
    """

    id: str
    source: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class TextSummary:
    """What was written.

    Args:
        directory: the folder of ``LANG.jsonl`` files.
        languages: the languages, sorted.
        shared: segments that all languages share.
        written: those of them that were written: where a language would repeat a text, only the first is.
        sources: how many sources the written ones come from.
        characters: language → characters written.
    """

    directory: Path
    languages: tuple[str, ...]
    shared: int
    written: int
    sources: int
    characters: Mapping[str, int]


def write_aligned(segments: Sequence[Segment], languages: Sequence[str], directory: Path) -> TextSummary:
    """Write ``LANG.jsonl`` for each language, line for line aligned.

    Args:
        segments: each with a text in every language.
        languages: which languages to write.
        directory: where; made if needed. Files of these languages are replaced, others are left alone.

    Returns:
        Counts. A segment that repeats an earlier text in any language is left out in all: software manuals say the same
        sentence on many pages, and a reader that drops repeats language by language would break the alignment.
    """
    seen: dict[str, set[str]] = {language: set() for language in languages}
    kept = []
    for segment in segments:
        if all(segment.texts[language] not in seen[language] for language in languages):
            kept.append(segment)
        for language in languages:
            seen[language].add(segment.texts[language])
    directory.mkdir(parents=True, exist_ok=True)
    for language in languages:
        rows = ({"id": segment.id, "source": segment.source, "text": segment.texts[language]} for segment in kept)
        part = directory / f".{language}.{os.getpid()}.part"
        part.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8", newline="\n"
        )
        part.replace(directory / f"{language}.jsonl")
    return TextSummary(
        directory=directory,
        languages=tuple(sorted(languages)),
        shared=len(segments),
        written=len(kept),
        sources=len({segment.source for segment in kept}),
        characters={language: sum(len(segment.texts[language]) for segment in kept) for language in sorted(languages)},
    )
