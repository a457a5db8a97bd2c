"""Whether what was known early of two languages predicts what sharing costs them, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from interfere.report import _text as text
from interfere.report._experiment_tables import Capacity, capacities, capacity_names, table
from interfere.report._experiment_words import PREDICTOR_NAMES
from interfere.report._importance_words import many
from interfere.results import Result

EXPECTED = {"conflict": -1, "transfer": -1, "overlap": -1, "early_delta": 1}
"""Predictor → sign of the rank correlation with the harm that would make it one: more alike, less harm."""

PREDICTS, CONTRARY, OPEN, TOO_FEW = "predicts", "contrary", "does not predict", "not judged"

LEAST_PAIRS = 5
"""As in `interfere.statistics`, whose import takes a second."""

_MOST = 2  # capacities that sentences are made of


def prediction_rows(result: Result) -> pd.DataFrame:
    """One row a predictor and capacity, with `says`: what its interval allows saying.

    `predicts` needs an interval clear of 0 on the side that was expected; `contrary` is one on the other side.
    """
    rows = table(result, "predictions")
    if rows.empty:
        return rows
    rows = rows[rows["predictor"].isin(EXPECTED)].reset_index(drop=True)
    return rows.assign(says=[_says(row) for _, row in rows.iterrows()])


def _says(row: pd.Series) -> str:
    low, high = float(row["ci_low"]), float(row["ci_high"])
    if not (math.isfinite(low) and math.isfinite(high)):
        return TOO_FEW
    if low <= 0 <= high:
        return OPEN
    return PREDICTS if (low > 0) == (EXPECTED[str(row["predictor"])] > 0) else CONTRARY


def predictor_findings(result: Result) -> list[str]:
    """Whether the early angle predicts the harm here, beside the overlap of texts and the early delta."""
    rows = prediction_rows(result)
    if rows.empty or not (rows["pairs"] > 0).any():
        return []
    out: list[str] = []
    every = capacities(rows)
    names = capacity_names(every)
    if rows["pairs"].max() < LEAST_PAIRS:
        return [
            f"With {many(int(rows['pairs'].max()), 'pair')} of languages no rank correlation is judged, as "
            f"{LEAST_PAIRS} are the least: whether early conflict, or anything else, predicts the harm is open here."
        ]
    for capacity in every[:_MOST]:
        out += _at(result, by_predictor(rows, capacity), capacity, f" at {names[capacity]}" if len(every) > 1 else "")
    if len(every) > _MOST:
        out.append(f"Correlations at {len(every) - _MOST} more capacities are in the table predictions.")
    return out


def by_predictor(rows: pd.DataFrame, capacity: Capacity) -> dict[str, pd.Series]:
    """Predictor → its row of `prediction_rows` at one capacity."""
    if rows.empty:
        return {}
    own = rows[(rows["width"] == capacity[0]) & (rows["text"] == capacity[1])]
    return {str(row["predictor"]): row for _, row in own.iterrows()}


def _at(result: Result, own: Mapping[str, pd.Series], capacity: Capacity, where: str) -> list[str]:
    share = early_share(result)
    early = f"{100 * share:.2g}% of the training" if math.isfinite(share) else "an early moment"
    out = []
    for predictor in ("conflict", "transfer", "overlap", "early_delta"):
        if predictor not in own:
            continue
        row = own[predictor]
        if predictor == "conflict":
            out.append(_conflict(row, own, early, where))
        else:
            out.append(f"{_subject(predictor, early)}{where} {verdict_words(row, predictor)}.")
        told = _within(result, row, predictor, capacity)
        out += [f"{out.pop()} {told}"] if told else []
    return out


def _subject(predictor: str, early: str) -> str:
    return {
        "conflict": f"The angle between gradients (corrected cosine) at {early}",
        "transfer": f"How far a step along the partner's gradient helps, at {early},",
        "overlap": "The overlap of the texts in byte 3-grams, a baseline that needs no training,",
        "early_delta": f"The difference itself at {early}",
    }[predictor]


def verdict_words(row: pd.Series, predictor: str) -> str:
    """What a rank correlation allows saying, with its numbers."""
    says, n = _says(pd.Series({**row.to_dict(), "predictor": predictor})), int(row["pairs"])
    numbers = f"rank correlation {correlation(row)} over {int(row['rows']):,} directions of {many(n, 'pair')}"
    if says == TOO_FEW and not math.isfinite(row["correlation"]):
        return f"could not be correlated with the final difference ({many(n, 'pair')} have both numbers or do not vary)"
    if says == TOO_FEW:
        return f"is not judged: {numbers}"
    if says == OPEN:
        return f"does not predict the final difference here: {numbers}, an interval that holds 0"
    if says == CONTRARY:
        contrary = {"early_delta": "the larger early, the smaller in the end"}.get(predictor, "the more, the more harm")
        return f"goes with the final difference against what was expected ({contrary}): {numbers}"
    meaning = {"early_delta": "the larger early, the larger in the end", "conflict": "the lower, the more harm"}
    return f"predicts the final difference here ({meaning.get(predictor, 'the more, the less harm')}): {numbers}"


def correlation(row: pd.Series) -> str:
    """A rank correlation with its interval."""
    value = _signed(row["correlation"])
    if not (math.isfinite(row["ci_low"]) and math.isfinite(row["ci_high"])):
        return f"{value} (no interval)"
    return f"{value} (95% interval {_signed(row['ci_low'])} to {_signed(row['ci_high'])})"


def _signed(value: float) -> str:
    out = text.number(value, 2)
    return out if out == text.UNKNOWN or float(out) <= 0 else f"+{out}"


def _conflict(row: pd.Series, own: Mapping[str, pd.Series], early: str, where: str) -> str:
    said = f"{_subject('conflict', early)}{where} {verdict_words(row, 'conflict')}."
    if "overlap" not in own or not math.isfinite(row["correlation"]):
        return said
    other = own["overlap"]
    if not math.isfinite(other["correlation"]):
        return said
    baseline = f"the overlap of the texts ({_signed(other['correlation'])})"
    if -row["correlation"] <= -other["correlation"]:
        return f"{said} That is no better than {baseline}."
    apart = row["ci_high"] < other["ci_low"]
    return f"{said} That is {'better' if apart else 'not shown to be better'} than {baseline}" + (
        ", as the intervals are apart." if apart else ", as the intervals overlap."
    )


def _within(result: Result, row: pd.Series, predictor: str, capacity: Capacity) -> str:
    """Whether the direction within a pair that loses more is told, or cannot be."""
    if not math.isfinite(row["within"]):
        return (
            "It is one number a pair and cannot tell which direction loses more."
            if predictor in ("conflict", "overlap") and int(row["rows"]) > int(row["pairs"])
            else ""
        )
    n = _told(result, predictor, capacity) or int(row["pairs"])
    right = round(row["within"] * n)
    beyond = _by_chance(right, n) <= 0.05
    side = "more" if right > n / 2 else "less"
    verdict = f"{side} often than chance" if beyond else "which is not shown to differ from chance, half of them"
    return f"Which direction of a pair loses more it tells right in {right:,} of {many(n, 'pair')}, {verdict}."


def _by_chance(right: int, n: int) -> float:
    """Exact two-sided binomial test of a half."""
    tail: float = sum(math.comb(n, k) for k in range(max(right, n - right), n + 1)) / 2**n
    return min(1.0, 2 * tail)


def _told(result: Result, predictor: str, capacity: Capacity) -> int:
    """Pairs both of whose directions have different numbers on both sides."""
    rows = table(result, "predictors")
    if rows.empty or predictor not in rows:
        return 0
    rows = rows[(rows["width"] == capacity[0]) & (rows["text"] == capacity[1])].dropna(subset=[predictor, "relative"])
    both = rows.groupby("pair").filter(lambda own: len(own) == 2)
    if both.empty:
        return 0
    different = both.groupby("pair")[[predictor, "relative"]].nunique().min(axis=1) == 2
    return int(different.sum())


def early_share(result: Result) -> float:
    """At which share of the training predictors were read; NaN where that is not known."""
    rows = table(result, "predictors")
    known = rows["early_share"].dropna() if "early_share" in rows else pd.Series(dtype=float)
    return float(known.iloc[0]) if len(known) else math.nan


def predictor_name(predictor: str) -> str:
    """What a predictor is called."""
    return PREDICTOR_NAMES.get(predictor) or text.shorten(text.safe_text(predictor), 24)
