"""What a deltas result says, in sentences that claim no more than its tests do."""

from __future__ import annotations

import math

import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_open import deltas_caveats, deltas_open, few
from interfere.report._deltas_tables import (
    BETTER,
    MONOLINGUAL,
    MULTILINGUAL,
    UNDETERMINED,
    VERDICTS,
    WORSE,
    by_language,
    compared,
    delta_rows,
    multilinguals,
    percent,
    percent_digits,
    quality_rows,
    shown_models,
    worth_rows,
)
from interfere.report._deltas_words import difference, model_phrase, span, worth_amount, worth_interval
from interfere.report._importance_words import listed, many
from interfere.results import Result

_SHOWN = 8
_FEW = 3  # languages whose numbers are all named where nothing was shown


def deltas_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    First in how many languages each multilingual model is worse or better than monolingual ones, and by how much; then
    how that goes along several models, what they are worth in text, bits per byte, and what this run does not tell.
    Warnings are not repeated.

    Args:
        result: of kind `deltas`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    models = multilinguals(result)
    names = text.short_names(result.languages, 40)
    out = [headline(result, model) for model in models]
    out += [_same(result, names), along(result, names)]
    out += [*(_worth(result, model, names) for model in models), _quality(result)]
    return [*(sentence for sentence in out if sentence), *deltas_open(result), *deltas_caveats(result)]


def headline(result: Result, multilingual: str) -> str:
    """In how many languages a model is worse or better, and where most."""
    rows, names = delta_rows(result, multilingual), text.short_names(result.languages, 40)
    who, n = model_phrase(result, multilingual, first=True), len(rows)
    than = f"than the monolingual {'model' if n == 1 else 'models'}"
    counts = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS}
    found = [verdict for verdict in (WORSE, BETTER) if counts[verdict]]
    if not found:
        own = rows[rows["known"] & ~rows["same"]]
        numbers = "; ".join(f"{names[row['language']]} {difference(row)}" for _, row in own.iterrows())
        where = "any of " if n > 1 else ""
        where += many(n, "language") + (f": {numbers}" if numbers and n <= _FEW else "")
        return f"{who} could not be shown to be worse or better {than} in {where}."
    said = listed([f"{verdict} in {'all ' * (counts[verdict] == n > 1)}{counts[verdict]:,}" for verdict in found])
    of = f" of {n:,}" if counts[found[0]] < n else ""
    rest = counts[UNDETERMINED]
    rest_said = f"; {rest:,} {'is' if rest == 1 else 'are'} undetermined" if rest else ""
    ends = []
    for verdict in found:
        own = rows[rows["verdict"] == verdict]
        row = own.iloc[0 if verdict == WORSE else -1]
        most = "most in " if len(own) > 1 else "in "
        ends.append(f"{verdict} {most}{names[row['language']]}, {difference(row)}")
    return (
        f"{who} is {said}{of} {'language' if n == 1 else 'languages'} {than} (q ≤ 0.05){rest_said}. By bits per byte "
        f"it is {'; '.join(ends)}."
    )


def delta_list(result: Result, multilingual: str, most: int = 12) -> list[str]:
    """The difference in each language, the worst first.

    Args:
        result: of kind `deltas`.
        multilingual: the model.
        most: languages that are named; with more there is nothing, as a table has them.
    """
    rows, names = delta_rows(result, multilingual), text.short_names(result.languages, 40)
    if len(rows) > most or not rows["known"].any():
        return []
    return [
        f"{names[row['language']]}: {difference(row)}, {'the same model' if row['same'] else row['verdict']}"
        for _, row in rows[rows["known"]].iterrows()
    ]


