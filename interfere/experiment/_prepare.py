"""Training text as token ids on disk, made once for all models of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interfere.corpus import Document, language_sha256
from interfere.engine import write_json
from interfere.errors import InputError
from interfere.experiment._text import Split
from interfere.experiment._tokenizer import make_tokenizer
from interfere.experiment._writing import saving
from interfere.settings import ExperimentSettings

_DOCUMENTS_AT_ONCE = 1000


@dataclass(frozen=True)
class Stream:
    """A language's training documents as one row of token ids, each document with the token that begins it.

    Args:
        path: a `.npy` file of uint16 or uint32, shape (tokens,).
        sha256: of the ids.
        tokens: how many.
        documents: how many documents.
        bytes: UTF-8 bytes of their text.
    """

    path: str
    sha256: str
    tokens: int
    documents: int
    bytes: int


@dataclass(frozen=True)
class Prepared:
    """What all models of an experiment share.

    Args:
        tokenizer: the folder of the tokenizer.
        vocabulary: its tokens, special ones included.
        tags: language tags among them.
        streams: language → its training text; in the order of the languages' numbers.
    """

    tokenizer: Path
    vocabulary: int
    tags: int
    streams: dict[str, Stream]


def prepare_text(split: Split, settings: ExperimentSettings, folder: str | Path) -> Prepared:
    """Make the tokenizer, and write the training text of each language as token ids.

    Args:
        split: the text.
        settings: tokenizer and context are read.
        folder: where to. What an earlier call with the same text and settings wrote there is used again.

    Returns:
        What is in the folder: `tokenizer/`, `tokens-000.npy` and so on, and `text.json`, which is written last.

    Raises:
        InputError: the folder holds other text or another tokenizer.
        RunError: it cannot be written to.
    """
    folder = Path(folder)
    asked = _asked(split, settings)
    file = folder / "text.json"
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        changed = [name for name, value in asked.items() if before["asked"].get(name) != value]
        if changed:
            raise InputError(
                f"{folder} holds text that was prepared with another {', '.join(changed)}; give what it was started "
                "with, or another --output-dir"
            )
        return _opened(folder, before)
    with saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
        texts = {name: [document.text for document in values] for name, values in split.train.documents.items()}
        tokenizer = make_tokenizer(
            settings.tokenizer,
            texts,
            # Two for each language: the halves of its text are told apart as two languages are.
            tags=2 * len(texts),
            vocabulary=settings.vocabulary,
            max_length=settings.context + 1,
        )
        tokenizer.save_pretrained(folder / "tokenizer")
        streams = {}
        for index, (language, documents) in enumerate(split.train.documents.items()):
            name = f"tokens-{index:03d}.npy"
            streams[language] = asdict(_write_stream(folder / name, documents, tokenizer))
            streams[language]["path"] = name
        made = {"asked": asked, "vocabulary": len(tokenizer), "tags": 2 * len(texts), "streams": streams}
        write_json(file, made)
    return _opened(folder, made)


def document_starts(stream: Stream, bos_id: int) -> NDArray[np.int64]:
    """Where the documents of a stream begin, shape (documents,)."""
    ids = np.load(stream.path, mmap_mode="r")
    return np.flatnonzero(ids == bos_id)


def _asked(split: Split, settings: ExperimentSettings) -> dict[str, Any]:
    return {
        "text": {language: language_sha256(split.train, language) for language in split.train.languages},
        "tokenizer": settings.tokenizer,
        "vocabulary": settings.vocabulary,
        "context": settings.context,
    }


def _opened(folder: Path, made: dict[str, Any]) -> Prepared:
    streams = {
        language: Stream(**{**values, "path": str((folder / values["path"]).resolve())})
        for language, values in made["streams"].items()
    }
    return Prepared((folder / "tokenizer").resolve(), made["vocabulary"], made["tags"], streams)


def _write_stream(path: Path, documents: Sequence[Document], tokenizer: Any) -> Stream:
    kind = np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32
    ids = np.concatenate([np.asarray(each, dtype=kind) for each in _encoded(documents, tokenizer)])
    part = path.with_name(path.name + ".tmp")
    with part.open("wb") as file:
        np.save(file, ids)
    part.replace(path)
    size = sum(len(document.text.encode()) for document in documents)
    # Little-endian, whatever the machine, so that the digest is that of the ids.
    digest = sha256(ids.astype("<u4").tobytes()).hexdigest()
    return Stream(str(path), digest, len(ids), len(documents), size)


def _encoded(documents: Sequence[Document], tokenizer: Any) -> Iterator[list[int]]:
    for first in range(0, len(documents), _DOCUMENTS_AT_ONCE):
        texts = [document.text for document in documents[first : first + _DOCUMENTS_AT_ONCE]]
        yield from tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
