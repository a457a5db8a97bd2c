"""Documents, and the languages that they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True)
class Document:
    """One text of one language.

    Args:
        text: the text, stripped of surrounding white space.
        line: 1-based line (of the file) or row (of the dataset) that it came from.
        id: the name that the corpus gives it; documents of two languages with one id are translations.
        source: what it was taken from; documents of one source are never counted as independent.
        labels: of a labelled text its label, of a labelled sentence one for each of its words; else none.
        words: the words of a labelled sentence, which `text` joins by spaces; else none.
    """

    text: str
    line: int
    id: str | None = None
    source: str | None = None
    labels: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Corpus:
    """Documents per language, as read.

    Args:
        documents: language → its documents, in the order of the file; languages sorted.
        skipped: language → reason → how many documents were left out for it.
        origin: language → the file or dataset that its documents came from, for messages.
        lines: language → how many lines its file has, blank and skipped ones included.
    """

    documents: Mapping[str, tuple[Document, ...]]
    skipped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, sorted."""
        return tuple(self.documents)
