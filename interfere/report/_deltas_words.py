"""What a deltas result says in parts of sentences: titles, intervals, and texts for those who cannot see a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import (
    BETTER,
    MONOLINGUAL,
    MULTILINGUAL,
    UNDETERMINED,
    WORSE,
    bounds,
    by_language,
    compared,
    delta_rows,
    multilinguals,
    percent,
    percent_digits,
    quality_rows,
    shown_models,
    size,
    worth_rows,
)
from interfere.report._importance_words import listed, many
from interfere.results import Result

_NAME = 40

_HEADINGS = {
    "deltas": "Multilingual against monolingual models",
    "quality": "Bits per byte by language and model",
    "curve": "Difference from monolingual models",
    "worth": "What multilingual models are worth in monolingual text",
}


def title(result: Result, kind: str) -> str:
    """What a figure shows, on one line, without the model's name.

    Args:
        result: of kind `deltas`.
        kind: `deltas`, `quality`, `curve` or `worth`.
    """
    return _HEADINGS[kind]


def titles(result: Result, kind: str) -> tuple[str, str]:
    """The two lines above a figure: what it shows of which model, and how that was measured."""
    models, settings = multilinguals(result), result.settings
    shown = text.shorten(text.safe_text(result.model.get("id", "a model")), 60, keep="end")
    what = shown if len(models) == 1 else f"{len(models)} multilingual models"
    facts = [text.safe_text(result.model["objective"])] if result.model.get("objective") else []
    if settings.get("documents"):
        facts.append(f"at most {text.count(float(settings['documents']))} held-out documents per language")
    facts.append("intervals over documents")
    return f"{_HEADINGS[kind]}: {what}", " · ".join(facts)


def model_phrase(result: Result, multilingual: str, *, first: bool = False) -> str:
    """A multilingual model in a sentence, perhaps as its first word; the only one needs no name."""
    if len(multilinguals(result)) == 1:
        return f"{'The' if first else 'the'} multilingual model"
    return f"{'Model' if first else 'model'} {shown_models(result)[multilingual]}"


def interval(row: pd.Series, digits: int | None = None) -> str:
    """The 95% interval of a relative difference in words."""
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no interval"
    digits = percent_digits(low, high) if digits is None else digits
    return f"95% interval {percent(low, digits)} to {percent(high, digits)}"


def difference(row: pd.Series) -> str:
    """A relative difference with its interval and q."""
    digits = percent_digits(row["relative_ci_low"], row["relative_ci_high"])
    q = "" if not np.isfinite(row["q_value"]) else f", {probability(row['q_value'])}"
    return f"{percent(row['relative'], digits)} ({interval(row, digits)}{q})"


def probability(q: float) -> str:
    """A q-value in a sentence."""
    shown = text.probability(q)
    return f"q {shown}" if shown.startswith("<") else f"q = {shown}"


def worth_amount(row: pd.Series) -> str:
    """What a model is worth in text, without its interval; what was tried bounds it."""
    if row["beyond"] == "less":
        return f"less than the least, {size(row['least'])}"
    if row["beyond"] == "more":
        return f"more than the most, {size(row['most'])}"
    return size(row["text"])


def worth_interval(row: pd.Series) -> str:
    """The interval of what a model is worth; the ends of what was tried stand where it goes beyond them."""
    low, high = bounds(row)
    least, most = row["least"], row["most"]
    if low <= 0 and high > most:
        return "no interval within what was tried"
    if high < least:
        return "95% interval below that"
    if low > most:
        return "95% interval above that"
    start = f"below {size(least)}" if low < least else size(low)
    end = f"above {size(most)}" if high > most else size(high)
    return f"95% interval {start} to {end}"


def deltas_alt(result: Result) -> str:
    """The figure of differences in words."""
    names = text.short_names(compared(result), _NAME)
    out = [
        f"For each of {many(len(names), 'language')}, a point with its 95% interval: by how many per cent the bits per "
        "byte of the multilingual model are above (worse) or below (better) those of the monolingual model."
    ]
    for model in multilinguals(result):
        rows = delta_rows(result, model)
        counts = listed([f"{int((rows['verdict'] == v).sum()):,} {v}" for v in (WORSE, BETTER, UNDETERMINED)])
        said = f"{model_phrase(result, model, first=True)}: {counts}"
        known = rows[rows["known"]]
        if not known.empty:
            low, high = known.iloc[-1], known.iloc[0]
            ends = [f"{_alone(row)} ({names[row['language']]})" for row in (low, high)]
            said += f"; from {ends[0]} to {ends[1]}" if len(known) > 1 else f"; {ends[0]}"
        out.append(f"{said}.")
    return " ".join(out)


def _alone(row: pd.Series) -> str:
    return percent(row["relative"], percent_digits(row["relative_ci_low"], row["relative_ci_high"]))


def quality_alt(result: Result) -> str:
    """The figure of bits per byte in words."""
    out = [f"Points with 95% intervals for {many(len(result.languages), 'language')}: bits per byte of every model."]
    for model in multilinguals(result):
        found = span(result, quality_rows(result, MULTILINGUAL, model))
        if found:
            out.append(f"{model_phrase(result, model, first=True)}: {found}.")
    found = span(result, quality_rows(result, MONOLINGUAL))
    return " ".join([*out, *([f"Monolingual models: {found}."] if found else [])])


def span(result: Result, rows: pd.DataFrame) -> str:
    """The least and the most bits per byte of some models, with their languages."""
    rows = rows[np.isfinite(rows["bits_per_byte"])]
    if rows.empty:
        return ""
    names = text.short_names(result.languages, _NAME)
    rows = rows.sort_values(["bits_per_byte", "language"], kind="stable")
    ends = [f"{text.number(row['bits_per_byte'], 3)} ({names[row['language']]})" for _, row in rows.iterrows()]
    return ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"


def curve_alt(result: Result) -> str:
    """The figure of differences along the models in words."""
    models, names = multilinguals(result), text.short_names(compared(result), _NAME)
    shown = shown_models(result)
    out = [
        f"The difference from the monolingual model in per cent, for {many(len(names), 'language')} along "
        f"{len(models)} multilingual models in their order, {listed([shown[m] for m in models])}."
    ]
    start, end = by_language(result, models[0]), by_language(result, models[-1])
    for language in [a for a in names if a in start and a in end][:12]:
        first, last = start[language]["relative"], end[language]["relative"]
        if np.isfinite(first) and np.isfinite(last):
            out.append(f"{names[language]}: from {percent(first)} to {percent(last)}.")
    return " ".join(out)


def worth_alt(result: Result) -> str:
    """The figure of what models are worth in words."""
    rows, names = worth_rows(result), text.short_names(result.languages, _NAME)
    n = rows["language"].nunique()
    out = [
        f"For {many(n, 'language')}, bits per byte of monolingual models against the bytes of text that they were "
        "trained on, and a level line for each multilingual model."
    ]
    for _, row in rows.head(12).iterrows():
        who = "" if len(multilinguals(result)) == 1 else f" by {shown_models(result)[row['multilingual']]}"
        out.append(f"{names[row['language']]}{who}: {worth_amount(row)}.")
    return " ".join(out)
