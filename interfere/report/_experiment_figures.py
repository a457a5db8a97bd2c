"""The figures of an experiment, and each in words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from interfere.report import _experiment_words as words
from interfere.report._deltas_tables import percent
from interfere.report._experiment_conflict import conflict_figure, conflict_order, conflict_rows, pair_name
from interfere.report._experiment_curves import capacity_figure, curves_figure, has_curves, scout_figure
from interfere.report._experiment_forest import forest_figure
from interfere.report._experiment_matrix import matrix_figure, pair_rows
from interfere.report._experiment_predict import predict_figure, predict_rows
from interfere.report._experiment_predicted import correlation, prediction_rows, predictor_name
from interfere.report._experiment_tables import (
    at_capacity,
    capacities,
    capacity_names,
    delta_rows,
    distinct,
    is_scout,
    kinds,
    main_capacity,
    names_of,
    scout_rows,
    text_name,
    width_name,
)
from interfere.report._figure import Drawn
from interfere.report._importance_words import capital, many
from interfere.results import Result

MEASURE = "bits per byte"


def experiment_figures(result: Result) -> Iterator[Drawn]:
    """What the tables of a result of kind `experiment` have to show."""
    rows = delta_rows(result)
    some = bool(rows["known"].any()) if len(rows) else False
    widths, shares = (distinct(rows[c]) if len(rows) else [] for c in ("width", "text"))
    there = (
        ("scout", scout_figure, _scout_alt, is_scout(result)),
        ("matrix", matrix_figure, _matrix_alt, len(pair_rows(result)) > 0),
        ("forest", forest_figure, _forest_alt, some),
        ("capacity", partial(capacity_figure, what="width"), partial(_ends_alt, what="width"), len(widths) > 1),
        ("amount", partial(capacity_figure, what="text"), partial(_ends_alt, what="text"), len(shares) > 1),
        ("curves", curves_figure, _curves_alt, some and has_curves(result)),
        ("conflict", conflict_figure, _conflict_alt, len(conflict_rows(result)) > 0),
        ("predict", predict_figure, _predict_alt, len(predict_rows(result)) > 0),
    )
    for kind, figure, alt, shown in there:
        if shown:
            yield Drawn(kind, MEASURE, kind, words.title(kind), alt(result), figure(result))


def _kinds_said(rows: pd.DataFrame) -> list[str]:
    """Verdicts of each kind of mixture, and its range."""
    out = []
    for kind in kinds(rows):
        own = rows[rows["kind"] == kind]
        known = own[own["known"]]["relative"]
        span = f", from {percent(float(known.min()))} to {percent(float(known.max()))}" if len(known) else ""
        out.append(f"{capital(words.KIND_NAMES.get(kind, 'other mixtures'))}: {words.counts(own)}{span}.")
    return out


def _matrix_alt(result: Result) -> str:
    rows, names = pair_rows(result), names_of(result)
    sizes = capacity_names(capacities(rows))
    out = [
        f"A heatmap of languages by languages, {many(rows['language'].nunique(), 'language')}: by how many per cent "
        "the row's language needs more bits per byte when it is trained with the column's.",
        f"Of {many(len(rows), 'comparison')}, {words.counts(rows)}.",
    ]
    known = rows[rows["known"]]
    for row, which in ((known.iloc[0], "Most"), (known.iloc[-1], "Least")) if len(known) else ():
        out.append(f"{which}: {words.case(row, names, sizes)}, {percent(row['relative'])}.")
    return " ".join(out)


def _forest_alt(result: Result) -> str:
    lead = "Points with 95% intervals, a row for each language and mixture, by kind of mixture."
    return " ".join([lead, *_kinds_said(delta_rows(result))])


def _scout_alt(result: Result) -> str:
    rows = scout_rows(result)
    lead = (
        f"Relative differences of short runs against their updates, and as predicted for {rows['updates'].max():,.0f} "
        f"updates, for {many(len(rows), 'comparison')}."
    )
    out = [lead]
    for kind in kinds(rows):
        known = rows[(rows["kind"] == kind) & rows["known"]]["relative"]
        if len(known):
            span = f"{percent(float(known.min()))} to {percent(float(known.max()))}"
            out.append(f"{capital(words.KIND_NAMES.get(kind, 'other mixtures'))}: predicted {span}.")
    return " ".join(out)


def _ends_alt(result: Result, what: str) -> str:
    rows = delta_rows(result)
    values = distinct(rows[what])
    word = width_name if what == "width" else text_name
    out = [f"Relative difference from {word(values[0])} to {word(values[-1])}, a line for each language and mixture."]
    for kind in kinds(rows):
        own = rows[(rows["kind"] == kind) & rows["known"]]
        ends = [own[own[what] == value]["relative"] for value in (values[0], values[-1])]
        if all(len(end) for end in ends):
            said = " to ".join(percent(float(end.median())) for end in ends)
            out.append(f"{capital(words.KIND_NAMES.get(kind, 'other mixtures'))}: median from {said}.")
    return " ".join(out)


def _curves_alt(result: Result) -> str:
    from interfere.report._experiment_tables import table

    curves = table(result, "curves")
    curves = at_capacity(curves, main_capacity(delta_rows(result)))
    shares = distinct(curves["share"])
    out = [
        f"Relative difference at {len(shares)} moments from {100 * shares[0]:.2g}% to {100 * shares[-1]:.3g}% of the "
        "training, a line for each language and mixture."
    ]
    for kind in kinds(curves):
        own = curves[(curves["kind"] == kind) & np.isfinite(curves["relative"])]
        medians = [own[own["share"] == s]["relative"].median() for s in shares]
        said = ", ".join(percent(float(m)) for m in medians if np.isfinite(m))
        if said:
            out.append(f"{capital(words.KIND_NAMES.get(kind, 'other mixtures'))}: medians {said}.")
    return " ".join(out)


def _conflict_alt(result: Result) -> str:
    every, names = conflict_rows(result), names_of(result)
    rows = at_capacity(every, main_capacity(every))
    order = conflict_order(rows)
    out = [
        f"Corrected and raw cosine of gradients against the share of the training, for {min(len(order), 12)} of "
        f"{many(len(order), 'pair')} of members of a mixture, with the self-similarity as the ceiling of raw cosines."
    ]
    for key in order[:6]:
        mask = (rows["kind"] == key[0]) & (rows["mixture"] == key[1]) & (rows["a"] == key[2]) & (rows["b"] == key[3])
        values = rows[mask]["corrected"]
        said = [f"{value:.2f}" for value in (values.iloc[0], values.iloc[-1]) if np.isfinite(value)]
        if said:
            out.append(f"{pair_name(*key, names)}: corrected {' to '.join(said)}.")
    return " ".join(out)


def _predict_alt(result: Result) -> str:
    rows = predict_rows(result)
    rows = at_capacity(rows, main_capacity(rows))
    said = prediction_rows(result)
    out = [f"The final relative difference of {many(len(rows), 'direction')} of pairs against what was known early."]
    said = at_capacity(said, main_capacity(rows)) if len(said) else said
    for _, row in said.iterrows():
        out.append(f"{capital(predictor_name(row['predictor']))}: rank correlation {correlation(row)}, {row['says']}.")
    return " ".join(out)
