"""Scores of single units, as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.results._result import Result
from interfere.statistics import UnitGroup, judge_units


def unit_scores(
    result: Result, method: str | None = None, *, kind: str | None = None, language: str | None = None
) -> pd.DataFrame:
    """The score of every unit in every language, half by half.

    Args:
        result: of kind `importance`.
        method: `taylor`, `fisher`, `activation` or `gates`; default: the first that was asked for.
        kind: `head`, `kv`, `neuron`, `block` or `tensor`; None: all that the method scores.
        language: None: all.

    Returns:
        Columns language, layer, block, kind, unit (a number within its layer; a tensor's or block's name), score,
        split: `a` or `b`, the halves of the text, or `all`. The score of an expert's tensor is the mean over the chunks
        that reached the expert, and NaN where none did.

    Raises:
        KeyError: no such method, kind or language in this result.
    """
    method = method if method is not None else result.settings["methods"][0]
    for value, known in (
        (method, list(result.arrays)),
        (kind, [None, *result.tables["units"]["kind"].unique()]),
        (language, [None, *result.languages]),
    ):
        if value not in known:
            raise KeyError(f"{value!r} is not in this result, which has {', '.join(str(k) for k in known if k)}")
    scores = result.arrays[method]
    parts = {"a": _mean(scores[:, ::2]), "b": _mean(scores[:, 1::2]), "all": _mean(scores)}
    failed = np.asarray(np.isnan(scores).all(axis=(1, 2)))
    frames = []
    for group in result.tables["units"].to_dict(orient="records"):
        if kind not in (None, group["kind"]):
            continue
        units = [group["name"]] if group["name"] else [str(i) for i in range(group["units"])]
        for row, own in enumerate(result.languages):
            if language not in (None, own):
                continue
            for split, values in parts.items():
                found = values[row, group["start"] : group["start"] + group["units"]]
                scored = ~np.isnan(scores[..., group["start"] : group["start"] + group["units"]]).all()
                if failed[row] or not scored:
                    continue
                frames.append(
                    pd.DataFrame(
                        {
                            "language": own,
                            "layer": group["layer"],
                            "block": group["block"],
                            "kind": group["kind"],
                            "unit": units,
                            "score": found,
                            "split": split,
                        }
                    )
                )
    columns = ["language", "layer", "block", "kind", "unit", "score", "split"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the slots that have a score: (L, K, units) → (L, units)."""
    there = np.isfinite(scores)
    total = np.where(there, scores, 0.0).sum(axis=1)
    count = there.sum(axis=1)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


def own_units(result: Result, method: str | None = None) -> pd.DataFrame:
    """All units that were picked for a language on half a, judged on half b.

    Args:
        result: of kind `importance`.
        method: as for `unit_scores`.

    Returns:
        Columns language, method, layer, block, kind, unit, score_a, others_a, score_b, others_b, p_value, q_value, own.

    Raises:
        KeyError: no such method in this result.
    """
    method = method if method is not None else result.settings["methods"][0]
    if method not in result.arrays:
        raise KeyError(f"{method!r} is not in this result, which has {', '.join(result.arrays)}")
    groups = [
        UnitGroup(row["layer"], row["block"], row["kind"], row["start"], row["units"])
        for row in result.tables["units"].to_dict(orient="records")
    ]
    return judge_units(result.arrays[method], groups, list(result.languages), method, result.settings["top"])[0]
