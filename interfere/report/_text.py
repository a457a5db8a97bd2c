"""Text for people: untrusted names made harmless, names that fit, numbers as they are printed."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"
UNKNOWN = "–"
MAX_NAME = 64
Keep = Literal["start", "both", "end"]

_JOINERS = "\u200c\u200d"  # Persian and the Indic scripts need them inside words
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def safe_text(text: object) -> str:
    """A text of unknown origin that can be shown: nothing in it steers the terminal or reorders what is around it.

    Control and format characters (escape sequences, bidirectional controls, zero-width marks), lone surrogates, line
    separators and what XML cannot hold become U+FFFD; tabs and line breaks become spaces. Markup is the caller's
    business: pass the text as `rich.text.Text`, escape it in HTML, give `parse_math=False` to matplotlib.

    Args:
        text: anything; what is not a string is turned into one.
    """
    return "".join(_safe_character(c) for c in str(text))


def _safe_character(c: str) -> str:
    if c in "\t\n\r":
        return " "
    if c in _JOINERS:
        return c
    never_a_character = (ord(c) & 0xFFFE) == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF
    return "\ufffd" if unicodedata.category(c) in _HIDDEN or never_a_character else c


def shorten(text: str, width: int, *, keep: Keep = "start") -> str:
    """A text cut to at most `width` terminal cells, with … where something is missing.

    Args:
        text: one line.
        width: cells, at least 1; East Asian wide characters take two.
        keep: which part stays: the start, the end (tensors and paths differ there), or both, cutting the middle.
    """
    if cell_len(text) <= width:
        return text
    room = max(width - 1, 0)
    ending = {"start": 0, "both": room // 2, "end": room}[keep]
    tail = ""
    for c in reversed(text):
        if cell_len(c + tail) > ending:
            break
        tail = c + tail
    while tail and unicodedata.combining(tail[0]):
        tail = tail[1:]
    head = "" if keep == "end" else set_cell_size(text, room - cell_len(tail)).rstrip()
    return head + ELLIPSIS + tail


def short_names(names: Iterable[str], width: int, *, keep: Keep = "start") -> dict[str, str]:
    """Harmless, short and different forms of several names.

    Args:
        names: the names as they are in the result.
        width: cells that each may take.
        keep: as in `shorten`.

    Returns:
        Name → what is shown for it. Names that would look the same are cut in the middle, and numbered if need be.
    """
    width = min(width, MAX_NAME)
    ordered = sorted(set(names))
    shown = {name: shorten(safe_text(name), width, keep=keep) for name in ordered}
    counts = Counter(shown.values())
    shown = {n: s if counts[s] == 1 else shorten(safe_text(n), width, keep="both") for n, s in shown.items()}
    taken: set[str] = set()
    for name in ordered:
        plain, copy = shown[name], 1
        while shown[name] in taken:
            copy += 1
            suffix = f"~{copy}"
            shown[name] = shorten(plain.replace(ELLIPSIS, ""), max(width - len(suffix), 1)) + suffix
        taken.add(shown[name])
    return shown


def number(value: float, digits: int = 2) -> str:
    """A number with fixed digits; – where it is unknown, and never -0.00."""
    if not math.isfinite(value):
        return UNKNOWN
    out = f"{value:.{digits}f}"
    return out.removeprefix("-") if float(out) == 0 else out


def cosine(value: float) -> str:
    """A cosine as it is printed: two digits, clipped to [-1, 1]."""
    return number(min(1.0, max(-1.0, value)) if math.isfinite(value) else value)


def probability(value: float) -> str:
    """A p or q value; small ones as a bound."""
    return "<0.001" if value < 0.001 else number(value, 3)


def count(value: float) -> str:
    """A count with thousands separated."""
    return f"{round(value):,}" if math.isfinite(value) else UNKNOWN


def share(value: float) -> str:
    """A share as a percentage, with a digit behind the point where it is small."""
    return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"


def about(value: float) -> str:
    """A positive estimate, rounded up to two significant digits: 12,345 is about 13,000."""
    unit = 10.0 ** max(math.floor(math.log10(value)) - 1, 0) if value > 0 else 1.0
    return f"{math.ceil(round(value / unit, 6)) * unit:,.0f}"


def file_names(names: list[str]) -> dict[str, str]:
    """Name → what it is called in a file name: results.json may come from anyone, and a metric is no path."""
    out: dict[str, str] = {}
    for name in names:
        plain = stem = re.sub(r"[^\w-]", "_", name)[:80]
        copy = 1
        while plain in out.values():
            copy += 1
            plain = f"{stem}-{copy}"
        out[name] = plain
    return out


def predictions(objective: object) -> str:
    """What the predictions of a loss are called, where they are counted."""
    return "labels" if str(objective).endswith("-classification") else "predicted tokens"