def _same(result: Result, names: dict[str, str]) -> str:
    """Languages whose two models are one."""
    same: dict[str, list[str]] = {}
    for model in multilinguals(result):
        rows = delta_rows(result, model)
        for language in rows.loc[rows["same"], "language"]:
            same.setdefault(str(language), []).append(model)
    if not same:
        return ""
    where = few([names[language] for language in same])
    found = {model for own in same.values() for model in own}
    models, shown = multilinguals(result), shown_models(result)
    several = f"{listed([shown[m] for m in models if m in found])} and the monolingual model"
    return (
        f"In {where} {'both models' if len(models) == 1 else several} give every document the same bits: they are the "
        "same model, so that Δ = 0 says nothing of sharing."
    )


def along(result: Result, names: dict[str, str]) -> str:
    """How differences change from the first multilingual model to the last, where intervals allow saying so."""
    models, shown = multilinguals(result), shown_models(result)
    if len(models) < 2:
        return ""
    first, last = by_language(result, models[0]), by_language(result, models[-1])
    changes: dict[str, dict[str, float]] = {"rises": {}, "falls": {}}
    open_ = 0
    for language in compared(result):
        one, two = _numbers(first.get(language)), _numbers(last.get(language))
        if one is None or two is None:
            continue
        if two[1] > one[2]:
            changes["rises"][language] = two[0] - one[0]
        elif two[2] < one[1]:
            changes["falls"][language] = one[0] - two[0]
        else:
            open_ += 1
    what = f"From model {shown[models[0]]} to model {shown[models[-1]]} the relative difference"
    if not any(changes.values()):
        where = "the language" if open_ == 1 else f"any of {open_:,} languages"
        return f"{what} was not shown to rise or to fall in {where}: the intervals overlap." if open_ else ""
    parts = []
    for word, change in changes.items():
        if change:
            most = max(change, key=lambda a: change[a])
            ends = " to ".join(_alone(own[most]) for own in (first, last))
            lead = "most in " if len(change) > 1 else ""
            parts.append(f"{word} in {many(len(change), 'language')} ({lead}{names[most]}, from {ends})")
    rest = f"; in {open_:,} the intervals overlap" if open_ else ""
    return f"{what} {' and '.join(parts)}, where the intervals are apart{rest}."


def _numbers(row: pd.Series | None) -> tuple[float, float, float] | None:
    """A relative difference and the ends of its interval; None where one is not known."""
    if row is None:
        return None
    value, low, high = (float(row[c]) for c in ("relative", "relative_ci_low", "relative_ci_high"))
    return (value, low, high) if math.isfinite(low) and math.isfinite(high) else None


def _alone(row: pd.Series) -> str:
    return percent(row["relative"], percent_digits(row["relative_ci_low"], row["relative_ci_high"]))


def _worth(result: Result, multilingual: str, names: dict[str, str]) -> str:
    """The monolingual text that would give as good a model."""
    rows = worth_rows(result, multilingual)
    if rows.empty:
        return ""
    said = [f"{names[row['language']]} {worth_amount(row)} ({worth_interval(row)})" for _, row in rows.iterrows()]
    more = f"; and {len(said) - _SHOWN:,} more in the table worth" if len(said) > _SHOWN else ""
    return (
        f"{model_phrase(result, multilingual, first=True)} has the bits per byte of a monolingual model of this much "
        f"text: {'; '.join(said[:_SHOWN])}{more}."
    )


def _quality(result: Result) -> str:
    """The range of bits per byte."""
    models, shown = multilinguals(result), shown_models(result)
    said = []
    for model in models:
        own = span(result, quality_rows(result, MULTILINGUAL, model))
        if own:
            said.append(f"{'the multilingual model' if len(models) == 1 else shown[model]} {own}")
    other = span(result, quality_rows(result, MONOLINGUAL))
    said += [f"the monolingual {'model' if len(compared(result)) == 1 else 'models'} {other}"] if other else []
    scripts = (
        " Compare them within a language only: scripts differ in how many bytes a letter takes."
        if len(result.languages) > 1
        else ""
    )
    return f"Bits per byte: {'; '.join(said)}.{scripts}" if said else ""
