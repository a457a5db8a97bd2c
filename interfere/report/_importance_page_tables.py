"""The tables of numbers of an importance report page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from interfere.report import _text as text
from interfere.report._importance_tables import (
    CORE,
    RANDOM,
    Part,
    counts,
    gate_rows,
    mean_overlap,
    methods,
    noun,
    of_method,
    parts,
    removal,
    shares,
    table,
)
from interfere.report._importance_words import safe_method
from interfere.report._page import Column, Row, Table, minus, name
from interfere.report._run_tables import any_count, cosine, decimal, short
from interfere.results import Result

STRONGEST = 50
"""Own units that the page lists."""

_PAIR_NAME = 28  # terminal cells of a name that has to share its table cell with another
_VERDICTS = ("specific", "not shown", "undetermined")


def counts_table(result: Result, method: str, caption: str) -> Table:
    """How many units are each language's own by a method."""
    columns = ("picked", "own", "own by chance", "picked again", "again by chance")
    rows = []
    for _, row in counts(result, method).iterrows():
        cells = (
            name(row["language"]),
            noun(row["kind"], 1),
            any_count(row["picked"]),
            any_count(row["own"]),
            decimal(row["own_by_chance"], 1),
            any_count(row["again"]),
            decimal(row["again_by_chance"], 1),
        )
        rows.append(Row(cells))
    head = (Column("language", words=True), Column("kind", words=True), *map(Column, columns))
    return Table(caption, head, rows)


def specificity_table(result: Result, caption: str) -> Table:
    """What removing its units costs each language more than the others, the largest difference first."""
    rows = table(result, "specificity").sort_values(
        ["specificity", "language"], ascending=[False, True], kind="stable", na_position="last"
    )
    out = []
    for _, row in rows.iterrows():
        verdict = row["verdict"] if row["verdict"] in _VERDICTS else text.safe_text(row["verdict"])
        cells = (
            name(row["language"]),
            decimal(row["own_damage"], 3),
            decimal(row["others_damage"], 3),
            decimal(row["specificity"], 3),
            interval(row["ci_low"], row["ci_high"]),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            verdict,
        )
        out.append(Row(cells, "undetermined" if verdict == "undetermined" else ""))
    columns = ("own damage", "others' damage", "specificity", "95% interval", "p", "q")
    head = (Column("language", words=True), *map(Column, columns), Column("verdict", words=True))
    return Table(caption, head, out)


def ablation_table(result: Result, caption: str) -> Table:
    """Damage by removed units and language; in brackets what is not surely unlike random units."""
    found = removal(result)
    assert found is not None
    labels = [*map(name, result.languages), CORE, RANDOM]
    sure = found.sure
    sure[-1] = True  # nothing is compared with itself
    rows = []
    for label, damage, known in zip(labels, found.columns["damage"], sure, strict=True):
        shown = [decimal(value, 3) for value in damage]
        cells = [s if k or s == text.UNKNOWN else f"({s})" for s, k in zip(shown, known, strict=True)]
        rows.append(Row((label, *cells)))
    return Table(caption, (Column("removed", words=True), *(Column(name(a)) for a in result.languages)), rows)


def layers_table(result: Result, method: str, caption: str) -> Table:
    """Where in the model importance lies, over languages."""
    rows = of_method(result, "layers", method)
    out = []
    for part, layer, (values, *ends, units) in _places(result, rows, ("share", "ci_low", "ci_high", "units")):
        known = np.isfinite(values)
        which = [np.nanargmin(values), np.nanargmax(values)] if known.any() else []
        extremes: list[str] = [_extreme(result, values, ends, int(i)) for i in which] or [text.UNKNOWN] * 2
        cells = (
            name(layer),
            _kind(part),
            any_count(units[0]),
            share(values[known].mean() if known.any() else np.nan),
            *extremes,
            share(float(np.ptp(values[known])) if known.any() else np.nan),
        )
        out.append(Row(cells))
    head = (
        Column("layer", words=True),
        Column("kind", words=True),
        Column("units"),
        *map(Column, ("mean share", "least", "most", "difference")),
    )
    return Table(caption, head, out)


def shares_table(result: Result, method: str, caption: str) -> Table:
    """The share of each place in each language, with half the width of its interval."""
    rows = of_method(result, "layers", method)
    out = []
    for part, layer, (values, low) in _places(result, rows, ("share", "ci_low")):
        cells = [
            share(v) + (f" ± {100 * (v - e):.1f}" if np.isfinite(v) and np.isfinite(e) else "")
            for v, e in zip(values, low, strict=True)
        ]
        out.append(Row((name(layer), _kind(part), *cells)))
    head = (Column("layer", words=True), Column("kind", words=True), *(Column(name(a)) for a in result.languages))
    return Table(caption, head, out)


