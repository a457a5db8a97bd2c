"""Cutting a text that is longer than a model reads into windows, so that every token is predicted once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Window:
    """A part of a text that is read at once.

    Args:
        start: its first token.
        end: its last token + 1.
        first: the first token that is predicted in it.
        last: the last token that is predicted in it, + 1; the others are context.
    """

    start: int
    end: int
    first: int
    last: int


def forward_windows(tokens: int, size: int, stride: int) -> list[Window]:
    """Windows for a model that reads from left to right.

    The first window predicts all of its tokens; each later one ends `stride` tokens after the last and predicts
    those, with `size` − `stride` tokens of context before the first of them at least.

    Args:
        tokens: of the text.
        size: tokens that are read at once.
        stride: new tokens of every window after the first.

    Returns:
        Windows whose predicted parts follow on one another; none for an empty text.
    """
    out = []
    done = 0
    while done < tokens:
        end = min(tokens, done + (stride if done else size))
        out.append(Window(max(0, end - size), end, done, end))
        done = end
    return out


def two_sided_windows(tokens: int, size: int, stride: int) -> list[Window]:
    """Windows for a model that reads in both directions.

    Windows start every `stride` tokens, the last one where it still is whole; a token is predicted in the window that
    has more context on its shorter side.

    Args:
        tokens: of the text.
        size: tokens that are read at once.
        stride: from the start of a window to that of the next, at most.
    """
    if tokens <= size:
        return [Window(0, tokens, 0, tokens)] if tokens else []
    starts = [*range(0, tokens - size, stride), tokens - size]
    # Where two windows overlap, the one on the left has the first half.
    cuts = [0, *((left + size + right) // 2 for left, right in pairwise(starts)), tokens]
    return [
        Window(start, start + size, first, last)
        for start, (first, last) in zip(starts, pairwise(cuts), strict=True)
        if first < last
    ]
