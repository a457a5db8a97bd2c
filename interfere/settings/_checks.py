"""Checks that settings share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interfere.errors import InputError


def require_at_least(options: Mapping[str, tuple[float, float]]) -> None:
    """Make sure that numbers are not too small.

    Args:
        options: name of the option → its value, and the least that it may be.

    Raises:
        InputError: one is too small; the message names the option.
    """
    for option, (value, least) in options.items():
        if value < least:
            raise InputError(f"--{option} {value}: give at least {least}")


def require_choice(option: str, choice: str, choices: Sequence[str]) -> None:
    """Make sure that a choice is one of those that there are.

    Raises:
        InputError: it is not; the message names the option.
    """
    if choice not in choices:
        raise InputError(f"--{option} {choice!r}: choose from {', '.join(choices)}")
