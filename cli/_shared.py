"""What the commands share: how they report errors and progress, and how they read lists and sizes."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from interfere.errors import InputError, InterfereError, RunError

from ._processes import process_count, process_number

if TYPE_CHECKING:
    from interfere.engine import Progress
    from interfere.results import RunDirectory

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_UNITS = {"": 1, "b": 1}
_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)}
_UNITS |= {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)}


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn errors into a message on standard error and an exit code."""
    try:
        yield
    except InterfereError as error:
        # What is wrong with the input is seen by every process, and what the first one decided is said by it.
        if process_number() == 0 or not (error.said or isinstance(error, InputError)):
            _complain(str(error), error)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        # A disk that is full or a folder that has gone; wrong paths are told apart where they are read.
        _complain(str(error), error)
        too_long = error.errno == errno.ENAMETOOLONG
        raise typer.Exit(InputError.exit_code if too_long else RunError.exit_code) from None
    except KeyboardInterrupt as error:
        _complain("interrupted", error)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def resumable(run: RunDirectory) -> Iterator[None]:
    """Note on an error or Ctrl-C that the run can be continued, if anything of it was finished."""
    try:
        yield
    except (InterfereError, OSError, KeyboardInterrupt) as error:
        if process_number() == 0 and run.worth_resuming():
            error.add_note(
                f"Finished chunks are kept in {run.path}: the same command with --resume continues from there."
            )
        raise


def _complain(message: str, error: BaseException) -> None:
    from interfere.report import safe_text

    who = f"interfere (process {process_number()})" if process_count() > 1 else "interfere"
    for line in (f"{who}: {message}", *getattr(error, "__notes__", ())):
        typer.echo(safe_text(line), err=True)


def split_list(text: str | None) -> list[str] | None:
    """`a,b` as a list; None stays None."""
    if text is None:
        return None
    return [item.strip() for item in text.split(",") if item.strip()]


def whole_number(text: str) -> int | None:
    """A whole number of at most 18 digits; None for anything else."""
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else None


def parse_batch_size(text: str) -> int | str:
    """A number of examples; other words as they are, for the settings to judge."""
    number = whole_number(text)
    return text if number is None else number


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """`0.5,1` as numbers.

    Raises:
        InputError: an item is none.
    """
    try:
        return tuple(float(item) for item in split_list(text) or [])
    except ValueError:
        raise InputError(f"{option} {text!r}: write numbers with commas between them, as in 0.5,1") from None


def parse_weights(text: str | None, option: str) -> dict[str, float] | None:
    """`en=0.7,de=0.3` as numbers by language.

    Raises:
        InputError: an item is not of that form.
    """
    if text is None:
        return None
    weights = {}
    for item in split_list(text) or []:
        name, equals, value = item.rpartition("=")
        try:
            weights[name] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"{option} {item!r}: write LANGUAGE=WEIGHT, as in en=0.7,de=0.3")
    return weights


def parse_bytes(text: str, option: str) -> int:
    """`2GiB`, `500MB` or a plain number of bytes.

    Raises:
        InputError: it is none of these.
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].lower() not in _UNITS:
        raise InputError(f"{option} {text!r}: write a size such as 2GiB or 500MB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show progress and the time left on standard error: a bar on a terminal, now and then a line elsewhere."""
    console = Console(stderr=True)
    if quiet:
        yield None
    elif not console.is_terminal:
        yield _progress_lines(console)
    else:
        from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        tasks: dict[str, TaskID] = {}
        with Bar(*columns, console=console) as bar:

            def show(progress: Progress) -> None:
                if progress.phase not in tasks:
                    tasks[progress.phase] = bar.add_task(progress.phase, total=progress.total)
                bar.update(tasks[progress.phase], completed=progress.done)

            yield show


def _progress_lines(console: Console) -> Callable[[Progress], None]:
    # A phase began when the one before it was last heard of: its first report comes after its first chunk.
    heard = time.monotonic()
    started: dict[str, float] = {}
    said: dict[str, int] = {}

    def show(progress: Progress) -> None:
        nonlocal heard
        began = started.setdefault(progress.phase, heard)
        heard = now = time.monotonic()
        tenth = 10 * progress.done // max(1, progress.total)
        if tenth > said.get(progress.phase, -1) and progress.done:
            said[progress.phase] = tenth
            left = (now - began) * (progress.total - progress.done) / progress.done
            console.print(
                f"{progress.phase}: {100 * progress.done // progress.total} %, {_duration(left)} left", markup=False
            )

    return show


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
