"""Which report a result has: one entry for each kind of analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import RenderableType

from interfere.errors import InputError
from interfere.report import (
    _comparison_glossary,
    _deltas_glossary,
    _experiment_glossary,
    _glossary,
    _importance_glossary,
    _tasks_glossary,
    _trajectory_glossary,
)
from interfere.report._comparison_findings import comparison_findings
from interfere.report._comparison_terminal import comparison_parts
from interfere.report._deltas_findings import deltas_findings
from interfere.report._deltas_terminal import deltas_parts
from interfere.report._experiment_findings import experiment_findings
from interfere.report._experiment_terminal import experiment_parts
from interfere.report._findings import gradients_findings
from interfere.report._gradients_terminal import gradients_parts
from interfere.report._importance_findings import importance_findings
from interfere.report._importance_terminal import importance_parts
from interfere.report._tasks_findings import tasks_findings
from interfere.report._tasks_terminal import tasks_parts
from interfere.report._trajectory_findings import trajectory_findings
from interfere.report._trajectory_terminal import trajectory_parts
from interfere.results import Result

if TYPE_CHECKING:
    from interfere.report._figure import Drawn
    from interfere.report._page import Page, Picture


@dataclass(frozen=True)
class ReportKind:
    """What a report of one kind of result is made of.

    Args:
        findings: sentences, the most important first.
        terminal: what is printed, given the cells of a line.
        figures: the pictures, drawn one by one.
        page: the page, given the pictures with their metrics or methods.
        reading: kind of figure → how it is read.
        main: what the headings begin with under which a page has the tables that a model card or a paper shows; none:
            its first table.
        brief: how to read these in a sentence or two, as plain text.
    """

    findings: Callable[[Result], list[str]]
    terminal: Callable[[Result, int], Iterator[RenderableType]]
    figures: Callable[[Result], Iterator[Drawn]]
    page: Callable[[Result, Sequence[tuple[str, Picture]]], Page]
    reading: Mapping[str, str]
    main: Sequence[str] = ()
    brief: Sequence[str] = ()


# What draws and writes pages is imported where it is used: tables on a terminal do without.
def _gradients_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._gradients_figures import gradients_figures

    return gradients_figures(result)


def _importance_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._importance_figures import importance_figures

    return importance_figures(result)


def _deltas_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._deltas_figures import deltas_figures

    return deltas_figures(result)


def _experiment_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._experiment_figures import experiment_figures

    return experiment_figures(result)


def _tasks_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._tasks_figures import tasks_figures

    return tasks_figures(result)


def _comparison_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._comparison_figures import comparison_figures

    return comparison_figures(result)


def _gradients_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._gradients_page import gradients_page

    return gradients_page(result, pictures)


def _importance_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._importance_page import importance_page

    return importance_page(result, pictures)


def _deltas_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._deltas_page import deltas_page

    return deltas_page(result, pictures)


def _experiment_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._experiment_page import experiment_page

    return experiment_page(result, pictures)


def _tasks_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._tasks_page import tasks_page

    return tasks_page(result, pictures)


def _trajectory_figures(result: Result) -> Iterator[Drawn]:
    from interfere.report._trajectory_figures import trajectory_figures

    return trajectory_figures(result)


def _trajectory_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._trajectory_page import trajectory_page

    return trajectory_page(result, pictures)


def _comparison_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    from interfere.report._comparison_page import comparison_page

    return comparison_page(result, pictures)


_KINDS = {
    "gradients": ReportKind(
        gradients_findings,
        gradients_parts,
        _gradients_figures,
        _gradients_page,
        _glossary.READING,
        ("Pairs",),
        _glossary.BRIEF,
    ),
    "importance": ReportKind(
        importance_findings,
        importance_parts,
        _importance_figures,
        _importance_page,
        _importance_glossary.READING,
        ("Own units", "Specificity"),
        _importance_glossary.BRIEF,
    ),
    "deltas": ReportKind(
        deltas_findings,
        deltas_parts,
        _deltas_figures,
        _deltas_page,
        _deltas_glossary.READING,
        ("Differences", "Worth"),
        _deltas_glossary.BRIEF,
    ),
    "experiment": ReportKind(
        experiment_findings,
        experiment_parts,
        _experiment_figures,
        _experiment_page,
        _experiment_glossary.READING,
        ("Predicted at full length", "Differences", "The longest short runs"),
        _experiment_glossary.BRIEF,
    ),
    "tasks": ReportKind(
        tasks_findings,
        tasks_parts,
        _tasks_figures,
        _tasks_page,
        _tasks_glossary.READING,
        ("Differences", "Scores within"),
        _tasks_glossary.BRIEF,
    ),
    "trajectory": ReportKind(
        trajectory_findings,
        trajectory_parts,
        _trajectory_figures,
        _trajectory_page,
        _trajectory_glossary.READING,
        ("Checkpoints", "Changes"),
        _trajectory_glossary.BRIEF,
    ),
    "comparison": ReportKind(
        comparison_findings,
        comparison_parts,
        _comparison_figures,
        _comparison_page,
        _comparison_glossary.READING,
        ("Corrected cosine", "Δ to the monolingual model", "Rank overlap"),
        _comparison_glossary.BRIEF,
    ),
}


def report_kind(result: Result) -> ReportKind:
    """The report that a result has.

    Raises:
        InputError: none is made of this kind of result.
    """
    if result.kind not in _KINDS:
        raise InputError(f"no report is made of results of kind {result.kind!r}, only of {', '.join(_KINDS)}")
    return _KINDS[result.kind]


def findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    Warnings are not repeated.

    Args:
        result: of any kind.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.

    Raises:
        InputError: no report is made of this kind of result.
    """
    return report_kind(result).findings(result)
