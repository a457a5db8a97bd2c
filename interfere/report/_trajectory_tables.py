"""The tables of a trajectory as the report reads them: numbers as floats, checkpoints by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interfere.report._tables import BODY, VERDICTS
from interfere.results import Result

UNDETERMINED = "undetermined"
HIGHER, LOWER = "higher", "lower"
CHANGES = (HIGHER, LOWER, UNDETERMINED)

_PAIRS = ("step", "cosine", "corrected", "ci_low", "ci_high", "q_value")
_SELF = ("step", "self_similarity", "ci_low", "ci_high", "norm", "loss", "tokens")
_GROUPS = ("step", "common_share", "mixture_residual")
_CHECKPOINTS = ("step", "loss", "seconds")
_CHANGES = (
    *("first_step", "last_step", "corrected_first", "corrected_last", "change", "ci_low", "ci_high", "p_value"),
    *("q_value", "conflicts", "aligned", "checkpoints", "first_conflict"),
)


def _read(result: Result, name: str, numbers: Sequence[str], words: Sequence[str] = ()) -> pd.DataFrame:
    found = result.tables[name] if name in result.tables else pd.DataFrame()
    # A column that is all null in results.json comes back as objects.
    columns: dict[str, object] = {
        c: pd.to_numeric(found[c], errors="coerce").astype(float) if c in found else np.nan for c in numbers
    }
    columns |= {c: [_word(v) for v in found[c]] if c in found else "" for c in words}
    return pd.DataFrame(columns, index=range(len(found)))


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def metrics(result: Result) -> list[str]:
    """The metrics, the main one first."""
    return list(result.settings.get("metrics") or dict.fromkeys(result.tables["pairs"]["metric"]))


def pair_rows(result: Result, metric: str) -> pd.DataFrame:
    """All pairs over the body by step, with `clipped` and `determined` as for gradients."""
    rows = _read(result, "pairs", _PAIRS, ("a", "b", "group", "metric", "verdict"))
    rows = rows[(rows["metric"] == metric) & (rows["group"] == BODY)]
    determined = rows["verdict"].isin(VERDICTS[:3]) & np.isfinite(rows["corrected"])
    verdict = rows["verdict"].where(determined, UNDETERMINED)
    rows = rows.assign(clipped=rows["corrected"].clip(-1, 1), determined=determined, verdict=verdict)
    return rows.sort_values(["step", "a", "b"], kind="stable").reset_index(drop=True)


def self_rows(result: Result, metric: str) -> pd.DataFrame:
    """All languages over the body by step."""
    rows = _read(result, "self", _SELF, ("language", "group", "metric"))
    rows = rows[(rows["metric"] == metric) & (rows["group"] == BODY)]
    return rows.sort_values(["step", "language"], kind="stable").reset_index(drop=True)


def group_rows(result: Result, metric: str) -> pd.DataFrame:
    """The body at every step."""
    rows = _read(result, "groups", _GROUPS, ("group", "metric"))
    rows = rows[(rows["metric"] == metric) & (rows["group"] == BODY)]
    return rows.sort_values("step", kind="stable").reset_index(drop=True)


def checkpoint_rows(result: Result) -> pd.DataFrame:
    """The checkpoints by step."""
    words = ("checkpoint", "model", "revision", "weights_sha256", "second_moments")
    rows = _read(result, "checkpoints", _CHECKPOINTS, words)
    return rows.sort_values("step", kind="stable").reset_index(drop=True)


def change_rows(result: Result, metric: str) -> pd.DataFrame:
    """What changed from the first step to the last one, the largest fall first."""
    rows = _read(result, "changes", _CHANGES, ("a", "b", "metric", "verdict", "reason"))
    rows = rows[rows["metric"] == metric]
    known = rows["verdict"].isin(CHANGES) & np.isfinite(rows["change"])
    rows = rows.assign(verdict=rows["verdict"].where(known, UNDETERMINED))
    return rows.sort_values(["change", "a", "b"], kind="stable", na_position="last").reset_index(drop=True)


def verdict_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Step → how many pairs have each verdict, from rows of `pair_rows`."""
    return pd.crosstab(rows["step"], rows["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)


def by_step(pairs: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Step → means over pairs of the corrected (clipped) and raw cosine, over languages of self-similarity and loss."""
    means = pairs.groupby("step")[["clipped", "cosine"]].mean()
    return means.join(own.groupby("step")[["self_similarity", "loss"]].mean())


def steps(result: Result) -> list[int]:
    """The steps in order."""
    return [int(step) for step in checkpoint_rows(result)["step"]]
