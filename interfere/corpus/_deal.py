"""Dealing a corpus into slots, the same for all languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from interfere.corpus._names import listed
from interfere.corpus._types import Corpus, Document
from interfere.corpus._units import Alignment, Unit, find_alignment, find_units
from interfere.errors import InputError, RunError

FEWEST_CHUNKS = 4
# Shares of a language are counted in whole numbers, since a sum of floats depends on the order of the languages.
_WHOLE = 1 << 40


@dataclass(frozen=True)
class Deal:
    """A corpus in slots.

    Args:
        slots: language → its part of each slot. What is in slot k of one language never shares an identity, a source or
            a text with another slot of any language. Documents stand in a seeded order, translations at corresponding
            places.
        calibration: language → its part of one more slot, for what must not be estimated on the slots themselves.
        alignment: how documents of different languages were matched: by ``id``, by ``line`` or by ``content``.
        units: language → how many independent units it has.
    """

    slots: Mapping[str, tuple[tuple[Document, ...], ...]]
    calibration: Mapping[str, tuple[Document, ...]]
    alignment: Alignment
    units: Mapping[str, int]


def deal_slots(corpus: Corpus, slots: int, seed: int) -> Deal:
    """Deal the documents of all languages into the same slots, and one more for calibration.

    Documents that share an identity, a source or a text, in one language or in several, are one unit and stay together.
    The identity is the ``id`` if every document has one; else the line number if all languages have equally many lines
    (unless the texts contradict it, see `find_alignment`); else the text itself. Units are dealt one by one in a random
    order, each to the slot that holds the smallest share of the documents of the unit's languages, the first of equals.

    The deal depends on the seed and the documents alone: not on the names or the order of languages, nor, unless
    documents are matched by line, on the order of lines.

    Args:
        corpus: the corpus.
        slots: how many slots, without the calibration slot.
        seed: of the order in which units are dealt, and of documents in their slot.

    Returns:
        The deal. No slot of any language is empty.

    Raises:
        InputError: fewer than one slot.
        RunError: a language has fewer units than slots, the calibration slot included.
    """
    if slots < 1:
        raise InputError(f"The number of chunks must be at least 1, not {slots}.")
    alignment = find_alignment(corpus)
    units = sorted(find_units(corpus, alignment), key=lambda unit: _draw(seed, "unit", unit.key))
    languages = list(corpus.documents)
    sizes = np.zeros((len(units), len(languages)), dtype=np.int64)
    for row, unit in enumerate(units):
        for column, language in enumerate(languages):
            sizes[row, column] = len(unit.documents.get(language, ()))
    counts = {language: int(np.count_nonzero(sizes[:, column])) for column, language in enumerate(languages)}
    _require_units(corpus, counts, slots)
    places = _assign(sizes, slots + 1)
    _fill_empty(sizes, places, slots + 1, languages)

    dealt = {language: _in_order(units, places, language, slots + 1, seed) for language in languages}
    return Deal(
        slots={language: parts[:slots] for language, parts in dealt.items()},
        calibration={language: parts[slots] for language, parts in dealt.items()},
        alignment=alignment,
        units=counts,
    )


def _draw(seed: int, purpose: str, key: str) -> bytes:
    """A random number for a thing, from the seed and what the thing is known by."""
    return sha256(f"{seed}/{purpose}/{key}".encode()).digest()


def _assign(sizes: NDArray[np.int64], slots: int) -> NDArray[np.int64]:
    """The slot of each unit, dealt in the order of the rows.

    Args:
        sizes: units × languages: the unit's documents in each language.
        slots: how many slots, the calibration slot (the last) included.
    """
    weights = _WHOLE // np.maximum(sizes.sum(axis=0), 1)
    held = np.zeros((slots, sizes.shape[1]), dtype=np.int64)
    places = np.zeros(len(sizes), dtype=np.int64)
    for row, size in enumerate(sizes):
        load = held @ np.where(size > 0, weights, 0)
        places[row] = np.argmin(load)
        held[places[row]] += size
    return places


def _fill_empty(sizes: NDArray[np.int64], places: NDArray[np.int64], slots: int, languages: list[str]) -> None:
    """Move units until every language has some in every slot; `places` is changed.

    Languages that share only some units can leave a slot of a small one empty though it has enough of them. Each move
    fills an empty slot and empties none, so this ends. Units are tried in their seeded order, whichever language they
    help, so that the order of languages has no part in it.
    """
    present = sizes > 0
    held = np.zeros((slots, sizes.shape[1]), dtype=np.int64)
    np.add.at(held, places, present.astype(np.int64))
    while not held.all():
        row, slot = _find_move(present, places, held)
        if row < 0:
            language = languages[int(np.argwhere(held == 0)[0, 1])]
            raise RunError(
                f"No deal found that gives language {language!r} text in each of {slots - 1} chunks and the "
                f"calibration slot while sources and translations stay together; use fewer --chunks or give more text."
            )
        held[places[row]] -= present[row]
        held[slot] += present[row]
        places[row] = slot


def _find_move(present: NDArray[np.bool_], places: NDArray[np.int64], held: NDArray[np.int64]) -> tuple[int, int]:
    """The first unit that can fill an empty slot without emptying its own, and that slot; (-1, -1) if there is none."""
    spare = (held[places] > 1) | ~present
    movable = spare.all(axis=1)
    for slot in np.flatnonzero((held == 0).any(axis=1)):
        helpful = present[:, held[slot] == 0].any(axis=1)
        rows = np.flatnonzero(movable & helpful)
        if len(rows):
            return int(rows[0]), int(slot)
    return -1, -1


def _in_order(
    units: list[Unit], places: NDArray[np.int64], language: str, slots: int, seed: int
) -> tuple[tuple[Document, ...], ...]:
    """A language's documents slot by slot, in an order that is the same for all languages.

    Items are shuffled one by one, not source by source: a chunk that takes only a part of its slot then still draws on
    many sources.
    """
    parts: list[list[tuple[bytes, str, tuple[str, ...], Document]]] = [[] for _ in range(slots)]
    for unit, place in zip(units, places, strict=True):
        for key, document in unit.documents.get(language, ()):
            parts[place].append((_draw(seed, "item", key), document.content, document.labels, document))
    return tuple(tuple(entry[3] for entry in sorted(part, key=lambda entry: entry[:3])) for part in parts)


def _require_units(corpus: Corpus, counts: Mapping[str, int], slots: int) -> None:
    """Check that every language has a unit for every slot."""
    short = sorted(
        (language for language in counts if counts[language] <= slots), key=lambda name: (counts[name], name)
    )
    if not short:
        return
    worst = short[0]
    found, documents = counts[worst], len(corpus.documents[worst])
    if found == documents:
        has = f"{found} document{'' if found == 1 else 's'}"
    else:
        has = f"{documents} documents, but only {found} that share no source, id or text,"
    left_out = dict(corpus.skipped.get(worst, {}))
    if left_out:
        has += " (left out: " + ", ".join(f"{count} for: {reason}" for reason, count in left_out.items()) + ")"
    elif documents == 1:
        has += " (a document is a line that ends with a line feed)"
    others = f" (too few as well: {listed(short[1:])})" if len(short) > 1 else ""
    if found > FEWEST_CHUNKS:
        remedy = f"use --chunks {found - 1} or fewer (at least {FEWEST_CHUNKS}), or give more text"
    else:
        remedy = (
            f"give more text: even --chunks {FEWEST_CHUNKS}, the fewest that give an interval, need {FEWEST_CHUNKS + 1}"
        )
    if len(short) < len(counts):
        remedy += "; or leave it out with --languages"
    raise RunError(
        f"Language {worst!r} has {has} where {slots} chunks and the calibration slot need {slots + 1}{others}; "
        f"{remedy}."
    )
