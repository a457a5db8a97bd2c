"""Writing small corpora, and what reading them gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interfere.corpus import Corpus, read_corpus
from interfere.errors import InputError

DE, EN = "Ein Satz.\nNoch ein Satz.\n", "A sentence.\nAnother sentence.\n"


def write(directory: Path, **files: str | bytes) -> Path:
    """Write files whose names are given with ``__`` for the dot."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (directory / name.replace("__", ".")).write_bytes(data)
    return directory


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def texts(corpus: Corpus, language: str) -> list[str]:
    return [document.text for document in corpus.documents[language]]


def refusal(*arguments: object, error: type[Exception] = InputError) -> str:
    with pytest.raises(error) as caught:
        read_corpus(*arguments)  # type: ignore[arg-type]
    message = str(caught.value)
    assert len(message.splitlines()) <= 2
    return message
