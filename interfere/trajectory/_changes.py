"""What changed from the first checkpoint to the last one, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from interfere.results import Result
from interfere.statistics import SketchParts
from interfere.statistics._changed_gradients import GramStatistics
from interfere.statistics._changes import HIGHER, LOWER, change
from interfere.statistics._verdicts import UNDETERMINED, q_values
from interfere.trajectory._points import TrainingPoint, step_of

CHANGE_COLUMNS = (
    "a", "b", "metric", "first_step", "last_step", "corrected_first", "corrected_last", "change", "ci_low", "ci_high",
    "p_value", "q_value", "verdict", "reason", "conflicts", "aligned", "checkpoints", "first_conflict",
)  # fmt: skip
"""Columns of the table `changes`: one row per pair of languages and metric, over all parameters in scope."""

_ALPHA = 0.05


def change_table(points: Sequence[TrainingPoint], runs: Sequence[Result]) -> pd.DataFrame:
    """One row per metric and pair of languages: from the first checkpoint to the last one.

    All checkpoints read the same slots of text, so the interval of a difference deletes one slot at a time from both
    (`interfere.statistics._changes`): what is peculiar to a slot drops out. q is Benjamini–Hochberg over the pairs of
    one metric. A verdict needs both languages' signal to be above their noise at both ends.

    Args:
        points: the checkpoints, by step.
        runs: their results of kind `gradients`.
    """
    frames = []
    for metric in runs[0].settings["metrics"]:
        rows = _differences(points, runs, metric)
        q = q_values(np.array([row["p_value"] for row in rows], dtype=np.float64))
        for row, own in zip(rows, q, strict=True):
            row["q_value"] = float(own)
            if not row["reason"] and own <= _ALPHA:
                row["verdict"] = HIGHER if row["change"] > 0 else LOWER
            elif not row["reason"] and np.isfinite(own):
                row["reason"] = f"not surely different from 0 (q > {_ALPHA:g})"
        frames.append(pd.DataFrame(rows, columns=list(CHANGE_COLUMNS)))
    return pd.concat(frames, ignore_index=True)


def _differences(points: Sequence[TrainingPoint], runs: Sequence[Result], metric: str) -> list[dict[str, Any]]:
    ends = [(points[0], runs[0]), (points[-1], runs[-1])]
    statistics = [_statistics(run, metric) if len(runs) > 1 else None for _, run in ends]
    verdicts = _verdicts(points, runs, metric)
    out = []
    for a, b in combinations(runs[0].languages, 2):
        own = verdicts[a, b]
        conflicts = [step for step, verdict in own if verdict == "conflict"]
        row: dict[str, Any] = {
            "a": a,
            "b": b,
            "metric": metric,
            "first_step": step_of(points[0]),
            "last_step": step_of(points[-1]),
            **dict.fromkeys(("corrected_first", "corrected_last", "change", "ci_low", "ci_high", "p_value"), np.nan),
            "q_value": np.nan,
            "verdict": UNDETERMINED,
            "reason": "",
            "conflicts": len(conflicts),
            "aligned": sum(verdict == "aligned" for _, verdict in own),
            "checkpoints": len(own),
            "first_conflict": float(min(conflicts)) if conflicts else np.nan,
        }
        row["reason"] = _compare(row, a, b, ends, statistics)
        out.append(row)
    return out


def _compare(
    row: dict[str, Any],
    a: str,
    b: str,
    ends: Sequence[tuple[TrainingPoint, Result]],
    statistics: Sequence[tuple[list[str], GramStatistics] | None],
) -> str:
    """Fill in the numbers of a row; why there is no verdict, "" where there may be one."""
    if statistics[0] is None or statistics[1] is None:
        return "there is one checkpoint"
    found = []
    for (point, _), side in zip(ends, statistics, strict=True):
        assert side is not None
        names, grams = side
        missing = [language for language in (a, b) if language not in names]
        if missing:
            return f"{missing[0]} has no numbers at step {point.step}"
        found.append(grams.pair(names.index(a), names.index(b))[0]["corrected"])
    compared = change(found[0], found[1])
    row |= {
        "corrected_first": float(compared.before[0]),
        "corrected_last": float(compared.after[0]),
        "change": float(compared.difference[0]),
        "ci_low": float(compared.low[0]),
        "ci_high": float(compared.high[0]),
        "p_value": float(compared.p_value[0]),
    }
    for (point, _), side in zip(ends, statistics, strict=True):
        assert side is not None
        names, grams = side
        for language in (a, b):
            if not grams.sure[0, names.index(language)]:
                row["p_value"] = np.nan
                return f"no gradient of {language} could be told from noise at step {point.step}"
    return ""


def _statistics(run: Result, metric: str) -> tuple[list[str], GramStatistics] | None:
    """The languages that have numbers, and what follows from their Gram over all groups."""
    level = str(run.settings["granularity"])
    gram = run.arrays[f"{metric}/{level}"]
    good = [i for i in range(len(run.languages)) if np.isfinite(gram[:, i, :, i, :]).all()]
    gram = gram[:, good][:, :, :, good]
    groups = run.groups[run.groups["metric"] == metric].drop_duplicates("group").set_index("group")
    names = list(run.array_groups[level])
    known = pd.to_numeric(groups["sketch_size"], errors="coerce").reindex(names).fillna(np.inf)
    sizes = np.asarray(known, dtype=np.float64)
    sketch = SketchParts(gram, [list(range(len(names)))], sizes) if bool(np.isfinite(sizes).any()) else None
    return [run.languages[i] for i in good], GramStatistics(gram.sum(axis=0, keepdims=True), sketch)


def _verdicts(
    points: Sequence[TrainingPoint], runs: Sequence[Result], metric: str
) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """Pair → the verdict over all parameters at each step."""
    out: dict[tuple[str, str], list[tuple[int, str]]] = {pair: [] for pair in combinations(runs[0].languages, 2)}
    for point, run in zip(points, runs, strict=True):
        rows = run.pairs[(run.pairs["metric"] == metric) & (run.pairs["group"] == "body")]
        for a, b, verdict in zip(rows["a"], rows["b"], rows["verdict"], strict=True):
            out[a, b].append((step_of(point), str(verdict)))
    return out
