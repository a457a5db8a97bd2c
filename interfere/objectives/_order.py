"""Random choices that depend on the text and on nothing else."""

from __future__ import annotations

from hashlib import sha256
from random import Random

from interfere.corpus import Document


def document_random(document: Document, seed: int, purpose: str) -> Random:
    """A source of random numbers seeded by (seed, hash of the content), never by the language's name or the line.

    Use its `random()` alone: Python promises the same stream for it in every version.
    """
    key = sha256(f"{purpose}\0{seed}\0{document.content}".encode()).digest()
    return Random(int.from_bytes(key, "big"))


def shuffled(count: int, source: Random) -> list[int]:
    """The numbers 0 to count − 1 in random order."""
    keys = [source.random() for _ in range(count)]
    return sorted(range(count), key=keys.__getitem__)
