"""The tables of numbers of a tasks report page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import Block, Column, Row, Table, minus, name
from interfere.report._run_tables import any_count, decimal
from interfere.report._tasks_tables import (
    MONOLINGUAL,
    UNDETERMINED,
    delta_rows,
    metric,
    multilinguals,
    score_rows,
    signed,
    table,
    within,
    zero_shot,
)
from interfere.results import Result

_WORDS = ("fine-tuned in", "tested in", "model", "role", "above baseline", "verdict", "why undetermined", "read from")


def _head(*names: str) -> list[Column]:
    return [Column(column, words=column in _WORDS) for column in names]


def deltas_table(result: Result, caption: str, *, inside: bool) -> Table:
    """Differences of every multilingual model, the best first: within languages, or zero-shot."""
    several = len(multilinguals(result)) > 1
    scores = _scores(result)
    out = []
    for model in multilinguals(result):
        rows = delta_rows(result, model)
        for _, row in (within(rows) if inside else zero_shot(rows)).iterrows():
            pair = row["train"], row["test"]
            cells = (
                *map(name, pair[1:] if inside else pair),
                *([name(model)] if several else []),
                decimal(scores.get((model, *pair)), 4),
                decimal(scores.get((row["monolingual"], *pair)), 4),
                minus(signed(row["delta"], 4)),
                _span(minus(signed(row["ci_low"], 4)), minus(signed(row["ci_high"], 4))),
                text.probability(row["p_value"]),
                text.probability(row["q_value"]),
                row["verdict"],
                any_count(row["seeds"]),
                any_count(row["items"]),
                text.safe_text(row["reason"]),
            )
            out.append(Row(cells, row["verdict"]))
    languages = ("tested in",) if inside else ("fine-tuned in", "tested in")
    numbers = ("multilingual", "monolingual", "Δ", "95% interval", "p", "q")
    head = _head(*languages, *(["model"] if several else []), *numbers, "verdict", "seeds", "items", "why undetermined")
    return Table(caption, head, out)


def scores_table(result: Result, caption: str, *, inside: bool) -> Table:
    """Scores of every model: within languages, or zero-shot."""
    out = []
    for _, row in _of(result, inside).iterrows():
        cells = (
            *map(name, (row["test"],) if inside else (row["train"], row["test"])),
            name(row["model"]),
            text.safe_text(row["role"]),
            decimal(row["score"], 4),
            _span(decimal(row["ci_low"], 4), decimal(row["ci_high"], 4)),
            decimal(row["seed_sd"], 4),
            decimal(row["majority_baseline"], 4),
            "surely" if row["sure"] else "not surely",
            any_count(row["seeds"]),
            any_count(row["items"]),
        )
        out.append(Row(cells, "" if row["sure"] else UNDETERMINED))
    languages = ("tested in",) if inside else ("fine-tuned in", "tested in")
    columns = ("model", "role", metric(result), "95% interval", "sd of seeds", "majority baseline", "above baseline")
    return Table(caption, _head(*languages, *columns, "seeds", "items"), out)


def units_table(result: Result, caption: str) -> Table:
    """How fine-tuning went: every model and language over its seeds, with scores within the language."""
    units = table(result, "task_units")
    out = []
    for (model, train), own in units.groupby(["model", "train"], sort=False):
        inside = own[own["test"] == train]
        runs = own.drop_duplicates("seed")
        cells = (
            name(train),
            name(model),
            any_count(len(runs)),
            any_count(runs["steps"].max()),
            decimal(runs["loss"].mean(), 3),
            decimal(inside["score"].min(), 3),
            decimal(inside["score"].max(), 3),
        )
        out.append(Row(cells))
    return Table(caption, _head("fine-tuned in", "model", "seeds", "steps", "loss", "least", "most"), out)


def items_blocks(result: Result) -> list[Block]:
    """The section on the labelled data."""
    rows = []
    for language in result.languages:
        facts = result.data.get(language, {})
        cells = (
            name(language),
            name(facts.get("origin") or text.UNKNOWN),
            text.safe_text(facts.get("split") or text.UNKNOWN),
            any_count(facts.get("train_items")),
            any_count(facts.get("test_items")),
            _not_read(facts),
            *(_digest(facts.get(f"{part}_sha256")) for part in ("train", "test")),
        )
        rows.append(Row(cells))
    words = ("language", "read from", "split", "not read", "SHA-256, training", "SHA-256, test")
    columns = ("language", "read from", "split", "training items", "test items", *words[3:])
    head = [Column(column, words=column in words) for column in columns]
    return [Table("Labelled items that were trained on and tested on, by language", head, rows)]


def _of(result: Result, inside: bool) -> pd.DataFrame:
    parts = [score_rows(result), score_rows(result, role=MONOLINGUAL)]
    rows = pd.concat([part for part in parts if not part.empty] or parts[:1])
    return within(rows) if inside else zero_shot(rows)


def _scores(result: Result) -> dict[tuple[str, str, str], float]:
    rows = table(result, "task_scores")
    keys = zip(rows["model"], rows["train"], rows["test"], strict=True)
    return dict(zip(keys, rows["score"], strict=True))


def _span(low: str, high: str) -> str:
    return text.UNKNOWN if text.UNKNOWN in (low, high) else f"{low} to {high}"


def _not_read(facts: Mapping[str, Any]) -> str:
    skipped = facts.get("skipped")
    parts = []
    if isinstance(skipped, Mapping):
        parts += [f"{any_count(n)} skipped: {text.safe_text(reason)}" for reason, n in skipped.items()]
    if facts.get("retagged"):
        parts.append(f"{any_count(facts['retagged'])} spans retagged")
    return "; ".join(parts)


def _digest(value: object) -> Markup:
    return Markup("<code>{}</code>").format(text.safe_text(value or text.UNKNOWN))
