"""Which documents belong together: translations, repeats and documents of one source are never dealt apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Literal

from interfere.corpus._types import Corpus, Document

Alignment = Literal["id", "line", "content"]

# Aligned text has a few sentences that stand on two lines ("Chapter 1", left untranslated once); text that is not
# aligned but has the same number of lines, such as a shuffled copy, contradicts its line numbers throughout.
_CONTRADICTIONS = 0.1


@dataclass(frozen=True)
class Unit:
    """Documents that must stay in one slot.

    Args:
        documents: language → its documents, each with the key of its item. An item is what is one document in each
            language (a sentence and its translations), and a unit has several where they share a source.
        key: what the unit is known by, whatever the languages' names and the order of their lines.
    """

    documents: dict[str, list[tuple[str, Document]]]
    key: str


def find_alignment(corpus: Corpus) -> Alignment:
    """How documents of different languages are matched.

    Returns:
        ``id`` if every document has one; else ``line`` if all languages have equally many lines, unless too many texts
        or ids stand on different lines in different languages (more than one for every ten lines); else ``content``.
    """
    documents = [document for values in corpus.documents.values() for document in values]
    if documents and all(document.id is not None for document in documents):
        return "id"
    counts = {corpus.lines.get(language) for language in corpus.documents}
    if len(counts) != 1 or None in counts:
        return "content"
    if any(len({document.line for document in values}) < len(values) for values in corpus.documents.values()):
        return "content"
    places: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for document in documents:
        places["text", document.text].add(document.line)
        if document.id is not None:
            places["id", document.id].add(document.line)
    moved = sum(len(lines) > 1 for lines in places.values())
    return "content" if moved > _CONTRADICTIONS * len({document.line for document in documents}) else "line"


def find_units(corpus: Corpus, alignment: Alignment) -> list[Unit]:
    """Group a corpus into its units: the connected components of "has the same identity, source or text".

    Args:
        corpus: the corpus.
        alignment: how documents are matched, from `find_alignment`.

    Returns:
        The units, sorted by key. Keys are made of ids where documents are matched by id, so that another language
        added to the corpus changes nothing for the others, and of texts elsewhere.
    """
    listing = [(language, document) for language, values in corpus.documents.items() for document in values]
    contents = [document.content for _, document in listing]
    items, units = _Groups(len(listing)), _Groups(len(listing))
    for index, ((_, document), content) in enumerate(zip(listing, contents, strict=True)):
        same: list[Hashable] = [("text", content)]
        if document.id is not None:
            same.append(("id", document.id))
        if alignment == "line":
            same.append(("line", document.line))
        items.join(index, same)
        units.join(index, [*same, *([("source", document.source)] if document.source is not None else [])])

    tokens: list[str] = contents
    if alignment == "id":
        tokens = [document.id or "" for _, document in listing]
    item_keys = {item: _key(tokens[index] for index in members) for item, members in items.members().items()}
    found = []
    for members in units.members().values():
        documents: dict[str, list[tuple[str, Document]]] = {}
        for index in members:
            language, document = listing[index]
            documents.setdefault(language, []).append((item_keys[items.root(index)], document))
        found.append(Unit(documents, _key(tokens[index] for index in members)))
    return sorted(found, key=lambda unit: unit.key)


def _key(tokens: Iterable[str]) -> str:
    """One string for a set of strings, the same for every order and number of repeats."""
    # Lengths keep the sets {"a", "b"} and {"ab"} apart.
    return "".join(f"{len(token)}:{token}" for token in sorted(set(tokens)))


class _Groups:
    """Union-find over the numbers below `size`, joined by shared labels."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))
        self._first: dict[Hashable, int] = {}

    def join(self, index: int, labels: Iterable[Hashable]) -> None:
        """Put a number together with all that have one of its labels."""
        for label in labels:
            other = self.root(self._first.setdefault(label, index))
            self._parents[other] = self.root(index)

    def root(self, index: int) -> int:
        """The number that stands for the group."""
        while self._parents[index] != index:
            # Halving the path keeps long chains of joins short.
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def members(self) -> dict[int, list[int]]:
        """The groups, each under the number that stands for it."""
        groups: dict[int, list[int]] = {}
        for index in range(len(self._parents)):
            groups.setdefault(self.root(index), []).append(index)
        return groups
