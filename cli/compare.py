"""`interfere compare`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from interfere.errors import InputError

from ._options import OUT, OutputFormatOption, OverwriteOption
from ._shared import user_errors


def compare(
    run_a: Annotated[
        Path, typer.Argument(help="The run directory of the earlier checkpoint, or the baseline.", metavar="RUN_A")
    ],
    run_b: Annotated[
        Path,
        typer.Argument(
            help="The run directory of the later one: the same command with another --model.", metavar="RUN_B"
        ),
    ],
    output_dir: Annotated[
        Path, typer.Option(help="The run directory that is written; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-compare"),
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
) -> None:
    """Say what changed between two checkpoints, pair by pair and layer by layer, with intervals of the differences.

    Compares two runs of interfere gradients, importance or deltas that read the same text with the same settings, and
    refuses others with why. Reads neither the models nor the text. Writes a run directory with report.html,
    results.json, a CSV for each table and figures, and prints what changed.

    Example: interfere compare run-step-10000 run-step-20000 --output-dir changes
    """
    with user_errors():
        from interfere.comparison import compare_results
        from interfere.report import print_report, write_run
        from interfere.results import RunDirectory, load_result, result_document

        for run in (run_a, run_b):
            if output_dir.resolve() == run.resolve():
                raise InputError(f"--output-dir {output_dir} is one of the runs that are compared: name another folder")
        directory = RunDirectory.check(output_dir, overwrite=overwrite)
        runs = [load_result(run) for run in (run_a, run_b)]
        command = shlex.join(["interfere", *sys.argv[1:]])
        result = compare_results(runs[0], runs[1], names=(str(run_a), str(run_b)), command=command)
        directory.open()
        try:
            write_run(result, directory.path)
        except BaseException:
            # Nothing of it is worth keeping: it takes seconds to make again.
            directory.worth_resuming()
            raise
        written = directory.finish()
        if output_format == "json":
            typer.echo(json.dumps(result_document(result), ensure_ascii=False, indent=1))
            return
        from rich.console import Console

        console = Console()
        print_report(result, console)
        for line in (f"\nWritten to {written}", f"The report: {written / 'report.html'}"):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
