"""The tables of a tasks result as the report reads them: numbers as floats, and what is surely above the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.report import _text as text
from interfere.results import Result

BETTER, WORSE, UNDETERMINED = "better", "worse", "undetermined"
VERDICTS = (BETTER, WORSE, UNDETERMINED)
MULTILINGUAL, MONOLINGUAL = "multilingual", "monolingual"

_SAME = "the two models are right and wrong in the very same places, with every seed"
_WORDS = ("multilingual", "monolingual", "model", "role", "train", "test", "verdict", "reason")
_COLUMNS = {
    "task_scores": (
        *("model", "role", "train", "test", "score", "ci_low", "ci_high", "seed_sd", "seeds", "items"),
        "majority_baseline",
    ),
    "task_deltas": (
        *("multilingual", "monolingual", "train", "test", "delta", "ci_low", "ci_high", "p_value", "q_value"),
        *("verdict", "reason", "seeds", "items"),
    ),
    "task_units": ("model", "train", "seed", "test", "score", "items", "cut", "unread", "loss", "steps"),
}
_NAME = 40


def table(result: Result, name: str) -> pd.DataFrame:
    """A table with its numbers as floats; one without rows where the result has none of that name."""
    columns = _COLUMNS[name]
    found = result.tables[name] if name in result.tables else pd.DataFrame(columns=list(columns))
    # A column that is all null in results.json comes back as objects.
    # As objects: comparing pandas' own strings with one that ends in NUL finds nothing.
    return pd.DataFrame({c: _words(found[c]) if c in _WORDS else _numbers(found[c]) for c in columns})


def _words(column: pd.Series) -> pd.Series:
    return pd.Series(["" if pd.isna(v) else str(v) for v in column], dtype=object)


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(float).reset_index(drop=True)


def metric(result: Result) -> str:
    """How answers are scored: accuracy or span F1."""
    return text.shorten(text.safe_text(result.settings.get("metric") or "score"), 24)


def multilinguals(result: Result) -> list[str]:
    """The multilingual models in their order."""
    rows = table(result, "task_scores")
    return list(dict.fromkeys(rows.loc[rows["role"] == MULTILINGUAL, "model"]))


def shown_models(result: Result, width: int = _NAME) -> dict[str, str]:
    """Name of a multilingual model → how it is shown."""
    return text.short_names(multilinguals(result), width)


def score_rows(result: Result, model: str | None = None, role: str = MULTILINGUAL) -> pd.DataFrame:
    """Scores by training and test language.

    `sure` says where the interval lies above the majority baseline, `known` where there is a score at all.

    Args:
        result: of kind `tasks`.
        model: only this one.
        role: `multilingual` or `monolingual`; the latter are fine-tuned on their own language alone.
    """
    rows = table(result, "task_scores")
    rows = rows[rows["role"] == role]
    rows = rows if model is None else rows[rows["model"] == model]
    known = np.isfinite(rows["score"])
    sure = known & (rows["ci_low"] > rows["majority_baseline"])
    return rows.assign(zero_shot=rows["train"] != rows["test"], known=known, sure=sure).reset_index(drop=True)


def delta_rows(result: Result, multilingual: str) -> pd.DataFrame:
    """Differences from the monolingual models, the best first; a verdict that is none of the three is undetermined.

    `same` says where both models answer alike throughout, and `known` where there is a difference at all.
    """
    rows = table(result, "task_deltas")
    rows = rows[rows["multilingual"] == multilingual]
    known = np.isfinite(rows["delta"])
    verdict = rows["verdict"].where(rows["verdict"].isin(VERDICTS) & known, UNDETERMINED)
    same = rows["reason"] == _SAME
    rows = rows.assign(zero_shot=rows["train"] != rows["test"], known=known, verdict=verdict, same=same)
    order = ["delta", "train", "test"]
    return rows.sort_values(order, ascending=[False, True, True], kind="stable", na_position="last").reset_index(
        drop=True
    )


def within(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose language of training and of the test is one."""
    return rows[~rows["zero_shot"]].reset_index(drop=True)


def zero_shot(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are tested on another language than they were trained on."""
    return rows[rows["zero_shot"]].reset_index(drop=True)


def sources(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Test language → its zero-shot scores, the best first, of rows of one model."""
    rows = zero_shot(rows)
    rows = rows[rows["known"]].sort_values(["score", "train"], ascending=[False, True], kind="stable")
    return {str(test): own.reset_index(drop=True) for test, own in rows.groupby("test", sort=True)}


def own_scores(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Language → the row of its score within the language, of rows of one model or of all monolingual ones."""
    return {str(row["test"]): row for _, row in within(rows).iterrows() if row["known"]}


def trained(result: Result, rows: pd.DataFrame) -> list[str]:
    """The languages that models of some rows were fine-tuned on, in the result's order."""
    there = set(rows["train"])
    return [language for language in result.languages if language in there]


def matrix(rows: pd.DataFrame, column: str, trains: Sequence[str], tests: Sequence[str]) -> NDArray[np.float64]:
    """A column as a matrix of training by test language, NaN where there is no row."""
    out = np.full((len(trains), len(tests)), math.nan)
    at_train, at_test = ({language: i for i, language in enumerate(names)} for names in (trains, tests))
    for train, test, value in zip(rows["train"], rows["test"], rows[column], strict=True):
        if train in at_train and test in at_test:
            out[at_train[train], at_test[test]] = float(value)
    return out


def signed(value: float, digits: int = 3) -> str:
    """A difference of scores with its sign."""
    out = text.number(value, digits)
    return out if out == text.UNKNOWN or float(out) <= 0 else f"+{out}"
