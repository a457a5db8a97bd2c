"""`interfere check`."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfere.errors import InputError, InterfereError, RunError

from ._options import OUT, OutputFormatOption
from ._shared import user_errors

if TYPE_CHECKING:
    from interfere.check import CheckReport
    from interfere.results import Result

_POLICY = Path("interfere-policy.toml")
_WHAT = "What is checked"
_CI = "Reports for CI"


def check(
    run: Annotated[Path, typer.Argument(help="A run directory of any kind.", show_default=False)],
    policy: Annotated[
        Path | None,
        typer.Option(
            help=f"The policy, a TOML file; with --init the file that is written (default: {_POLICY}).",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="An earlier run of the same analysis, for rules with change = true.",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None,
    init: Annotated[
        bool,
        typer.Option("--init", help="Write a commented policy that this run passes, and leave.", rich_help_panel=_WHAT),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option(help="Write JUnit XML there.", rich_help_panel=_CI, show_default=False),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            help='Write Markdown there, at most 1 MiB. "$GITHUB_STEP_SUMMARY" is added to, other files are replaced.',
            rich_help_panel=_CI,
            show_default=False,
        ),
    ] = None,
    annotations: Annotated[
        bool | None,
        typer.Option(
            help="Print GitHub annotations on standard error. Default: where GITHUB_ACTIONS is true.",
            rich_help_panel=_CI,
            show_default=False,
        ),
    ] = None,
    output_format: OutputFormatOption = "table",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --init: replace the policy.", rich_help_panel=OUT)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no report.", rich_help_panel=OUT)] = False,
) -> None:
    """Hold a run against a policy: exit code 0 if it passes, 1 if not, 2 if the policy or the run is wrong.

    Rules on any number or verdict of a run, with their uncertainty, and on what changed since a baseline. docs/check.md
    explains them.

    Example: interfere check run --init; interfere check run --policy interfere-policy.toml
    """
    with user_errors():
        if init:
            given = {"--baseline": baseline, "--junit": junit, "--summary": summary, "--annotations": annotations}
            for option, value in given.items():
                if value is not None:
                    raise InputError(f"--init writes a policy and checks nothing: leave {option} out")
            _write_draft(run, policy if policy is not None else _POLICY, overwrite=overwrite, quiet=quiet)
            return
        shown = os.environ.get("GITHUB_ACTIONS") == "true" if annotations is None else annotations
        with _told(junit, summary, shown=shown):
            if policy is None:
                raise InputError("--policy is missing: name a policy, or write one with --init")
            if overwrite:
                raise InputError("--overwrite is for --init: leave it out")
            for option, path in (("--junit", junit), ("--summary", summary)):
                _check_writable(option, path)
            report = _report(run, policy, baseline)
        _write_reports(report, junit, summary)
        _print(report, policy, output_format, shown=shown, quiet=quiet)
        if not report.passed:
            raise typer.Exit(1)


def _load(option: str, path: Path) -> Result:
    from interfere.results import load_result

    try:
        return load_result(path)
    except InputError as error:
        raise InputError(f"{option}: {error}" if option else str(error)) from error


def _report(run: Path, policy: Path, baseline: Path | None) -> CheckReport:
    from interfere.check import check_result, read_policy

    # The policy first: it takes no time, and a mistake in it is the most likely one.
    rules = read_policy(policy)
    earlier = None if baseline is None else _load("--baseline", baseline)
    return check_result(_load("", run), rules, earlier)


def _write_draft(run: Path, policy: Path, *, overwrite: bool, quiet: bool) -> None:
    from interfere.check import draft_policy

    if policy.exists() and not overwrite:
        raise InputError(f"--policy {policy} exists already; --overwrite replaces it, or name another file")
    _check_writable("--policy", policy)
    text = draft_policy(_load("", run), policy.name)
    _write("--policy", policy, text)
    if not quiet:
        from interfere.report import safe_text

        typer.echo(safe_text(f"Written to {policy}: read it, change what you know better, then"))
        typer.echo(safe_text(f"    interfere check {run} --policy {policy}"))


@contextmanager
def _told(junit: Path | None, summary: Path | None, *, shown: bool) -> Iterator[None]:
    """Say in every report that there is none, so that nobody takes an older one for this."""
    try:
        yield
    except InterfereError as error:
        from interfere.check import error_annotation, junit_error, markdown_error

        message = str(error)
        for path, text in ((junit, junit_error(message)), (summary, markdown_error(message))):
            if path is not None and path.parent.is_dir() and not path.is_dir():
                _add(path, text) if path == summary else _write("", path, text)
        if shown:
            typer.echo(error_annotation(message), err=True)
        raise


def _check_writable(option: str, path: Path | None) -> None:
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder; name a file")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}")


def _write_reports(report: CheckReport, junit: Path | None, summary: Path | None) -> None:
    from interfere.check import LIMIT, junit_xml, markdown_summary

    if junit is not None:
        _write("--junit", junit, junit_xml(report))
    if summary is not None:
        there = summary.stat().st_size if _is_step_summary(summary) and summary.is_file() else 0
        _add(summary, markdown_summary(report, LIMIT - there - 1))


def _is_step_summary(path: Path) -> bool:
    """Whether it is the file that GitHub collects a step's summary in, which other commands write to as well."""
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(named) and path.absolute() == Path(str(named)).absolute()


def _add(summary: Path, text: str) -> None:
    if not _is_step_summary(summary):
        _write("--summary", summary, text)
        return
    from interfere.check import LIMIT

    there = summary.stat().st_size if summary.is_file() else 0
    if not text or there + 1 + len(text.encode()) > LIMIT:
        # GitHub would drop all of it.
        return
    try:
        with summary.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")
    except OSError as error:
        raise RunError(f"--summary {summary}: {error.strerror}") from error


def _write(option: str, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{option} {path}: {error.strerror}") from error


def _print(report: CheckReport, policy: Path, output_format: str, *, shown: bool, quiet: bool) -> None:
    from interfere.check import annotation_lines, check_document, print_check

    if output_format == "json":
        typer.echo(json.dumps(check_document(report), indent=1))
    elif not quiet:
        from rich.console import Console

        # Between these two lines GitHub takes nothing that a run or a policy says for a command.
        token = secrets.token_hex(16)
        if shown:
            typer.echo(f"::stop-commands::{token}")
        print_check(report, Console())
        if shown:
            typer.echo(f"::{token}::")
    if shown:
        for line in annotation_lines(report, _in_repository(policy)):
            typer.echo(line, err=True)


def _in_repository(policy: Path) -> str | None:
    """The policy's path from the working directory, which in a workflow is the repository's root."""
    try:
        return policy.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (ValueError, OSError):
        return None
