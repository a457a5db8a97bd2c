"""The tables of numbers of an experiment's report page."""

from __future__ import annotations

import math

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._deltas_tables import percent, percent_digits
from interfere.report._experiment_conflict import conflict_rows, pair_name
from interfere.report._experiment_predict import predict_rows
from interfere.report._experiment_predicted import prediction_rows, predictor_name
from interfere.report._experiment_tables import (
    capacities,
    delta_rows,
    names_of,
    partners,
    scout_rows,
    strongest,
    table,
)
from interfere.report._page import Column, Row, Table, minus, name
from interfere.report._run_tables import any_count, cosine, decimal
from interfere.results import Result

MOST = 300
"""Rows of a table; the CSV files have all."""


def _words(*names: str) -> list[Column]:
    return [Column(n, words=True) for n in names]


def _sized(rows: pd.DataFrame) -> list[str]:
    """The columns of capacity that have several values."""
    every = capacities(rows)
    return [c for i, c in enumerate(("width", "text")) if len({e[i] for e in every}) > 1]


def _sizes(row: pd.Series, columns: list[str]) -> list[str]:
    return [f"{row['width']:g}" if c == "width" else f"{100 * row['text']:g}%" for c in columns]


def _relative(row: pd.Series) -> list[str]:
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    digits = percent_digits(low, high)
    return [
        minus(percent(row["relative"], digits)),
        _span(minus(percent(low, digits)), minus(percent(high, digits))),
    ]


def more(rows: int, file: str) -> str:
    """What a caption says where a table does not have all rows."""
    return f"; {MOST} of {rows:,} rows, the others are in {file}.csv" if rows > MOST else ""


def deltas_table(result: Result) -> Table:
    """Every comparison, the worst first."""
    rows = delta_rows(result)
    names, sized = names_of(result), _sized(rows)
    out = []
    for _, row in strongest(rows, MOST).iterrows():
        cells = (
            name(row["language"]),
            text.safe_text(row["kind"]),
            name(partners(row, names)),
            *_sizes(row, sized),
            decimal(row["delta"], 4),
            _span(decimal(row["ci_low"], 4), decimal(row["ci_high"], 4)),
            *_relative(row),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            row["verdict"],
            any_count(row["seeds"]),
            any_count(row["documents"]),
            text.safe_text(row["reason"]),
        )
        out.append(Row(cells, row["verdict"]))
    head = [
        *_words("language", "kind", "with"),
        *map(Column, (*sized, "Δ", "95% interval", "relative", "95% interval", "p", "q")),
        *_words("verdict"),
        *map(Column, ("seeds", "documents")),
        *_words("why undetermined"),
    ]
    return Table(f"Mixtures against matched monolingual models, the worst first{more(len(rows), 'deltas')}", head, out)


def scout_table(result: Result) -> Table:
    """What short runs predict."""
    rows = scout_rows(result)
    names, sized = names_of(result), _sized(rows)
    out = []
    for _, row in strongest(rows, MOST).iterrows():
        cells = (
            name(row["language"]),
            text.safe_text(row["kind"]),
            name(partners(row, names)),
            *_sizes(row, sized),
            *_relative(row),
            any_count(row["updates"]),
            decimal(row["slope"], 4),
            text.safe_text(row["lengths"]),
            any_count(row["seeds"]),
        )
        out.append(Row(cells, row["verdict"]))
    head = [
        *_words("language", "kind", "with"),
        *map(
            Column, (*sized, "predicted", "interval of predicted", "at updates", "per tenfold", "short runs", "seeds")
        ),
    ]
    return Table(f"Predicted at full length, the worst first{more(len(rows), 'scout')}", head, out)


