"""What stands on a page as plain text, for formats other than HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

from markupsafe import Markup

_VOID = {"br", "img", "hr"}


def plain(text: str, *, mark: Callable[[str], str] = str) -> str:
    """The words of a text of a page, without its elements and without what is there for the eye alone.

    Args:
        text: plain text, or `Markup`.
        mark: what is done to the names in it that have a direction of their own (`bdi`).
    """
    return lines(text, mark=mark)[0]


def lines(text: str, *, mark: Callable[[str], str] = str) -> list[str]:
    """A text of a page, and the items of the list below it, if there is one.

    Args:
        text: as of `plain`.
        mark: as of `plain`.
    """
    if not isinstance(text, Markup):
        return [text]
    reader = _Reader(mark)
    reader.feed(str(text))  # as Markup, it would escape what is added to it
    reader.close()
    return [" ".join(each.split(" ")).strip() for each in reader.lines]


def right_to_left(text: str) -> bool:
    """Whether some of it is written from right to left."""
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


class _Reader(HTMLParser):
    def __init__(self, mark: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [""]
        self._mark = mark
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "li":
            self.lines.append("")
        if tag not in _VOID:
            self._open.append((tag, ("aria-hidden", "true") in attrs))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self._open):
            self.lines[-1] += self._mark(data) if any(tag == "bdi" for tag, _ in self._open) else data
