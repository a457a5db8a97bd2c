"""What a measurement gives to a Trainer's logs."""

from __future__ import annotations

import math

import pandas as pd

from interfere.report._text import file_names
from interfere.results import Result

PREFIX = "interfere"


def logged_values(result: Result) -> dict[str, float]:
    """Name of a curve → number, of a result of kind `gradients`: all over the parameters in scope.

    `interfere/corrected/de-en` and `interfere/self_similarity/de` for every pair and language, and how many pairs are
    in `interfere/conflicts`, `interfere/aligned` and `interfere/undetermined`. Of other metrics than the first the same
    stands in `interfere/METRIC/…`. What could not be estimated is left out.
    """
    names = file_names(list(result.languages))
    out: dict[str, float] = {}
    for place, metric in enumerate(result.settings["metrics"]):
        prefix = PREFIX if place == 0 else f"{PREFIX}/{metric}"
        pairs = _body(result.pairs, metric)
        for a, b, value in zip(pairs["a"], pairs["b"], pairs["corrected"], strict=True):
            out[f"{prefix}/corrected/{names[a]}-{names[b]}"] = float(value)
        for verdict, key in (("conflict", "conflicts"), ("aligned", "aligned"), ("undetermined", "undetermined")):
            out[f"{prefix}/{key}"] = float((pairs["verdict"] == verdict).sum())
        own = _body(result.self_similarity, metric)
        for language, value in zip(own["language"], own["self_similarity"], strict=True):
            out[f"{prefix}/self_similarity/{names[language]}"] = float(value)
    return {key: value for key, value in out.items() if math.isfinite(value)}


def _body(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[(table["group"] == "body") & (table["metric"] == metric)]
