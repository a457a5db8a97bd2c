"""Heatmaps of differences: language by language, and rows by layers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report._comparison_findings import difference
from interfere.report._comparison_tables import FOUND, UNDETERMINED, Family, labels
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._grid import Cells
from interfere.report._matrix import MANY, any_missing, matrix_panel
from interfere.report._order import cluster_order
from interfere.results import Result

_LIMITS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_MOST = 45  # rows of a figure by layers
_PLACES = 60
_NOTE = (
    "After less before; blue: higher after, red: lower. Neither framed nor hatched: the same, surely within the margin."
)
_FRAMED = "conflict"  # how `paint` calls what it frames


def matrix_figure(result: Result, family: Family) -> Figure:
    """Language × language heatmap of the difference; changes framed, undetermined cells hatched and in brackets.

    Args:
        result: of kind `comparison`.
        family: of pairs as a whole.
    """
    matrix = pd.DataFrame(np.nan, index=list(result.languages), columns=list(result.languages))
    rows = {}
    for _, row in family.rows.iterrows():
        matrix.loc[row["a"], row["b"]] = matrix.loc[row["b"], row["a"]] = row["after"]
        rows[row["a"], row["b"]] = rows[row["b"], row["a"]] = row
    order = cluster_order(matrix.clip(-1, 1))
    values = np.full((len(order), len(order)), np.nan)
    verdicts = np.full(values.shape, UNDETERMINED, dtype=object)
    texts = [["" for _ in order] for _ in order]
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            if (a, b) in rows:
                values[i, j], verdicts[i, j] = rows[a, b]["difference"], _mark(str(rows[a, b]["verdict"]))
                texts[i][j] = _cell(rows[a, b], family)
    np.fill_diagonal(verdicts, "")
    limit = _limit(values)
    names = list(map(text.short_names(order, 24).__getitem__, order))
    panel = matrix_panel(
        values,
        verdicts,
        names,
        scale=draw.signed(limit),
        write=partial(_number, brief=len(order) > MANY),
        diagonal=lambda ax, i, size: None,
        bar=partial(_bar, limit=limit, label=f"difference of the {family.quantity.words}", values=values),
        cells=Cells(names, names, texts),
    )
    heading, under = titles(result, family, " between languages")
    return heatmaps(
        [panel],
        title=heading,
        subtitle=under,
        handles=_handles(values, verdicts, brackets=True),
        notes=[_NOTE],
        names=names,
    )


def places_figure(result: Result, family: Family) -> Figure:
    """Rows × layers heatmap of the difference. Of many rows or layers those with the largest changes are drawn.

    Args:
        result: of kind `comparison`.
        family: of parts.
    """
    rows = family.rows.assign(label=labels(family.rows.assign(place=""), 16))
    # What was shown ranks before what was not, whatever its number.
    size = rows["difference"].abs().fillna(0.0) + 1e3 * rows["verdict"].isin(FOUND)
    names = _largest(rows["label"], size, _MOST)
    places = _largest(rows["place"], size, _PLACES)
    notes = [
        f"{len(kept)} of {total:,} {what}: those with the largest changes."
        for kept, total, what in (
            (names, rows["label"].nunique(), "rows"),
            (places, rows["place"].nunique(), "layers"),
        )
        if len(kept) < total
    ]
    values = np.full((len(names), len(places)), np.nan)
    verdicts = np.full(values.shape, UNDETERMINED, dtype=object)
    texts = [["" for _ in places] for _ in names]
    row_of, column_of = ({name: i for i, name in enumerate(each)} for each in (names, places))
    for _, row in rows.iterrows():
        i, j = row_of.get(row["label"]), column_of.get(row["place"])
        if i is not None and j is not None:
            values[i, j], verdicts[i, j] = row["difference"], _mark(str(row["verdict"]))
            texts[i][j] = _cell(row, family)
    limit = _limit(values)
    wide = len(places) > 16
    cell, points = (0.26, None) if wide else (0.5, 7.0)
    columns = [text.short_names(places, 34, keep="end")[place] for place in places]

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, len(places)), ylim=(len(names), 0))
        scale = draw.signed(limit)
        draw.paint(
            ax, range(len(places)), values, verdicts, scale=scale, write=partial(_number, brief=True), size=points,
            frame=1.1,
        )  # fmt: skip
        label_axes(ax, [i + 0.5 for i in range(len(places))], columns, [i + 0.5 for i in range(len(names))], names, 8)

    bar = partial(_bar, limit=limit, label=f"difference of the {family.quantity.words}", values=values)
    heading, under = titles(result, family, " by layer")
    return heatmaps(
        [Panel(len(places) * cell, len(names) * 0.28, into, bar, Cells(names, columns, texts))],
        title=heading,
        subtitle=under,
        handles=_handles(values, verdicts, brackets=points is not None),
        notes=[_NOTE, *notes],
        names=[*names, *columns],
    )


def titles(result: Result, family: Family, where: str) -> tuple[str, str]:
    """The two lines above a figure: what changed, and between which runs."""
    runs = [text.shorten(text.safe_text(result.settings.get(key, "")), 44, keep="end") for key in ("before", "after")]
    facts = [text.shorten(text.safe_text(family.measure), 40)] if family.measure else []
    facts.append(f"before: {runs[0]}")
    facts.append(f"after: {runs[1]}")
    return f"Change of the {family.quantity.words}{where}", " · ".join(facts)


def _largest(names: pd.Series, size: pd.Series, most: int) -> list[str]:
    """Up to so many names in their order: those with the largest sizes."""
    order = list(dict.fromkeys(str(name) for name in names))
    if len(order) <= most:
        return order
    top = set(size.groupby(names).max().sort_values(ascending=False, kind="stable").index[:most])
    return [name for name in order if name in top]


def _mark(verdict: str) -> str:
    return _FRAMED if verdict in FOUND else verdict


def _limit(values: NDArray[np.float64]) -> float:
    """Where the colours end: not far beyond nineteen of twenty differences, which are small next to cosines."""
    finite = np.abs(values[np.isfinite(values)])
    wanted = float(np.quantile(finite, 0.95)) if finite.size else 0.0
    return next((limit for limit in _LIMITS if wanted <= limit), _LIMITS[-1])


def _number(value: float, *, brief: bool = False) -> str:
    digits = 2 if abs(value) < 9.995 else 0
    out = text.number(value, digits)
    out = out.replace("0.", ".", 1) if brief and abs(value) < 0.995 else out
    return (f"+{out}" if value > 0 and float(out) > 0 else out).replace("-", "−")


def _bar(cax: Axes, *, limit: float, label: str, values: NDArray[np.float64]) -> None:
    ticks = [-limit, -limit / 2, 0.0, limit / 2, limit]
    names = [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in ticks]
    finite = values[np.isfinite(values)]
    low, high = bool((finite < -limit).any()), bool((finite > limit).any())
    extend = "both" if low and high else "min" if low else "max" if high else "neither"
    draw.colour_bar(cax, draw.signed(limit), label, ticks, names, extend=extend, undetermined=True)  # type: ignore[arg-type]


def _handles(values: NDArray[np.float64], verdicts: NDArray[np.object_], *, brackets: bool) -> list[Artist]:
    marks = "paler, hatched and in brackets" if brackets else "paler and hatched"
    handles: list[Artist] = [
        draw.framed_handle("framed: changed (q ≤ 0.05)"),
        draw.hatched_handle(f"{marks}: undetermined"),
    ]
    if any_missing(values, verdicts):
        handles.append(draw.missing_handle("grey with a dash: could not be estimated"))
    return handles


def _cell(row: pd.Series, family: Family) -> str:
    """What a cell says where it is pointed at."""
    if not math.isfinite(row["difference"]):
        return f"no number: {text.safe_text(row['reason'])}"
    digits = family.quantity.digits
    values = f"{text.number(row['before'], digits)} → {text.number(row['after'], digits)}"
    reason = f": {text.safe_text(row['reason'])}" if row["verdict"] == UNDETERMINED else ""
    return f"{values}, {difference(row, family)}, {row['verdict']}{reason}".replace("-", "−")
