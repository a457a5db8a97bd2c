"""Words of a text, whatever a tokenizer does to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # Han, here and below
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Scripts that put no space between words: there, each letter with its marks counts as a word."""


def word_spans(text: str) -> list[tuple[int, int]]:
    """(first, last + 1) character of each word.

    Words are runs of letters and digits with their marks, runs of other signs, and single letters, with their marks,
    of scripts that put no space between words.
    """
    out: list[tuple[int, int]] = []
    before = "space"
    for position, character in enumerate(text):
        kind = _kind(character)
        if kind == "mark":
            # A mark belongs to the letter before it.
            kind = before if before in ("letter", "single") else "letter"
            goes_on = kind == before
        else:
            goes_on = kind == before and kind in ("letter", "sign")
        if kind != "space":
            if goes_on:
                out[-1] = (out[-1][0], position + 1)
            else:
                out.append((position, position + 1))
        before = kind
    return out


def _kind(character: str) -> str:
    if character.isspace():
        return "space"
    if unicodedata.category(character).startswith("M"):
        return "mark"
    if not (character.isalnum() or character == "_"):
        return "sign"
    code = ord(character)
    return "single" if any(first <= code <= last for first, last in _UNSPACED) else "letter"


def words_of_tokens(text: str, spans: Sequence[tuple[int, int]]) -> list[int]:
    """The word that each token belongs to, as the number of the word's first token.

    Words that one token touches count as one, and so do tokens that touch one word. A token that touches no word
    (white space alone) is a word of its own.

    Args:
        text: the text.
        spans: characters of each token, in order.
    """
    words = word_spans(text)
    out: list[int] = []
    reached = -1  # the last word that the tokens so far touch
    position = 0
    for token, (start, end) in enumerate(spans):
        while position < len(words) and words[position][1] <= start:
            position += 1
        touched = position
        while touched < len(words) and words[touched][0] < end:
            touched += 1
        last = touched - 1
        joins = bool(out) and last >= position and position <= reached
        out.append(out[-1] if joins else token)
        reached = max(reached, last)
    return out
