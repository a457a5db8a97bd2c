"""Collecting the documents of one language, whatever they are read from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from interfere.corpus._types import Document
from interfere.errors import InputError

BLANK = "blank"
REPEATED = "repeats an earlier document"


@dataclass
class Collector:
    """Takes the texts of one language in order, and keeps those that count as documents.

    Args:
        language: their language.
        origin: the file or dataset that they come from, for messages.
        unit: what the numbers count: lines, rows or texts.
    """

    language: str
    origin: str
    unit: str = "line"
    documents: list[Document] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    _seen: set[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=set)
    _ids: dict[str, Document] = field(default_factory=dict)

    def place(self, number: int) -> str:
        """Where a document is, for messages."""
        return f"{self.origin}, {self.unit} {number:,} (language {self.language!r})"

    def add(
        self,
        text: str,
        number: int,
        id: str | None = None,  # noqa: A002
        source: str | None = None,
        labels: tuple[str, ...] = (),
        words: tuple[str, ...] = (),
    ) -> None:
        """Take one text; a blank one, and one that is the same as an earlier one, is counted and left out.

        The same text with other labels is kept: that its labels contradict each other is a fact of the data.

        Args:
            text: the text.
            number: its 1-based line, row or position.
            id: its name in the corpus; a blank one counts as none.
            source: what it was taken from; a blank one counts as none.
            labels: of the text, or of each of its words.
            words: of a labelled sentence.

        Raises:
            InputError: the text is not Unicode, or its id already belongs to another text, or to other labels.
        """
        try:
            for value in (text, id, source):
                (value or "").encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{self.place(number)}: half of a surrogate pair (U+{ord(error.object[error.start]):04X}) is not text; "
                f"write the whole character."
            ) from error
        text = text.strip()
        id = id if id and id.strip() else None  # noqa: A001
        source = source if source and source.strip() else None
        if not text:
            self.skipped[BLANK] += 1
            return
        document = Document(text=text, line=number, id=id, source=source, labels=labels, words=words)
        if id is not None:
            first = self._ids.setdefault(id, document)
            if first.text != text:
                raise InputError(
                    f"{self.place(number)}: id {id!r} already belongs to another text, in {self.unit} {first.line:,}; "
                    f"an id must be unique within a language."
                )
            if first.labels != labels:
                raise InputError(
                    f"{self.place(number)}: id {id!r} already belongs to the same text with other labels, in "
                    f"{self.unit} {first.line:,}; an id must be unique within a language."
                )
        if (text, labels, words) in self._seen:
            self.skipped[REPEATED] += 1
            return
        self._seen.add((text, labels, words))
        self.documents.append(document)

    def finish(self) -> tuple[Document, ...]:
        """The documents.

        Raises:
            InputError: there is none.
        """
        if not self.documents:
            blank = self.skipped[BLANK]
            found = f"only blank {self.unit}s ({blank:,})" if blank else "it is empty"
            raise InputError(f"{self.origin} (language {self.language!r}) has no documents: {found}.")
        return tuple(self.documents)
