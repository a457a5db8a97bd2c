"""Names that were mistyped, in messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 12


def meant(word: str, known: Iterable[str]) -> str:
    """What a mistyped name should have been, as the end of a message: the nearest known one, else all of them."""
    names = sorted(set(known))
    near = get_close_matches(word, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {listed(names)}" if names else "there are none"


def listed(names: Iterable[object], most: int = _LISTED) -> str:
    """Names with commas between them; of many the first, and how many more."""
    shown = [str(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
