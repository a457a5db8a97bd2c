"""Two results of one kind, compared."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pandas as pd

from interfere.comparison._agreement import (
    agreement_warnings,
    common_languages,
    reasons_against,
    recorded_differences,
)
from interfere.comparison._columns import MARGINS
from interfere.comparison._deltas import delta_changes
from interfere.comparison._families import ALPHA
from interfere.comparison._gradients import gradient_changes
from interfere.comparison._importance import importance_changes
from interfere.errors import InputError
from interfere.results import Result

_Tables = tuple[dict[str, pd.DataFrame], list[str]]

_COMPARE: Mapping[str, Callable[[Result, Result], _Tables]] = {
    "gradients": gradient_changes,
    "importance": importance_changes,
    "deltas": delta_changes,
}

_FACTS = ("id", "revision", "architecture", "parameters", "weights_sha256")


def compare_results(a: Result, b: Result, *, names: tuple[str, str] | None = None, command: str = "") -> Result:
    """What changed from one run to another: the same analysis of the same text with another checkpoint.

    Every difference is b − a, with an interval that takes into account that both runs read the same text: slots (kinds
    `gradients` and `importance`) or documents (kind `deltas`) are left out of both runs at once.

    Args:
        a: the earlier run, or the baseline.
        b: the later one.
        names: what the two runs are called, such as their folders; default: their models' ids.
        command: how it was asked for.

    Returns:
        A result of kind `comparison`. Its table `changes` has the columns `CHANGE_COLUMNS` and one row per number that
        both runs have; `verdict_changes` the columns `VERDICT_CHANGE_COLUMNS` and one row per verdict that is another
        one in `b`. `model` names both checkpoints, `settings` says what was compared and what differs, and `warnings`
        names what only one of the runs has.

    Raises:
        InputError: the runs cannot be compared; the message gives every reason.
    """
    called = names or (str(a.model.get("id")), str(b.model.get("id")))
    try:
        reasons = reasons_against(a, b)
        if reasons:
            raise InputError(f"{called[0]} and {called[1]} cannot be compared: {'; '.join(reasons)}")
        tables, warnings = _COMPARE[a.kind](a, b)
    except (KeyError, IndexError, AttributeError) as error:
        raise InputError(
            f"{called[0]} and {called[1]} cannot be compared: one lacks what runs of kind {a.kind} have: {error}"
        ) from error
    languages = common_languages(a, b)
    return Result(
        kind="comparison",
        languages=languages,
        tables=tables,
        model={
            "id": f"{a.model.get('id')} → {b.model.get('id')}",
            "objective": a.settings.get("objective", a.model.get("objective")),
            **{f"{fact}_before": a.model.get(fact) for fact in _FACTS},
            **{f"{fact}_after": b.model.get(fact) for fact in _FACTS},
        },
        data={language: dict(a.data[language]) for language in languages},
        settings={
            "compared": a.kind,
            "before": called[0],
            "after": called[1],
            **_chosen(a, b),
            "confidence": 0.95,
            "alpha": ALPHA,
            "margins": _margins(a, tables["changes"]),
            "differences": recorded_differences(a, b),
        },
        environment=_environment(),
        warnings=[*agreement_warnings(a, b), *warnings, *_own_warnings(a, b, called)],
        command=command,
    )


def _chosen(a: Result, b: Result) -> dict[str, Any]:
    """What the runs have in common, where it is needed to read the tables."""
    keys = ("chunks", "scope", "granularity", "documents", "top")
    out = {key: a.settings[key] for key in keys if key in a.settings}
    for key in ("metrics", "methods"):
        if key in a.settings:
            out[key] = [each for each in a.settings[key] if each in b.settings[key]]
    return out


def _margins(a: Result, changes: pd.DataFrame) -> dict[str, float]:
    own = {"corrected": a.settings["margin"], "cosine": a.settings["margin"]} if "margin" in a.settings else {}
    margins = {**MARGINS, **(own if a.kind == "gradients" else {})}
    return {name: float(margins[name]) for name in dict.fromkeys(changes["quantity"])}


def _own_warnings(a: Result, b: Result, names: tuple[str, str]) -> list[str]:
    """That the runs have warnings, which are not repeated."""
    counts = {name: len(run.warnings) for name, run in zip(names, (a, b), strict=True) if run.warnings}
    return [f"Of its own, {name} has {n} warning{'s' * (n > 1)}: see its report." for name, n in counts.items()]


def _environment() -> dict[str, Any]:
    packages = ("interfere-nlp", "numpy", "scipy", "pandas")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{package: version(package) for package in packages},
    }
