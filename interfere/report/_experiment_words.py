"""What an experiment says in parts of sentences: kinds of mixtures, settings, intervals, titles of figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import percent, percent_digits
from interfere.report._deltas_words import interval, probability
from interfere.report._experiment_tables import (
    CONTROLS,
    INTERFERENCE,
    TRANSFER,
    UNDETERMINED,
    VERDICTS,
    Capacity,
    capacities,
    capacity_names,
    language_name,
    partners,
    table,
)
from interfere.report._importance_words import listed, many
from interfere.results import Result

KIND_NAMES = {
    "half": "the other half of its own text",
    "clone": "a clone of itself",
    "pair": "pairs",
    "triple": "triples",
    "all": "all languages together",
}
"""Kind of mixture → what it is called."""

PREDICTOR_NAMES = {
    "conflict": "conflict",
    "transfer": "transfer of gradients",
    "overlap": "byte 3-gram overlap",
    "early_delta": "early delta",
}
"""Predictor → what it is called in a table or figure."""

_HEADINGS = {
    "matrix": "Who pays for sharing with whom",
    "forest": "Mixtures against monolingual models",
    "curves": "Difference along training",
    "conflict": "Gradient conflict along training",
    "predict": "What was known early against what came of it",
    "capacity": "Difference by width",
    "amount": "Difference by amount of text",
    "scout": "What short runs predict",
}


def title(kind: str) -> str:
    """What a figure shows, on one line."""
    return _HEADINGS[kind]


def titles(result: Result, kind: str, capacity: Capacity | None = None) -> tuple[str, str]:
    """The two lines above a figure: what it shows, and of which models."""
    every = capacities(table(result, "deltas"))
    objective = {"causal-lm": "causal LMs", "masked-lm": "masked LMs"}.get(str(result.model.get("objective")), "")
    facts = [objective] if objective else []
    if capacity is not None and every:
        facts.append(capacity_names(every).get(capacity, ""))
    elif len({c[0] for c in every}) == 1:
        facts.append(f"width {every[0][0]:g}")
    facts += [f"{updates_words(result)} per language"] if result.settings.get("updates") else []
    seeds = seeds_of(result)
    facts += [many(seeds, "seed")] if seeds else []
    return _HEADINGS[kind], " · ".join(fact for fact in facts if fact)


def updates_words(result: Result) -> str:
    """How long models were trained."""
    updates = table(result, "deltas").get("updates", pd.Series(dtype=float)).dropna()
    if result.settings.get("scout") and len(updates):
        lengths = sorted({int(u) for u in updates})
        return many(lengths[0], "update") if len(lengths) == 1 else f"{lengths[0]:,} to {lengths[-1]:,} updates"
    return many(_number(result.settings.get("updates")), "update")


def seeds_of(result: Result) -> int:
    """With how many seeds models were trained."""
    rows = table(result, "deltas")
    seeds = rows["seeds"].dropna() if "seeds" in rows else pd.Series(dtype=float)
    return int(seeds.max()) if len(seeds) else 0


def design(result: Result) -> list[str]:
    """The settings that can decide the sign of a difference, in words."""
    settings = result.settings
    signals = {
        "embedding": "a language embedding at every position",
        "tag": "a language tag as the first token alone",
        "none": "no sign of the language",
    }
    out = [signals[str(settings["signal"])]] if str(settings.get("signal")) in signals else []
    if "joint" in settings:
        out.append(f"{'joint' if settings['joint'] else 'alternating'} updates")
    if math.isfinite(_number(settings.get("updates"))):
        of = f", of {_number(settings['updates']):,.0f}" if settings.get("scout") else ""
        out.append(f"{updates_words(result)} per language{of}")
    if math.isfinite(_number(settings.get("learning_rate"))):
        schedule = text.safe_text(settings["schedule"]) if settings.get("schedule") else ""
        out.append(f"learning rate {_number(settings['learning_rate']):g}{f' ({schedule})' if schedule else ''}")
    if settings.get("tokenizer") == "bpe":
        out.append(f"BPE of {_number(settings.get('vocabulary')):,.0f} tokens")
    elif settings.get("tokenizer"):
        out.append("bytes as tokens")
    if "temperature" in settings:
        heat = settings["temperature"]
        out.append("equal updates for all languages" if heat is None else f"temperature {_number(heat):g}")
    return out


def _number(value: Any) -> float:
    found = pd.to_numeric(value, errors="coerce")
    return float(found) if found is not None else math.nan


def counts(rows: pd.DataFrame) -> str:
    """How many rows have each verdict, of those that there are."""
    numbers = {v: int((rows["verdict"] == v).sum()) for v in VERDICTS}
    return listed([f"{n:,} {v}" for v, n in numbers.items() if n])


def difference(row: pd.Series) -> str:
    """A relative difference with its interval and q."""
    digits = percent_digits(row["relative_ci_low"], row["relative_ci_high"])
    q = row.get("q_value", math.nan)
    q_said = f", {probability(q)}" if math.isfinite(q) else ""
    return f"{percent(row['relative'], digits)} ({interval(row, digits)}{q_said})"


def case(row: pd.Series, names: dict[str, str], sizes: Mapping[Capacity, str]) -> str:
    """A row in a sentence: the language, with whom it shares, and where several capacities are at hand, which."""
    own = language_name(row["language"], names)
    with_ = "" if row["kind"] in (*CONTROLS, "all") else f" with {partners(row, names)}"
    at = f" at {sizes[row['width'], row['text']]}" if len(sizes) > 1 else ""
    return f"{own}{with_}{at}"


def verdict_ends(rows: pd.DataFrame, names: dict[str, str], sizes: Mapping[Capacity, str]) -> str:
    """The strongest interference and the strongest transfer of some rows, the worst first."""
    ends = []
    for verdict in (INTERFERENCE, TRANSFER):
        own = rows[rows["verdict"] == verdict]
        if not own.empty:
            row = own.iloc[0 if verdict == INTERFERENCE else -1]
            most = f"strongest {verdict}" if len(own) > 1 else verdict
            ends.append(f"{most} in {case(row, names, sizes)}, {difference(row)}")
    return "; ".join(ends)


def open_range(rows: pd.DataFrame) -> str:
    """Between which ends the undetermined differences may lie."""
    own = rows[(rows["verdict"] == UNDETERMINED) & rows["has"]]
    if own.empty:
        return ""
    low, high = own["relative_ci_low"].min(), own["relative_ci_high"].max()
    digits = percent_digits(low, high)
    return f"{percent(low, digits)} to {percent(high, digits)}"
