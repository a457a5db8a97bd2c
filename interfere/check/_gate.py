"""Whether a run is whole enough to be judged at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from interfere.check._names import listed, meant
from interfere.check._policy import RunDemands
from interfere.check._quantities import INTERVALS, LANGUAGES, MAIN
from interfere.check._verdict import Level
from interfere.errors import InputError
from interfere.results import Result


@dataclass(frozen=True)
class Finding:
    """Something to say of the run as a whole.

    Args:
        level: whether it fails the check.
        text: a sentence.
    """

    level: Level
    text: str


def run_findings(result: Result, demands: RunDemands, baseline: Result | None = None) -> list[Finding]:
    """What is wrong with a run as a whole, before any rule is looked at.

    A run that has no number for one of its languages fails: its gradients or losses were not finite, or its text did
    not suffice, and no rule would see what is not there.

    Args:
        result: the run.
        demands: what the policy wants of it.
        baseline: what it is compared with.

    Raises:
        InputError: it is of another kind than the policy is for, or damaged.
    """
    if result.kind not in MAIN:
        raise InputError(f"runs of kind {result.kind!r} cannot be checked, only {listed(MAIN)}")
    if demands.kind is not None and demands.kind != result.kind:
        known = "" if demands.kind in MAIN else f"; {meant(demands.kind, MAIN)}"
        raise InputError(f"the policy has [run] kind = {demands.kind!r}, and the run is of kind {result.kind!r}{known}")
    out = [Finding("error", text) for text in _missing(result, demands, baseline)]
    if demands.warnings != "ignore":
        level: Level = "error" if demands.warnings == "error" else "warning"
        out += [Finding(level, line) for line in result.warnings]
    return out


def _missing(result: Result, demands: RunDemands, baseline: Result | None) -> Iterable[str]:
    table, quantity = MAIN[result.kind]
    if table not in result.tables or quantity not in result.tables[table].columns:
        raise InputError(f"the run has no {quantity!r} in a table {table!r}: it is damaged")
    for name, intervals in INTERVALS[result.kind].items():
        frame = result.tables.get(name)
        for column, interval in intervals.items() if frame is not None and len(frame) else ():
            gone = [each for each in (interval.low, interval.high) if each not in frame.columns]  # type: ignore[union-attr]
            if column in frame.columns and gone:  # type: ignore[union-attr]
                raise InputError(f"the run has no {gone[0]!r} in its table {name!r}: it is damaged")
    frame = result.tables[table]
    if not result.languages or not len(frame):
        yield "the run is empty: no language was measured"
        return
    for language in demands.languages:
        if language not in result.languages:
            yield f"the run lacks the language {language!r}, which [run] languages asks for"
    for language in baseline.languages if baseline is not None else ():
        if language not in result.languages:
            yield f"the run lacks the language {language!r}, which the baseline has"
    good = pd.to_numeric(frame[quantity], errors="coerce").map(math.isfinite).to_numpy(dtype=bool)
    columns = next((names for names in LANGUAGES if set(names) <= set(frame.columns)), ())
    if columns:
        known = {name for column in columns for name in frame.loc[good, column]}
        for language in result.languages:
            if language not in known:
                yield f"{language} has no numbers{_why(result, language)}"
    elif not good.any():
        yield "the run has no number at all"


def _why(result: Result, language: str) -> str:
    """The run's own words on a language without numbers."""
    mark = f"{language} has no numbers: "
    found = next((line.removeprefix(mark) for line in result.warnings if line.startswith(mark)), None)
    return f": {found.rstrip('.')}" if found else ""
