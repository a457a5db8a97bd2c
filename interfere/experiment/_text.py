"""Which documents are trained on, and which are held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from interfere.corpus import Corpus, Document, deal_slots
from interfere.errors import RunError

LITTLE_TEXT = 100_000
"""Bytes of training text of a language below which a model is likely to learn it by heart."""

_MOST_SLOTS = 20
"""Slots that a share is rounded to; each needs a document of its own in every language."""


@dataclass(frozen=True)
class Split:
    """A corpus in two.

    Args:
        train: what is trained on. Documents stand in a seeded order, translations at corresponding places, so that the
            first part of every language is about the same things.
        held_out: what is not. It shares no identity, source or text with `train`, in any language.
        warnings: sentences about what the split leaves too little of.
    """

    train: Corpus
    held_out: Corpus
    warnings: tuple[str, ...]


def split_text(corpus: Corpus, held_out: float, seed: int) -> Split:
    """Hold out documents of every language.

    Documents are dealt as analyses deal them into chunks: what shares an id, a line of aligned text, a source or a
    text, in one language or in several, stays on one side.

    Args:
        corpus: the documents of each language.
        held_out: share of the documents to hold out, rounded to a fraction of at most 20 equal parts.
        seed: of the deal.

    Raises:
        RunError: a language has too few documents that share nothing with each other.
    """
    share = Fraction(held_out).limit_denominator(_MOST_SLOTS)
    share = min(max(share, Fraction(1, _MOST_SLOTS)), 1 - Fraction(1, _MOST_SLOTS))
    try:
        deal = deal_slots(corpus, share.denominator - 1, seed)
    except RunError:
        raise _too_few(corpus, share) from None
    sides: dict[str, tuple[tuple[Document, ...], tuple[Document, ...]]] = {}
    for language in corpus.languages:
        slots = (deal.calibration[language], *deal.slots[language])
        kept, rest = slots[: share.numerator], slots[share.numerator :]
        sides[language] = _joined(rest), _joined(kept)
    warnings = [
        f"{language} has {_size(train)} bytes of training text, and below {LITTLE_TEXT} a model is likely to learn it "
        "by heart: what looks like interference or transfer may then be more or less overfitting"
        for language, (train, _) in sides.items()
        if _size(train) < LITTLE_TEXT
    ]
    return Split(
        train=replace(corpus, documents={language: train for language, (train, _) in sides.items()}),
        held_out=replace(corpus, documents={language: kept for language, (_, kept) in sides.items()}),
        warnings=tuple(warnings),
    )


def _joined(slots: tuple[tuple[Document, ...], ...]) -> tuple[Document, ...]:
    return tuple(document for slot in slots for document in slot)


def _size(documents: tuple[Document, ...]) -> int:
    return sum(len(document.text.encode()) for document in documents)


def _too_few(corpus: Corpus, share: Fraction) -> RunError:
    language = min(corpus.languages, key=lambda name: (len(corpus.documents[name]), name))
    return RunError(
        f"--held-out: holding out {share.numerator} of {share.denominator} equal parts needs {share.denominator} "
        f"documents in each language that share no source, id or text with each other, and a language has fewer "
        f"({language!r} has the fewest documents, {len(corpus.documents[language])}); give more text, or another share"
    )