def overlap_table(result: Result, method: str, kind: str, caption: str) -> Table:
    """How alike languages score units of a kind, the most alike pair first."""
    rows = mean_overlap(result, method, kind)
    rows = rows[rows["a"] != rows["b"]]
    rows = rows.assign(part=(rows["rank"] / rows["rank_ceiling"]).where(rows["rank_ceiling"] > 0))
    rows = rows.sort_values(["part", "a", "b"], ascending=[False, True, True], kind="stable", na_position="last")
    shown = text.short_names(result.languages, _PAIR_NAME)
    out = []
    for _, row in rows.iterrows():
        bounds = cosine(row["rank_low"]), cosine(row["rank_high"])
        cells = (
            Markup("{} · {}").format(name(shown[row["a"]]), name(shown[row["b"]])),
            cosine(row["rank"]),
            text.UNKNOWN if text.UNKNOWN in bounds else " to ".join(bounds),
            cosine(row["rank_ceiling"]),
            minus(f"{row['part']:.0%}") if np.isfinite(row["part"]) else text.UNKNOWN,
            cosine(row["top"]),
            cosine(row["top_ceiling"]),
            cosine(row["cosine"]),
            cosine(row["cosine_ceiling"]),
        )
        out.append(Row(cells))
    columns = ("rank overlap", "95% interval", "ceiling", "of the ceiling", "top overlap", "top ceiling", "cosine")
    return Table(caption, (Column("pair", words=True), *map(Column, columns), Column("cosine ceiling")), out)


def strongest_table(result: Result, method: str, caption: str) -> Table:
    """The own units with the largest margin on half b, at most `STRONGEST`."""
    rows = strongest_units(result, method)
    out = []
    for _, row in rows.iterrows():
        cells = (
            name(row["language"]),
            name(row["layer"]),
            noun(row["kind"], 1),
            str(int(row["unit"])),
            *(short(row[column]) for column in ("score_a", "others_a", "score_b", "others_b")),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
        )
        out.append(Row(cells))
    columns = ("unit", "score a", "others a", "score b", "others b", "p", "q")
    head = (Column("language", words=True), Column("layer", words=True), Column("kind", words=True))
    return Table(caption, (*head, *map(Column, columns)), out)


def strongest_units(result: Result, method: str) -> pd.DataFrame:
    """Units that are a language's own by a method: those that exceed the other languages most on half b."""
    rows = of_method(result, "own_units", method)
    if rows.empty:
        return rows
    rows = rows[rows["own"].astype(bool)]
    rows = rows.assign(margin=rows["others_b"] - rows["score_b"])
    order = ["margin", "language", "layer", "kind", "unit"]
    return rows.sort_values(order, kind="stable").head(STRONGEST).reset_index(drop=True)


def gates_table(result: Result, caption: str) -> Table:
    """What trained gates keep, over languages."""
    rows = gate_rows(result)
    out = []
    columns = ("keep", "keep_a", "keep_b", "prune_confidence")
    for part, layer, (keep, half_a, half_b, sure) in _places(result, rows, columns):
        known = np.isfinite(keep)
        ends: list[str] = [text.UNKNOWN] * 2
        if known.any():
            ends = [_of(result, keep, int(i), decimal(keep[int(i)])) for i in (np.nanargmin(keep), np.nanargmax(keep))]
        numbers = (keep, sure, np.abs(half_a - half_b))
        mean, confidence, apart = (decimal(v[np.isfinite(v)].mean() if np.isfinite(v).any() else None) for v in numbers)
        out.append(Row((name(layer), _kind(part), mean, *ends, confidence, apart)))
    head = ("keep probability", "least", "most", "prune confidence", "halves differ by")
    return Table(caption, (Column("layer", words=True), Column("kind", words=True), *map(Column, head)), out)


def interval(low: float, high: float) -> str:
    """An interval of nats."""
    ends = decimal(low, 3), decimal(high, 3)
    return text.UNKNOWN if text.UNKNOWN in ends else " to ".join(ends)


def share(value: float) -> str:
    """A share as a percentage."""
    return f"{100 * value:.1f}%" if np.isfinite(value) else text.UNKNOWN


def method_name(result: Result, method: str) -> str:
    """A method in a caption; the first one picks what is removed."""
    return safe_method(method) + (" (the first method)" if method == methods(result)[0] else "")


def _places(
    result: Result, rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[Part, str, list[NDArray[np.float64]]]]:
    """Each part and layer, and what the columns have there, each of shape (languages,)."""
    for part in parts(rows):
        values = [shares(rows, part, result.languages, column) for column in columns]
        for i, layer in enumerate(part.layers):
            yield part, layer, [each[:, i] for each in values]


def _kind(part: Part) -> str:
    return text.safe_text(part.name)


def _of(result: Result, values: NDArray[np.float64], i: int, shown: str) -> Markup:
    return Markup("{} {}").format(name(result.languages[i]), shown)


def _extreme(result: Result, values: NDArray[np.float64], bounds: Sequence[NDArray[np.float64]], i: int) -> Markup:
    ends = [share(bound[i]) for bound in bounds]
    shown = share(values[i]) + ("" if text.UNKNOWN in ends else f" ({' to '.join(ends)})".replace("-", "−"))
    return _of(result, values, i, shown)
