"""The score of every unit, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.results._result import Result


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
        split: `a` or `b`, the halves of the text, or `all`.

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
    parts = {"a": scores[:, ::2].mean(axis=1), "b": scores[:, 1::2].mean(axis=1), "all": scores.mean(axis=1)}
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
                if np.isnan(found).all():
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
