"""The errors that interfere raises on purpose, each with the exit code that the command line gives for it."""

from __future__ import annotations


class InterfereError(Exception):
    """Base of all errors that interfere raises on purpose; its text is one or two lines for the user."""

    exit_code = 3
    said = False
    """Whether another process of the same run tells the user."""


class InputError(InterfereError):
    """The command line or the input is wrong: an option, a file, a line, a language."""

    exit_code = 2


class RunError(InterfereError):
    """The run could not be done: the model does not load, memory or text does not suffice for the question."""

    exit_code = 3
