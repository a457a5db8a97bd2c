"""The columns of a comparison's two tables, the same for all kinds of runs, and how small a change counts as none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

KEY_COLUMNS = (
    "language", "a", "b", "model", "multilingual", "monolingual", "group", "metric", "layer", "block", "kind", "method",
)  # fmt: skip
"""What tells the rows of the compared tables apart, by its names there; null (`isna`) where it does not apply."""

CHANGE_COLUMNS = (
    "table", "quantity", *KEY_COLUMNS,
    "before", "after", "difference", "ci_low", "ci_high", "p_value", "q_value", "verdict", "reason",
)  # fmt: skip
"""Of `changes`: one row per number of the compared runs.

`table` and `quantity` say where the number stands in both runs. `difference` is `after` − `before` but for `norm`, of
which it is the natural logarithm of the ratio. `verdict` is `higher` or `lower` (q ≤ 0.05), `same` (the interval lies
within the margin of that quantity), else `undetermined` with a `reason`.
"""

VERDICT_CHANGE_COLUMNS = (
    "table", "quantity", *KEY_COLUMNS,
    "before", "after", "difference", "ci_low", "ci_high", "q_value", "shown",
)  # fmt: skip
"""Of `verdict_changes`: one row per verdict that is another one in the second run.

`before` and `after` are the verdicts; `difference` and its interval are those of `quantity` in `changes`; `shown` says
whether that difference is `higher` or `lower` there. A verdict may change although nothing has: from just below a
threshold to just above it.
"""

MARGINS: Mapping[str, float] = {
    "corrected": 0.05, "cosine": 0.05, "transfer_ab": 0.05, "transfer_ba": 0.05, "self_similarity": 0.05, "norm": 0.05,
    "common_share": 0.05, "mixture_residual": 0.05, "loss": 0.01,
    "bits_per_byte": 0.01, "delta": 0.01, "relative": 0.01,
    "share": 0.01, "rank": 0.05, "top": 0.05,
}  # fmt: skip
"""Half width of the interval in which a difference counts as none, in the units of the quantity."""


def change_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as the table `changes`, with None in the columns of keys that they do not have."""
    filled = [{name: row.get(name) for name in CHANGE_COLUMNS} for row in rows]
    return pd.DataFrame(filled, columns=list(CHANGE_COLUMNS))


def verdict_changes(
    changes: pd.DataFrame, table: str, quantity: str, before: pd.DataFrame, after: pd.DataFrame, keys: Sequence[str]
) -> pd.DataFrame:
    """The rows of a table whose verdict is another one in the second run, as the table `verdict_changes`.

    Args:
        changes: the table `changes`.
        table: the name of the table that has verdicts.
        quantity: its column that the verdicts are about.
        before: that table in the first run.
        after: in the second.
        keys: the columns that tell its rows apart.
    """
    of_quantity = changes[(changes["table"] == table) & (changes["quantity"] == quantity)]
    first, second = (dict(zip(_keys(t, keys), t["verdict"], strict=True)) for t in (before, after))
    rows = []
    for key, row in zip(_keys(of_quantity, keys), of_quantity.to_dict(orient="records"), strict=True):
        if key in first and key in second and first[key] != second[key]:
            row |= {"before": first[key], "after": second[key], "shown": row["verdict"] in ("higher", "lower")}
            rows.append({name: row[name] for name in VERDICT_CHANGE_COLUMNS})
    return pd.DataFrame(rows, columns=list(VERDICT_CHANGE_COLUMNS))


def _keys(table: pd.DataFrame, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[key].tolist() for key in keys), strict=True)) if len(table) else []