def predictions_table(result: Result) -> Table:
    """How well each predictor did."""
    rows = prediction_rows(result)
    sized = _sized(rows)
    out = [
        Row(
            (
                predictor_name(row["predictor"]),
                *_sizes(row, sized),
                decimal(row["correlation"]),
                _span(decimal(row["ci_low"]), decimal(row["ci_high"])),
                text.share(row["within"]) if math.isfinite(row["within"]) else text.UNKNOWN,
                any_count(row["pairs"]),
                any_count(row["rows"]),
                row["says"],
            ),
            "" if row["says"] in ("predicts", "contrary") else "undetermined",
        )
        for _, row in rows.iterrows()
    ]
    columns = (*sized, "rank correlation", "interval of correlation", "within", "pairs", "directions")
    head = [*_words("predictor"), *map(Column, columns), *_words("says")]
    return Table("What was known early against the final difference", head, out)


def predictors_table(result: Result) -> Table:
    """Every direction of a pair with its predictors, the worst first."""
    rows = predict_rows(result).sort_values(["relative", "pair", "language"], ascending=[False, True, True])
    names, sized = names_of(result), _sized(rows)
    out = []
    for _, row in rows.head(MOST).iterrows():
        cells = (
            Markup("{} ← {}").format(*(name(names.get(row[side], row[side])) for side in ("language", "partner"))),
            *_sizes(row, sized),
            *(decimal(row[c], 3) for c in ("conflict", "transfer", "overlap")),
            minus(percent(row["early_delta"])),
            minus(percent(row["relative"])),
        )
        out.append(Row(cells))
    columns = ("conflict", "transfer of gradients", "byte 3-gram overlap", "early delta", "final")
    head = [*_words("direction"), *map(Column, (*sized, *columns))]
    return Table(f"Directions of pairs, the worst first{more(len(rows), 'predictors')}", head, out)


def conflict_table(result: Result) -> Table:
    """Cosines of the body at every moment that was kept."""
    rows = conflict_rows(result).sort_values(["kind", "mixture", "a", "b", "width", "text", "share"], kind="stable")
    names, sized = names_of(result), _sized(rows)
    out = []
    for _, row in rows.head(MOST).iterrows():
        cells = (
            name(pair_name(row["kind"], row["mixture"], row["a"], row["b"], names)),
            text.safe_text(row["kind"]),
            *_sizes(row, sized),
            text.share(row["share"]),
            cosine(row["corrected"]),
            _span(decimal(row["ci_low"]), decimal(row["ci_high"])),
            cosine(row["cosine"]),
            cosine(row["ceiling"]),
        )
        out.append(Row(cells))
    columns = (*sized, "share of training", "corrected cosine", "interval of cosine", "raw cosine", "ceiling")
    head = [*_words("members", "kind"), *map(Column, columns)]
    return Table(f"Gradient conflict of the body along training{more(len(rows), 'conflict')}", head, out)


def models_table(result: Result) -> Table:
    """What was trained, by kind of mixture and capacity."""
    rows, quality = table(result, "models"), table(result, "quality")
    sized = _sized(rows)
    out = []
    for (kind, width, share), own in rows.groupby(["kind", "width", "text"], sort=False):
        seen = quality[(quality["kind"] == kind) & (quality["width"] == width) & (quality["text"] == share)]
        bits = seen[seen["share"] >= 1].groupby(["mixture", "language"])["bits_per_byte"].mean().dropna()
        span = _span(decimal(bits.min(), 3), decimal(bits.max(), 3)) if len(bits) else text.UNKNOWN
        updates = sorted({float(u) for u in own["updates"].dropna()})
        cells = (
            text.safe_text(kind),
            *_sizes(own.iloc[0], sized),
            any_count(len(own)),
            any_count(own["parameters"].max()),
            any_count(updates[0]) + (f" to {any_count(updates[-1])}" if len(updates) > 1 else "") if updates else "–",
            decimal(own["seconds"].mean() / 60, 1),
            decimal(own["training_loss"].mean(), 3),
            span,
        )
        out.append(Row(cells))
    columns = (*sized, "models", "parameters", "updates", "minutes each", "training loss", "bits per byte")
    return Table("The models that were trained", [*_words("kind"), *map(Column, columns)], out)


def _span(low: str, high: str) -> str:
    return text.UNKNOWN if text.UNKNOWN in (low, high) else low if low == high else f"{low} to {high}"
