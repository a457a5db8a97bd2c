"""What a tasks result says in parts of sentences: titles, intervals, and texts for those who cannot see a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_words import capital, listed, many
from interfere.report._tasks_tables import (
    MONOLINGUAL,
    VERDICTS,
    delta_rows,
    metric,
    multilinguals,
    score_rows,
    shown_models,
    signed,
    within,
    zero_shot,
)
from interfere.results import Result

_NAME = 40
_HEADINGS = {
    "scores": "Scores by training and test language",
    "deltas": "Multilingual less monolingual model by training and test language",
}


def title(result: Result, kind: str, model: str | None) -> str:
    """What a figure shows, on one line; a model is named where there are several.

    Args:
        result: of kind `tasks`.
        kind: `scores` or `deltas`.
        model: the multilingual one that it shows.
    """
    several = model is not None and len(multilinguals(result)) > 1
    return f"{_HEADINGS[kind]}, {model_phrase(result, str(model))}" if several else _HEADINGS[kind]


def titles(result: Result, kind: str, model: str | None) -> tuple[str, str]:
    """The two lines above a figure: what it shows of which model, and how that was measured."""
    settings = result.settings
    facts = [text.safe_text(settings["task"])] if settings.get("task") else []
    if len(multilinguals(result)) == 1:
        facts.append(text.shorten(text.safe_text(result.model.get("id", "a model")), 60, keep="end"))
    facts.append(metric(result))
    seeds = settings.get("seeds")
    if isinstance(seeds, int):
        facts.append(f"{many(seeds, 'fine-tuning')} each")
    facts.append("no intervals" if seeds == 1 else "intervals over seeds and test items")
    return title(result, kind, model), " · ".join(facts)


def model_phrase(result: Result, multilingual: str, *, first: bool = False) -> str:
    """A multilingual model in a sentence, perhaps as its first word; the only one needs no name."""
    if len(multilinguals(result)) == 1:
        return f"{'The' if first else 'the'} multilingual model"
    return f"{'Model' if first else 'model'} {shown_models(result)[multilingual]}"


def few(languages: list[str], most: int = 5) -> str:
    """Some of the languages, and how many more."""
    more = f" and {len(languages) - most:,} more" if len(languages) > most else ""
    return f"{', '.join(languages[:most])}{more}" if more else listed(languages)


def score(row: pd.Series) -> str:
    """A score with its interval."""
    shown = text.number(row["score"], 3)
    return f"{shown} ({interval(row)})" if has_interval(row) else shown


def difference(row: pd.Series) -> str:
    """A difference with its interval and q."""
    q = "" if not np.isfinite(row["q_value"]) else f", {probability(row['q_value'])}"
    return f"{signed(row['delta'])} ({interval(row, sign=True)}{q})"


def interval(row: pd.Series, *, sign: bool = False) -> str:
    """The 95% interval of a row in words."""
    if not has_interval(row):
        return "no interval"
    low, high = (signed(row[c]) if sign else text.number(row[c], 3) for c in ("ci_low", "ci_high"))
    return f"95% interval {low} to {high}"


def has_interval(row: pd.Series) -> bool:
    """Whether both ends are known."""
    return bool(np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]))


def probability(q: float) -> str:
    """A q-value in a sentence."""
    shown = text.probability(q)
    return f"q {shown}" if shown.startswith("<") else f"q = {shown}"


def span(rows: pd.DataFrame, names: dict[str, str]) -> str:
    """The least and the highest score of rows within a language, with their languages."""
    rows = rows[rows["known"]].sort_values(["score", "test"], kind="stable")
    ends = [f"{text.number(row['score'], 3)} ({names[row['test']]})" for _, row in rows.iterrows()]
    return "" if not ends else ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"


def scores_alt(result: Result, model: str | None) -> str:
    """The figure of scores in words."""
    names = text.short_names(result.languages, _NAME)
    n = many(len(names), "language")
    out = [f"Heatmaps of {metric(result)} by the language of fine-tuning (rows) and of the test (columns), for {n}."]
    panels = [(model_phrase(result, model, first=True), score_rows(result, model))] if model is not None else []
    panels.append(("Monolingual models", score_rows(result, role=MONOLINGUAL)))
    for who, rows in panels:
        parts = [("within a language", span(within(rows), names))]
        other = zero_shot(rows)
        ends = [text.number(value, 3) for value in (other["score"].min(), other["score"].max())]
        if other["known"].any():
            sure = f"{int(other['sure'].sum()):,} of {len(other):,} surely above the majority baseline"
            parts.append(("zero-shot", f"{' to '.join(dict.fromkeys(ends))}, {sure}"))
        said = "; ".join(f"{where} {values}" for where, values in parts if values)
        out += [f"{who}: {said}."] if said else []
    return " ".join(out)


def deltas_alt(result: Result, model: str) -> str:
    """The figure of differences in words."""
    names, rows = text.short_names(result.languages, _NAME), delta_rows(result, model)
    out = [
        f"Heatmap of the difference in {metric(result)} between {model_phrase(result, model)} and the monolingual "
        "model of the language of fine-tuning (rows), by language of the test (columns)."
    ]
    for where, own in (("within a language", within(rows)), ("zero-shot", zero_shot(rows))):
        if own.empty:
            continue
        counts = listed([f"{int((own['verdict'] == v).sum()):,} {v}" for v in VERDICTS])
        said = f"{capital(where)}: {counts}"
        known = own[own["known"]]
        if not known.empty:
            ends = [f"{signed(row['delta'])} ({_pair(row, names)})" for _, row in known.iloc[[-1, 0]].iterrows()]
            said += f"; from {ends[0]} to {ends[1]}" if len(known) > 1 else f"; {ends[0]}"
        out.append(f"{said}.")
    return " ".join(out)


def _pair(row: pd.Series, names: dict[str, str]) -> str:
    train, test = names[row["train"]], names[row["test"]]
    return f"from {train} to {test}" if row["zero_shot"] else test
