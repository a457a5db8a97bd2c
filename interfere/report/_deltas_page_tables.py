"""The tables of numbers of a deltas report page."""

from __future__ import annotations

import math

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._deltas_tables import (
    MONOLINGUAL,
    MULTILINGUAL,
    UNDETERMINED,
    bounds,
    delta_rows,
    language_order,
    multilinguals,
    percent,
    percent_digits,
    quality_of,
    size,
    table,
    worth_rows,
)
from interfere.report._deltas_words import worth_amount
from interfere.report._page import Column, Row, Table, minus, name
from interfere.report._run_tables import any_count, decimal
from interfere.results import Result

_DIGEST = 12  # letters of a fingerprint that tell models apart


def deltas_table(result: Result, caption: str) -> Table:
    """Every language of every multilingual model, the worst first."""
    several, quality = len(multilinguals(result)) > 1, quality_of(result)
    out = []
    for model in multilinguals(result):
        for _, row in delta_rows(result, model).iterrows():
            low, high = row["relative_ci_low"], row["relative_ci_high"]
            digits = percent_digits(low, high)
            cells = (
                name(row["language"]),
                *([name(model)] if several else []),
                _bits(quality.get((MULTILINGUAL, model, row["language"]))),
                _bits(quality.get((MONOLINGUAL, row["monolingual"], row["language"]))),
                decimal(row["delta"], 4),
                _span(decimal(row["ci_low"], 4), decimal(row["ci_high"], 4)),
                minus(percent(row["relative"], digits)),
                _span(minus(percent(low, digits)), minus(percent(high, digits))),
                text.probability(row["p_value"]),
                text.probability(row["q_value"]),
                row["verdict"],
                any_count(row["documents"]),
                text.safe_text(row["reason"]),
            )
            out.append(Row(cells, row["verdict"]))
    head = (
        Column("language", words=True),
        *([Column("model", words=True)] if several else []),
        *map(Column, ("multilingual", "monolingual", "Δ", "95% interval", "relative", "95% interval", "p", "q")),
        Column("verdict", words=True),
        Column("documents"),
        Column("why undetermined", words=True),
    )
    return Table(caption, head, out)


def quality_table(result: Result, caption: str) -> Table:
    """Bits per byte of every model, and what its tokenizer makes of the text; languages as in the figure."""
    order = {language: i for i, language in enumerate(language_order(result))}
    rows = table(result, "quality")
    rows = rows.assign(place=rows["language"].map(order)).sort_values("place", kind="stable", na_position="last")
    out = []
    for _, row in rows.iterrows():
        cells = (
            name(row["language"]),
            name(row["model"]),
            text.safe_text(row["role"]),
            decimal(row["bits_per_byte"], 4),
            _span(decimal(row["ci_low"], 4), decimal(row["ci_high"], 4)),
            decimal(row["bits_per_token"], 3),
            *(any_count(row[column]) for column in ("documents", "windows", "tokens", "bytes")),
            decimal(row["bytes_per_token"], 2),
            any_count(row["unknown_tokens"]),
            any_count(row["lost_bytes"]),
            _lost(row["lost_share"]),
        )
        out.append(Row(cells, "" if math.isfinite(row["bits_per_byte"]) else UNDETERMINED))
    columns = ("bits per byte", "95% interval", "bits per token", "documents", "windows", "tokens", "bytes")
    head = (
        *(Column(c, words=True) for c in ("language", "model", "role")),
        *map(Column, (*columns, "bytes per token", "unknown tokens", "lost bytes", "lost")),
    )
    return Table(caption, head, out)


def models_table(result: Result, caption: str) -> Table:
    """What was compared."""
    rows = table(result, "models")
    sized = bool((rows["text"] > 0).any())
    out = []
    for _, row in rows.iterrows():
        cells = (
            name(row["model"]),
            text.safe_text(row["role"]),
            name(row["language"] or text.UNKNOWN),
            *([size(row["text"])] if sized else []),
            name(row["id"]),
            text.safe_text(row["objective"]),
            any_count(row["parameters"]),
            any_count(row["vocabulary"]),
            Markup("<bdi>{}</bdi>").format(text.safe_text(row["weights_sha256"])[:_DIGEST]),
        )
        out.append(Row(cells))
    head = (
        *(Column(c, words=True) for c in ("model", "role", "language")),
        *([Column("training text")] if sized else []),
        Column("checkpoint", words=True),
        Column("objective", words=True),
        *map(Column, ("parameters", "vocabulary", "weights")),
    )
    return Table(caption, head, out)


def worth_table(result: Result, caption: str) -> Table:
    """What each multilingual model is worth in monolingual text."""
    several = len(multilinguals(result)) > 1
    order = {language: i for i, language in enumerate(language_order(result))}
    out = []
    for model in multilinguals(result):
        rows = worth_rows(result, model)
        for _, row in rows.assign(place=rows["language"].map(order)).sort_values("place", kind="stable").iterrows():
            cells = (
                name(row["language"]),
                *([name(model)] if several else []),
                worth_amount(row).split(",")[0] if row["beyond"] else size(row["text"]),
                _ends(row),
                size(row["least"]),
                size(row["most"]),
            )
            out.append(Row(cells))
    head = (
        Column("language", words=True),
        *([Column("model", words=True)] if several else []),
        *map(Column, ("worth", "interval of worth", "least", "most")),
    )
    return Table(caption, head, out)


def _ends(row: pd.Series) -> str:
    """The interval of what a model is worth; beyond what there is, only on which side."""
    low, high = bounds(row)
    if low <= 0 and high > row["most"]:
        return text.UNKNOWN
    ends = [
        "less than the least" if end < row["least"] else "more than the most" if end > row["most"] else size(end)
        for end in (low, high)
    ]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _bits(row: pd.Series | None) -> str:
    return text.UNKNOWN if row is None else decimal(row["bits_per_byte"], 4)


def _span(low: str, high: str) -> str:
    return text.UNKNOWN if text.UNKNOWN in (low, high) else f"{low} to {high}"


def _lost(value: float) -> str:
    if not math.isfinite(value):
        return text.UNKNOWN
    return "0" if value == 0 else "<0.01%" if value < 0.0001 else f"{100 * value:.2f}%"
