"""Values as TOML has them."""

from __future__ import annotations

from collections.abc import Sequence

from interfere.errors import InputError
from interfere.report import safe_text


def toml_value(value: str | float | bool | Sequence[str]) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    if isinstance(value, int | float):
        return repr(float(value))
    return "[" + ", ".join(toml_value(each) for each in value) + "]"


def _escaped(c: str) -> str:
    if c in '"\\':
        return f"\\{c}"
    if 0xD800 <= ord(c) <= 0xDFFF:
        raise InputError(f"a language's name has the character U+{ord(c):04X}, which no TOML file can hold")
    # All that steers or hides, so that the file can be looked at in a terminal.
    return c if safe_text(c) == c else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"
