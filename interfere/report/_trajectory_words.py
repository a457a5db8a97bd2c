"""What a trajectory says in parts of sentences: steps, pairs, titles of figures, and figures in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_words import many
from interfere.report._tables import VERDICTS, scope_phrase
from interfere.report._trajectory_tables import by_step, metrics, pair_rows, self_rows, steps, verdict_counts
from interfere.results import Result

_METRIC, _MODEL = 40, 60

_HEADINGS = {
    "cosines": "Gradient cosines along training",
    "verdicts": "Pairs of languages by verdict along training",
    "languages": "Self-similarity and loss of the languages along training",
}


def step_name(step: float) -> str:
    """A step in words."""
    return f"step {step:,.0f}"


def brief_step(step: float) -> str:
    """A step at an axis: 500, 1,500, 10k, 1.5M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if step >= 10 * size or (step >= size and step % size == 0):
            return f"{step / size:.4g}{letter}"
    return f"{step:,.0f}"


def span(result: Result) -> str:
    """From which step to which."""
    every = steps(result)
    return f"steps {every[0]:,} to {every[-1]:,}" if len(every) > 1 else f"step {every[0]:,}" if every else "no step"


def pair(row: pd.Series, names: dict[str, str]) -> str:
    """Two languages."""
    return f"{names[row['a']]} and {names[row['b']]}"


def title(result: Result, kind: str, metric: str) -> str:
    """What a figure shows, on one line, without the model's name."""
    return f"{_HEADINGS[kind]}, {text.shorten(text.safe_text(metric), _METRIC)} metric"


def titles(result: Result, kind: str, metric: str) -> tuple[str, str]:
    """The two lines above a figure: what it shows of which training, and how that was measured."""
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), _MODEL, keep="end")
    facts = [f"{text.shorten(text.safe_text(metric), _METRIC)} metric", f"over {scope_phrase(result)}"]
    if result.model.get("objective"):
        facts.insert(0, text.safe_text(result.model["objective"]))
    facts.append(many(len(steps(result)), "checkpoint"))
    if result.settings.get("chunks"):
        facts.append(f"{text.safe_text(result.settings['chunks'])} chunks per language")
    return f"{_HEADINGS[kind]}: {model}", " · ".join(facts)


def cosines_alt(result: Result, metric: str) -> str:
    """The cosines figure in words."""
    rows, names = pair_rows(result, metric), text.short_names(result.languages, _METRIC)
    own = self_rows(result, metric)
    number = len(rows[["a", "b"]].drop_duplicates())
    out = [
        f"Lines of corrected and of raw cosines against the step, {span(result)}, for {many(number, 'pair')} of "
        "languages."
    ]
    means = by_step(rows, own)
    ends = means.iloc[[0, -1]]
    for column, what in (("clipped", "corrected cosine"), ("cosine", "raw cosine")):
        out.append(f"The mean {what} goes from {' to '.join(text.cosine(v) for v in ends[column])}.")
    low, high = own["self_similarity"].min(), own["self_similarity"].max()
    if np.isfinite(low):
        out.append(
            f"Self-similarities, the ceiling of raw cosines, are from {text.cosine(low)} to {text.cosine(high)}."
        )
    last = rows[(rows["step"] == rows["step"].max()) & np.isfinite(rows["corrected"])]
    if len(last):
        lowest = last.sort_values(["corrected", "a", "b"], kind="stable").iloc[0]
        out.append(f"At the last step {pair(lowest, names)} are lowest, {text.cosine(lowest['corrected'])}.")
    return " ".join(out)


def verdicts_alt(result: Result, metric: str) -> str:
    """The verdicts figure in words."""
    counts = verdict_counts(pair_rows(result, metric))
    ends = [(step, counts.loc[step]) for step in dict.fromkeys((counts.index[0], counts.index[-1]))]
    said = [
        f"at {step_name(float(step))} "
        + ", ".join(f"{int(own[v]):,} {'in conflict' if v == 'conflict' else v}" for v in VERDICTS if own[v])
        for step, own in ends
    ]
    return f"Stacked bars of verdicts at {many(len(counts), 'step')}: {'; '.join(said)}."


def languages_alt(result: Result, metric: str) -> str:
    """The languages figure in words."""
    own = self_rows(result, metric)
    means = own.groupby("step")[["self_similarity", "loss"]].mean().iloc[[0, -1]]
    parts = [
        f"the mean {what} goes from {' to '.join(text.number(v) for v in means[column])}"
        for column, what in (("self_similarity", "self-similarity"), ("loss", "loss"))
    ]
    return f"Lines against the step for {many(len(result.languages), 'language')}: {'; '.join(parts)}."


def main_metric(result: Result) -> str:
    """The metric that findings are about."""
    return metrics(result)[0]
