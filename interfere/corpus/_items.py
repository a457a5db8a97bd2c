"""What a label is given to: a text, or the words of a sentence."""

from __future__ import annotations

from dataclasses import dataclass

OUTSIDE = "O"
"""The tag of a word that is in no span."""


@dataclass(frozen=True)
class Item:
    """One thing that a prediction is made for and that intervals resample: a text, or a sentence.

    Args:
        words: the words of a sentence; of a text classification the text, as the only one.
        labels: one for each of `words`: tags such as `B-PER`, or the label of the text.
        line: 1-based line of its file, that of the first word in CoNLL.
        id: the name that its file gives it; items with one id are translations of each other.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...]
    line: int
    id: str | None = None
