"""From the results of single checkpoints to one of the whole training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from interfere.errors import InputError
from interfere.results import Result
from interfere.trajectory._changes import change_table
from interfere.trajectory._points import TrainingPoint, step_of

_SAME = ("objective", "max_length", "dtype", "gram", "sketch_size", "scope", "granularity", "metrics", "alignment")
"""Settings of a run, some of them chosen by it, that all checkpoints must share."""

_OWN = ("adam_state", "batch_size", "device", "gradient_checkpointing", "loss_path", "loss_path_reason")
"""Settings that each checkpoint has its own of, and that change nothing but rounding."""

_VERSIONS = ("interfere-nlp", "torch", "transformers")
_NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Measured:
    """A checkpoint with its result.

    Args:
        point: which one; its step is known.
        result: of kind `gradients`, with its Gram matrices.
        second_moments: where those of the `adam` metric came from; "" without that metric.
        seconds: how long it took, where that was measured.
    """

    point: TrainingPoint
    result: Result
    second_moments: str = ""
    seconds: float = float("nan")


def join_runs(runs: Sequence[Measured], command: str, settings: Mapping[str, Any] | None = None) -> Result:
    """Put the results of checkpoints together.

    q-values and verdicts are those of each checkpoint: their families are its own pairs, and do not grow with the
    number of checkpoints.

    Args:
        runs: in any order, one at least.
        command: how it was asked for.
        settings: to be recorded beside those of the runs.

    Raises:
        InputError: the runs did not read the same text in the same way, or are not of one model.
    """
    runs = sorted(runs, key=lambda run: step_of(run.point))
    points, results = [run.point for run in runs], [run.result for run in runs]
    for run in runs[1:]:
        if reason := _unlike(runs[0].result, run.result):
            raise InputError(
                f"checkpoint {run.point.name!r} cannot be set beside {runs[0].point.name!r}: {reason} is another one"
            )
    first, last = results[0], results[-1]
    recorded = {key: value for key, value in last.settings.items() if key not in _OWN}
    sources = sorted({run.second_moments for run in runs} - {""})
    return Result(
        kind="trajectory",
        languages=list(first.languages),
        tables={
            "pairs": _stacked(points, [result.pairs for result in results]),
            "self": _stacked(points, [result.self_similarity for result in results]),
            "groups": _stacked(points, [result.groups for result in results]),
            "checkpoints": _checkpoints(runs),
            "changes": change_table(points, results),
        },
        model={
            "id": _common_name(points, last),
            "revision": None,
            "architecture": last.model["architecture"],
            "objective": last.model["objective"],
            "parameters": last.model["parameters"],
        },
        data=last.data,
        settings={**recorded, "second_moments": ", ".join(sources) or None, **(settings or {})},
        environment=last.environment,
        warnings=[*_mixed(runs), *_shared_warnings(points, results)],
        command=command,
    )


def _unlike(one: Result, other: Result) -> str:
    """The first thing in which two runs differ that they must share; "" if there is none."""
    if list(one.languages) != list(other.languages):
        return "the set of languages"
    for key in ("architecture", "parameters"):
        if one.model[key] != other.model[key]:
            return f"the model's {'class' if key == 'architecture' else 'number of parameters'}"
    for key in _SAME:
        if one.settings.get(key) != other.settings.get(key):
            return key
    columns = ["language", "slot", "documents", "tokens", "lines"]
    if not one.chunks[columns].astype(str).equals(other.chunks[columns].astype(str)) and not _failed(one, other):
        return "the text of its chunks"
    return ""


def _failed(*runs: Result) -> bool:
    """Whether a language of any of them has no numbers: its chunks are then not counted."""
    return any(bool(pd.to_numeric(run.chunks["loss"], errors="coerce").isna().any()) for run in runs)


def _stacked(points: Sequence[TrainingPoint], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # Rows, since columns without a single number would make pandas guess a type.
    rows = [
        {"step": point.step, "checkpoint": point.name, **row}
        for point, table in zip(points, tables, strict=True)
        for row in table.to_dict(orient="records")
    ]
    return pd.DataFrame(rows, columns=["step", "checkpoint", *tables[0].columns])


def _checkpoints(runs: Sequence[Measured]) -> pd.DataFrame:
    """One row per checkpoint: what it is, and its verdicts over all parameters in the main metric."""
    rows = []
    for run in runs:
        metric = run.result.settings["metrics"][0]
        body = run.result.pairs[(run.result.pairs["group"] == "body") & (run.result.pairs["metric"] == metric)]
        own = run.result.self_similarity
        loss = own[(own["group"] == "body") & (own["metric"] == metric)]["loss"]
        rows.append(
            {
                "step": run.point.step,
                "checkpoint": run.point.name,
                "step_from": run.point.step_from,
                "model": run.point.model,
                "revision": run.result.model["revision"] or run.point.revision,
                "weights_sha256": run.result.model["weights_sha256"] or None,
                "second_moments": run.second_moments,
                "loss": float(pd.to_numeric(loss, errors="coerce").mean()),
                **{v: int((body["verdict"] == v).sum()) for v in ("conflict", "aligned", "neutral", "undetermined")},
                "seconds": run.seconds,
                "date": run.result.environment.get("date"),
            }
        )
    return pd.DataFrame(rows)


def _common_name(points: Sequence[TrainingPoint], last: Result) -> str:
    """The folder that all checkpoints are in, or the name of their model."""
    models = list(dict.fromkeys(point.model for point in points))
    if len(models) == 1:
        return models[0]
    parents = list(dict.fromkeys(str(Path(model).parent) for model in models))
    return parents[0] if len(parents) == 1 and parents[0] != "." else str(last.model["id"])


def _mixed(runs: Sequence[Measured]) -> list[str]:
    """Sentences on what differs between checkpoints and may show in their numbers."""
    out = []
    sources = sorted({run.second_moments for run in runs})
    if len(sources) > 1:
        where = "; ".join(f"{source or 'none'}: {_steps(_of(runs, source))}" for source in sources)
        out.append(
            f"Second moments of the adam metric come from different places ({where}): cosines in that metric may "
            "differ for that reason alone."
        )
    for package in _VERSIONS:
        versions = {str(run.result.environment.get(package)) for run in runs}
        if len(versions) > 1:
            out.append(
                f"Checkpoints were measured with different versions of {package}: {', '.join(sorted(versions))}."
            )
    return out


def _of(runs: Sequence[Measured], source: str) -> list[int]:
    return [step_of(run.point) for run in runs if run.second_moments == source]


def _shared_warnings(points: Sequence[TrainingPoint], results: Sequence[Result]) -> list[str]:
    """The warnings of all checkpoints, each said once: those that differ only in their numbers are one."""
    said: dict[str, dict[int, str]] = {}
    for point, result in zip(points, results, strict=True):
        for warning in result.warnings:
            said.setdefault(_NUMBER.sub("#", warning), {})[step_of(point)] = warning
    out = []
    for of in said.values():
        if len(of) == len(points) and len(set(of.values())) == 1:
            out.append(next(iter(of.values())))
        elif len(of) == 1:
            step, warning = next(iter(of.items()))
            out.append(f"Step {step}: {warning}")
        else:
            step = max(of)
            out.append(f"At {len(of)} of {len(points)} checkpoints ({_steps(list(of))}); at step {step}: {of[step]}")
    return out


def _steps(steps: Sequence[int], most: int = 4) -> str:
    """Steps in words, some of them where they are many."""
    noun = "step" if len(steps) == 1 else "steps"
    if len(steps) <= most:
        return f"{noun} {', '.join(map(str, steps))}"
    return f"{noun} {', '.join(map(str, steps[: most - 1]))} … {steps[-1]}"
