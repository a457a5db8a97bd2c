"""Running an analysis, writing its run directory, and printing what was found."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Protocol

import typer

from ._options import Format
from ._shared import progress_bar, resumable

if TYPE_CHECKING:
    from pathlib import Path

    from interfere.engine import ProgressCallback
    from interfere.ranks import Ranks
    from interfere.results import Result, RunDirectory


class Analysis(Protocol):
    """An analysis with all of its arguments but these."""

    def __call__(self, *, workdir: Path, progress: ProgressCallback | None, command: str) -> Result:
        """Run it."""


def analyze_and_show(run: RunDirectory, ranks: Ranks, analyze: Analysis, *, output_format: Format, quiet: bool) -> None:
    """Measure, write the run directory, and print what was found.

    Args:
        run: checked, not opened yet.
        ranks: the processes that share the work; the first one writes and prints.
        analyze: what is run.
        output_format: of what goes to standard output.
        quiet: without progress.
    """
    from interfere.report import print_report, write_run
    from interfere.results import result_document

    with resumable(ranks.decide(run.open)):
        with progress_bar(quiet=quiet or ranks.rank > 0) as progress:
            command = shlex.join(["interfere", *sys.argv[1:]])
            result = analyze(workdir=run.work, progress=progress, command=command)
        if ranks.rank > 0:
            return
        write_run(result, run.path)
        directory = run.finish()
    if output_format == "json":
        typer.echo(json.dumps(result_document(result), ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        console = Console()
        print_report(result, console)
        for line in (f"\nWritten to {directory}", f"The report: {directory / 'report.html'}"):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
