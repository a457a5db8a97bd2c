"""`interfere report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfere.errors import InputError

from ._shared import user_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

ReportFormat = Literal["html", "markdown", "latex"]
_DEFAULT = Path("interfere-report.html")


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run directories of any kind.", show_default=False)],
    report_format: Annotated[
        ReportFormat,
        typer.Option(
            "--format",
            help="html: a page for the browser. markdown: a section for a model card. latex: tables for a paper.",
        ),
    ] = "html",
    output: Annotated[
        Path | None,
        typer.Option(
            help=f"The file to write. Default: {_DEFAULT} for html, and standard output for markdown and latex.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the page or section.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Join runs into one report: a page to send around, a section of a model card, or tables for a paper.

    Needs neither the models nor the network.

    Example: interfere report first-look importance deltas --output languages.html

    For a model card: interfere report run --format markdown >> README.md
    """
    with user_errors():
        file = _DEFAULT if output is None and report_format == "html" else output
        if file is not None:
            _check(file, runs, overwrite=overwrite)
        elif overwrite:
            raise InputError("--overwrite needs --output: without it nothing is written to a file")

        from interfere.report import make_report

        text = make_report(runs, report_format, title=title)
        if file is None:
            typer.echo(text, nl=False)
        else:
            file.write_text(text, encoding="utf-8", newline="\n")
            typer.echo(f"Written to {file}", err=True)


def _check(file: Path, runs: Sequence[Path], *, overwrite: bool) -> None:
    """See that the report can be written there, before anything is read."""
    if file.is_dir():
        raise InputError(f"--output {file} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise InputError(f"--output {file}: the folder {file.parent} does not exist")
    if file.exists() and not overwrite:
        raise InputError(f"{file} exists already; name another file with --output, or give --overwrite")
    inside = next((run for run in runs if run.is_dir() and file.resolve().parent == run.resolve()), None)
    if inside is not None:
        raise InputError(f"--output {file} is inside the run {inside}, whose files are its own; name a place outside")
