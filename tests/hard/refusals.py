"""What every refusal has in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TypeVar

from interfere.errors import InterfereError
from interfere.report import safe_text

_T = TypeVar("_T")
LONGEST = 1500
"""Characters of a message that is still one or two lines about one thing; paths of temporary folders are long."""


def result_or_refusal(work: Callable[[], _T]) -> _T | None:
    """What some work gives, or None where it refuses in one short message; any other exception is a failure."""
    try:
        return work()
    except InterfereError as error:
        message = str(error)
        assert message.strip()
        assert len(message) < LONGEST, message
        assert "Traceback" not in message
        assert harmless(safe_text(message)), ascii(message)
        return None


def harmless(text: str) -> bool:
    """Whether nothing in a text steers a terminal, starts a line or turns the direction of what is around it."""
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return not any(unicodedata.category(c) in hidden and c not in "\u200c\u200d" for c in text)
