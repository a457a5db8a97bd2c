"""Reports of one or several runs: a page, a section of a model card, tables of a paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.report._html import Source, fitted_html
from interfere.report._joined import Run, joined_page, single_page
from interfere.report._kinds import report_kind
from interfere.report._latex import latex_report
from interfere.report._markdown import markdown_report
from interfere.report._page import Page
from interfere.report._write import Drawing, write_figures
from interfere.results import Result, load_result

ReportFormat = Literal["html", "markdown", "latex"]
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
Runs = Mapping[str, str | Path | Result] | Sequence[str | Path | Result]


def make_report(runs: Runs, format: ReportFormat = "html", *, title: str | None = None) -> str:  # noqa: A002
    """Join runs of any kind into one report.

    Args:
        runs: run directories or results, which may have names of their own as a mapping; a run directory is else named
            by its folder, and a result by its kind and number.
        format: `html`: a page that needs nothing but itself, below 5 MB; `markdown`: a section of a model card;
            `latex`: the main tables, for the package booktabs.
        title: of the page or section.

    Returns:
        The text of a file.

    Raises:
        InputError: no runs, one that is none or is damaged, the same one twice, another format, or more than fits.
        OSError: a run cannot be read.
    """
    if format not in get_args(ReportFormat):
        raise InputError(f"no report has the format {format!r}; there are {', '.join(get_args(ReportFormat))}")
    found = _results(runs)
    if format == "html":
        return _html(found, title)
    pages = {name: _checked(name, result) for name, result in found.items()}
    write = markdown_report if format == "markdown" else latex_report
    return write([Run(name, result, pages[name]) for name, result in found.items()], title)


def _html(found: Mapping[str, Result], title: str | None) -> str:
    with TemporaryDirectory() as folder:
        sources = []
        for number, (name, result) in enumerate(found.items()):
            _checked(name, result)
            sources.append(
                Source(name if len(found) > 1 else "", result, _drawn(name, result, Path(folder, f"{number}")))
            )

        def assemble(pages: Sequence[Page]) -> Page:
            own = [Run(*run, page) for run, page in zip(found.items(), pages, strict=True)]
            return joined_page(own, title) if len(own) > 1 else single_page(own[0], title)

        return fitted_html(sources, assemble)


def _checked(name: str, result: Result) -> Page:
    """The page of a run without figures."""
    kind = report_kind(result)
    try:
        return kind.page(result, [])
    except _DAMAGE as error:
        raise _damaged(name, result, error) from error


def _drawn(name: str, result: Result, folder: Path) -> list[Drawing]:
    try:
        return write_figures(result, folder)
    except _DAMAGE as error:
        raise _damaged(name, result, error) from error


def _damaged(name: str, result: Result, error: Exception) -> InputError:
    return InputError(
        f"{name}: no report of kind {result.kind} can be made of it: its tables are damaged, or another version of "
        f"interfere wrote them ({type(error).__name__}: {error})"
    )


def _results(runs: Runs) -> dict[str, Result]:
    """The results by name."""
    if isinstance(runs, str | Path | Result):
        raise InputError("runs: give a list, even of a single run")
    given = list(runs.items()) if isinstance(runs, Mapping) else [(None, run) for run in runs]
    if not given:
        raise InputError("no runs to report: name at least one run directory")
    paths = [None if isinstance(run, Result) else _directory(run) for _, run in given]
    _refuse_twice([path for path in paths if path is not None])
    shown = _names([path for path in paths if path is not None])
    out: dict[str, Result] = {}
    for number, ((name, run), path) in enumerate(zip(given, paths, strict=True), start=1):
        if isinstance(run, Result):
            out[name if name is not None else f"{run.kind} {number}"] = run
        else:
            assert path is not None
            out[name if name is not None else shown[path]] = load_result(run)
    return out


def _directory(run: str | Path) -> Path:
    path = Path(run).resolve()
    return path.parent if path.name == "results.json" else path


def _refuse_twice(paths: Sequence[Path]) -> None:
    twice = next((path for path, times in Counter(paths).items() if times > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is named twice: a report has each run once")


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Folders as they are called: by their last part, or as many as tell them apart."""
    out = {}
    for path in paths:
        names = [Path(*path.parts[-parts:]).as_posix() for parts in range(1, len(path.parts) + 1)]
        others = [other for other in paths if other != path]
        apart = (n for i, n in enumerate(names, start=1) if all(o.parts[-i:] != path.parts[-i:] for o in others))
        out[path] = next(apart, str(path))
    return out
