"""Which fonts a figure needs for the characters in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from matplotlib import font_manager, get_data_path
from matplotlib.font_manager import FontEntry
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"  # comes with matplotlib
_FACES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
# It has a numbered box for every character there is, and no letters.
_BOXES = "Last Resort"


def families(texts: Iterable[str]) -> list[str]:
    """Font families in which every character of some texts can be drawn, as far as fonts for them are installed.

    Args:
        texts: all that will be drawn.

    Returns:
        DejaVu Sans, then those that have what it lacks, then any sans-serif, for an SVG file that is shown where none
        of them is.
    """
    characters = {c for text in texts for c in text if not _invisible(c)}
    return [OWN, *_covering(frozenset(c for c in characters if not _own_has(c))), "sans-serif"]


def _invisible(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Zs") or "\ufe00" <= c <= "\ufe0f"


@cache
def _own_has(c: str) -> bool:
    return all(_has(str(Path(get_data_path(), "fonts", "ttf", face)), 0, c) for face in _FACES)


def _has(path: str, index: int, characters: Iterable[str]) -> set[str]:
    try:
        font = FT2Font(path, face_index=index)
        return {c for c in characters if font.get_char_index(ord(c))}
    except (OSError, RuntimeError, ValueError):  # bitmap fonts, damaged files, files that are gone
        return set()


@cache
def _covering(missing: frozenset[str]) -> tuple[str, ...]:
    """Families that have these characters: each time the one that has the most of what is still missing."""
    if not missing:
        return ()
    known = _best(missing, font_manager.fontManager.ttflist)
    left = missing - set().union(*known.values())
    if left:
        # matplotlib's list is made once and kept in a file: fonts installed since are not on it.
        listed = {entry.fname for entry in font_manager.fontManager.ttflist}
        for path in sorted(set(font_manager.findSystemFonts()) - listed):
            if _has(path, 0, left):
                font_manager.fontManager.addfont(path)
        known |= _best(missing, [e for e in font_manager.fontManager.ttflist if e.fname not in listed])
    chosen: list[str] = []
    left = missing
    while left and any(known[name] & left for name in known):
        chosen.append(min(known, key=lambda name: (-len(known[name] & left), _rank(name))))
        left = left - known[chosen[-1]]
    return tuple(chosen)


def _best(missing: frozenset[str], entries: Iterable[FontEntry]) -> dict[str, set[str]]:
    """Family → which of the characters its upright regular face has."""
    faces = {e.name: e for e in entries if e.style == "normal" and e.weight in (400, "normal", "regular")}
    named = {name: entry for name, entry in faces.items() if not name.startswith((_BOXES, OWN))}
    return {name: found for name, e in named.items() if (found := _has(e.fname, e.index, missing))}


def _rank(name: str) -> tuple[bool, bool, bool, str]:
    """Sans-serif before others, proportional before fixed width, simplified Chinese forms before other Han ones."""
    regional = re.search(r"\b(HK|TC|TW|KR)$", name) is not None
    return "Serif" in name or ("Sans" not in name and "Gothic" not in name), "Mono" in name, regional, name
