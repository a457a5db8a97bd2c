"""The report on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from interfere.report._kinds import report_kind
from interfere.results import Result


def terminal_report(result: Result, width: int = 80) -> str:
    """The report as plain text.

    Args:
        result: of any kind.
        width: cells a line may take; made for 80 or more, and no line is longer below that either.

    Returns:
        Lines without colour or control characters.
    """
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_terminal=False,
        force_interactive=False,
        force_jupyter=False,
        legacy_windows=False,
        highlight=False,
        _environ={},  # COLUMNS, FORCE_COLOR and their like must not change a text that is stored or compared
    )
    with console.capture() as captured:
        print_report(result, console)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def print_report(result: Result, console: Console) -> None:
    """Print the report on a console, in colour where it has any.

    Args:
        result: of any kind.
        console: where it goes; its width is kept to.
    """
    for part in report_kind(result).terminal(result, console.width):
        console.print(part, markup=False, highlight=False, emoji=False, soft_wrap=False)
