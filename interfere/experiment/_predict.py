"""What was known early of each pair of languages, against what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from interfere.experiment._text import Split
from interfere.statistics import ngram_overlap, rank_correlation

PREDICTORS = {
    "conflict": "corrected cosine of the body's gradients, early in training",
    "transfer": "how far a step along the partner's gradient helps the language, early in training",
    "overlap": "shared byte 3-grams of the training texts",
    "early_delta": "the difference itself, early in training",
}
"""Column of the table `predictors` → what it is."""

EXPECTED = {"conflict": -1, "transfer": -1, "overlap": -1, "early_delta": 1}
"""The sign of its correlation with the difference: languages that are alike should hurt each other less."""

_CASE = ("mixture", "language", "width", "text")
_KEYS = ("pair", "language", "partner", "width", "text")


def predictor_table(tables: Mapping[str, pd.DataFrame], split: Split, early: float) -> pd.DataFrame:
    """One row a direction of a pair: what was known at the share `early` of the training, and the final difference.

    Args:
        tables: `deltas`, `curves` and `conflict`.
        split: the text.
        early: one of the shares of the tables.
    """
    columns = [*_KEYS, "relative", "early_share", *PREDICTORS]
    final = tables["deltas"][tables["deltas"]["kind"] == "pair"]
    if final.empty:
        return pd.DataFrame(columns=columns)
    names = list(split.train.languages)
    overlap = ngram_overlap([[d.text for d in split.train.documents[name]] for name in names])
    curves, conflict = tables["curves"], tables["conflict"]
    soon = curves[(curves["share"] - early).abs() < 1e-9]
    deltas = dict(zip(zip(*(soon[c] for c in _CASE), strict=True), soon["relative"], strict=True))
    body = conflict[(conflict["group"] == "body") & ((conflict["share"] - early).abs() < 1e-9)]
    cosines = {(row["mixture"], row["width"], row["text"]): row for row in body.to_dict("records")}
    rows = []
    for row in final.to_dict("records"):
        language, partner = str(row["language"]), str(row["partners"])
        where = (row["mixture"], row["width"], row["text"])
        found = cosines.get(where)
        # The table names a pair in one order; a step along the partner is the one that ends at the language.
        towards = "transfer_ab" if found is not None and found["a"] == partner else "transfer_ba"
        rows.append(
            {
                "pair": row["mixture"],
                "language": language,
                "partner": partner,
                "width": row["width"],
                "text": row["text"],
                "relative": row["relative"],
                "early_share": early,
                "conflict": np.nan if found is None else found["corrected"],
                "transfer": np.nan if found is None else found[towards],
                "overlap": overlap[names.index(language), names.index(partner)],
                "early_delta": deltas.get((row["mixture"], language, row["width"], row["text"]), np.nan),
            }
        )
    return pd.DataFrame(rows, columns=columns)


def prediction_table(predictors: pd.DataFrame) -> pd.DataFrame:
    """One row a predictor and capacity: its rank correlation with the final difference, over directions of pairs."""
    columns = ["predictor", "width", "text", "correlation", "ci_low", "ci_high", "within", "pairs", "rows"]
    rows = []
    for (width, text), group in predictors.groupby(["width", "text"], sort=False):
        for name in PREDICTORS:
            found = rank_correlation(
                group[name].to_numpy(dtype=np.float64),
                group["relative"].to_numpy(dtype=np.float64),
                list(group["pair"]),
                expected=EXPECTED[name],
            )
            rows.append(
                {
                    "predictor": name,
                    "width": width,
                    "text": text,
                    "correlation": found.value,
                    "ci_low": found.low,
                    "ci_high": found.high,
                    "within": found.within,
                    "pairs": found.pairs,
                    "rows": found.rows,
                }
            )
    return pd.DataFrame(rows, columns=columns)
