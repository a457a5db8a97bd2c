"""The tables of a deltas result as the report reads them: numbers as floats, an order of languages, what is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.results import Result

WORSE, BETTER, UNDETERMINED = "worse", "better", "undetermined"
VERDICTS = (WORSE, BETTER, UNDETERMINED)
MULTILINGUAL, MONOLINGUAL = "multilingual", "monolingual"

_WORDS = frozenset(
    ("multilingual", "monolingual", "model", "role", "language", "verdict", "reason", "beyond", "failed", "id")
).union(("revision", "architecture", "objective", "weights_sha256"))
_SAME = "both models give every document the same bits"
_NAME = 40


def table(result: Result, name: str) -> pd.DataFrame:
    """A table with its numbers as floats; an empty one where the result has none of that name."""
    if name not in result.tables:
        return pd.DataFrame()
    found = result.tables[name].reset_index(drop=True)
    numbers = {c: pd.to_numeric(found[c], errors="coerce").astype(float) for c in found.columns if c not in _WORDS}
    # A column that is all null in results.json comes back as objects.
    # As objects: comparing pandas' own strings with one that ends in NUL finds nothing.
    words = {c: _words(found[c]) for c in found.columns if c in _WORDS}
    return found.assign(**numbers, **words)


def _words(column: pd.Series) -> pd.Series:
    return pd.Series(["" if pd.isna(v) else str(v) for v in column], index=column.index, dtype=object)


def multilinguals(result: Result) -> list[str]:
    """The multilingual models in their order."""
    return list(dict.fromkeys(table(result, "deltas")["multilingual"]))


def shown_models(result: Result, width: int = _NAME) -> dict[str, str]:
    """Name of a multilingual model → how it is shown."""
    return text.short_names(multilinguals(result), width)


def delta_rows(result: Result, multilingual: str) -> pd.DataFrame:
    """One row for every language that a multilingual model is compared in, the worst first.

    `same` says where both models are one, and `known` where there is a difference at all; a verdict that is none of
    the three is undetermined.
    """
    rows = table(result, "deltas")
    rows = rows[rows["multilingual"] == multilingual]
    known = np.isfinite(rows["delta"]) & np.isfinite(rows["relative"])
    verdict = rows["verdict"].where(rows["verdict"].isin(VERDICTS) & known, UNDETERMINED)
    rows = rows.assign(known=known, verdict=verdict, same=rows["reason"] == _SAME)
    rows["reason"] = rows["reason"].astype(str)
    order = ["relative", "language"]
    return rows.sort_values(order, ascending=[False, True], kind="stable", na_position="last").reset_index(drop=True)


def by_language(result: Result, multilingual: str) -> dict[str, pd.Series]:
    """Language → its row of `delta_rows`."""
    return {str(row["language"]): row for _, row in delta_rows(result, multilingual).iterrows()}


def language_order(result: Result) -> list[str]:
    """Languages with a difference, the worst in the mean over the multilingual models first; then the others."""
    rows = table(result, "deltas")
    means = rows.assign(rank=rows["relative"].where(np.isfinite(rows["relative"]))).groupby("language")["rank"].mean()
    mean = {str(language): float(value) for language, value in means.items()}
    known = sorted((a for a in mean if math.isfinite(mean[a])), key=lambda a: (-mean[a], a))
    unknown = sorted(set(mean) - set(known))
    return [*known, *unknown, *(a for a in sorted(result.languages) if a not in mean)]


def compared(result: Result) -> list[str]:
    """The languages that have a monolingual model, in the order of `language_order`."""
    there = set(table(result, "deltas")["language"])
    return [language for language in language_order(result) if language in there]


def quality_rows(result: Result, role: str, model: str | None = None) -> pd.DataFrame:
    """Bits per byte by model and language; a multilingual and a monolingual model may have one name."""
    rows = table(result, "quality")
    rows = rows[rows["role"] == role]
    return rows if model is None else rows[rows["model"] == model]


def quality_of(result: Result) -> dict[tuple[str, str, str], pd.Series]:
    """(role, model, language) → the row of bits per byte, where there is a number in it."""
    rows = table(result, "quality")
    rows = rows[np.isfinite(rows["bits_per_byte"])]
    return {(str(row["role"]), str(row["model"]), str(row["language"])): row for _, row in rows.iterrows()}


def text_of(result: Result) -> dict[str, float]:
    """Monolingual model → the bytes of its training text, where that was given."""
    rows = table(result, "models")
    rows = rows[(rows["role"] == MONOLINGUAL) & (rows["text"] > 0)]
    return dict(zip(rows["model"], rows["text"], strict=True))


def worth_rows(result: Result, multilingual: str | None = None) -> pd.DataFrame:
    """What multilingual models are worth in monolingual text; with no rows where there are no several sizes."""
    rows = table(result, "worth")
    if rows.empty or multilingual is None:
        return rows
    return rows[rows["multilingual"] == multilingual].reset_index(drop=True)


def bounds(row: pd.Series) -> tuple[float, float]:
    """The interval of text that a model is worth: 0 for less than the least, infinite for more than the most.

    Tables have null for what is infinite.
    """
    low, high = (math.inf if math.isnan(row[end]) else float(row[end]) for end in ("ci_low", "ci_high"))
    return low, high


def percent_digits(*ends: float) -> int:
    """How many digits behind the point a percentage has, given the ends of its interval as shares."""
    known = [100 * end for end in ends if math.isfinite(end)]
    width = max(known) - min(known) if len(known) > 1 else 1.0
    if width >= 20:
        return 0
    return 1 if width >= 0.2 or width == 0 else 2 if width >= 0.02 else 3


def percent(value: float, digits: int = 1) -> str:
    """A relative difference with its sign."""
    if not math.isfinite(value):
        return text.UNKNOWN
    out = f"{100 * value:+,.{digits}f}%"
    return out.lstrip("+-") if float(out.rstrip("%").replace(",", "")) == 0 else out


def size(value: float) -> str:
    """Bytes of text, with three digits at most."""
    if not math.isfinite(value):
        return text.UNKNOWN
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= 0.9995 * factor:
            return f"{float(f'{value / factor:.3g}'):g} {unit}"
    return f"{value:.0f} bytes"
