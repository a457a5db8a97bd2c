"""The two heatmaps of cosines: language by language, and pair by layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report import _words as words
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._gradients_cells import language_cells, layer_cells
from interfere.report._matrix import MANY, any_missing, matrix_handles, matrix_panel
from interfere.report._order import language_order
from interfere.report._tables import BODY, group_names, group_noun, pair_rows, self_rows
from interfere.results import Result

_Name = TypeVar("_Name", str, tuple[str, str])

MAX_PAIRS = 45  # all of ten languages
MAX_GROUPS = 60
APART = 0.35  # cells between the column of the body and those of its parts


def languages_figure(result: Result, metric: str | None = None) -> Figure:
    """Language × language heatmap of the corrected cosine over the body.

    Ordered by clustering; colours fixed to [-1, 1]; conflicts framed, undetermined cells hatched and in brackets; the
    diagonal, set apart in grey, has the self-similarity that raw cosines are read against.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics; default: the main one.

    Raises:
        KeyError: no such metric in this result.
    """
    metric = words.chosen_metric(result, metric)
    order = language_order(result, metric)
    values, verdicts = _language_cells(result, metric, order)
    own = self_rows(result, metric).set_index("language")["self_similarity"].reindex(order).to_numpy(dtype=float)
    brief = len(order) > MANY
    names = list(map(text.short_names(order, 24).__getitem__, order))
    notes = [
        "Self-similarity is the raw cosine that a language has with itself. "
        "The raw cosine of a and b is about √(ρ(a)·ρ(b)) times the corrected one."
    ]
    panel = matrix_panel(
        values,
        verdicts,
        names,
        scale=draw.signed(),
        write=partial(draw.cosine_value, brief=brief),
        diagonal=partial(_self_similarity, own=own, brief=brief),
        bar=_cosine_bar,
        cells=language_cells(result, metric, order),
    )
    handles = matrix_handles(values, verdicts, "self-similarity ρ, the ceiling of raw cosines (number, bar)")
    title, subtitle = words.titles(result, metric, "languages")
    return heatmaps([panel], title=title, subtitle=subtitle, handles=handles, notes=notes, names=names)


def layers_figure(result: Result, metric: str | None = None) -> Figure:
    """Pair × layer heatmap of the corrected cosine; the body is the first column, set apart.

    Pairs are sorted by their mean, groups are in the model's order. Of many pairs or groups only those with the most
    extreme values are drawn, and a note says so.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics; default: the main one.

    Raises:
        KeyError: no such metric in this result.
    """
    metric = words.chosen_metric(result, metric)
    pairs, groups, values, verdicts, notes = _layer_cells(result, metric)
    xs = column_edges(len(groups))
    wide = len(groups) > 16
    cell, size = (0.26, None) if wide else (0.44, 7.5)
    columns = column_names(result, groups)
    languages = text.short_names([name for pair in pairs for name in pair], 16)
    rows = [f"{languages[a]} – {languages[b]}" for a, b in pairs]
    width, height = xs[-1] + 1, max(len(pairs), 1)
    write = partial(draw.cosine_value, brief=True)

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, width), ylim=(height, 0))
        draw.paint(ax, xs, values, verdicts, scale=draw.signed(), write=write, size=size, frame=1.1)
        label_axes(ax, [x + 0.5 for x in xs], columns, [i + 0.5 for i in range(len(rows))], rows, 8)

    title, subtitle = words.titles(result, metric, "layers")
    cells = layer_cells(result, metric, pairs, groups, columns, xs) if pairs else None
    return heatmaps(
        [Panel(width * cell, height * (0.26 if wide else 0.28), into, _cosine_bar, cells)],
        title=title,
        subtitle=subtitle,
        handles=draw.legend_handles(missing=any_missing(values, verdicts), brackets=size is not None),
        notes=notes,
        names=[*columns, *rows],
    )


def column_edges(groups: int) -> list[float]:
    """Where the columns of the body and of its groups begin, in cells; the body stands apart."""
    return [0.0, *(1 + APART + i for i in range(groups))]


def column_names(result: Result, groups: Sequence[str]) -> list[str]:
    """The labels of these columns."""
    shown = text.short_names(groups, 34, keep="end")
    scope = result.settings.get("scope")
    return [scope if scope in ("all", "adapters") else "body", *(shown[group] for group in groups)]


def _cosine_bar(cax: Axes) -> None:
    names = ["−1", "−0.5", "0", "0.5", "1"]
    draw.colour_bar(cax, draw.signed(), "corrected cosine", [-1, -0.5, 0, 0.5, 1], names, undetermined=True)


def _self_similarity(ax: Axes, i: int, size: float | None, *, own: NDArray[np.float64], brief: bool) -> None:
    rho = own[i]
    if np.isfinite(rho):
        # The share of the cell's width is the share of a chunk's gradient that is signal.
        bar = Rectangle((i, i + 0.86), float(np.clip(rho, 0, 1)), 0.14, facecolor=draw.GREY, edgecolor="none")
        ax.add_patch(bar)
    if size is not None:
        shown = draw.cosine_value(float(rho), brief=brief) if np.isfinite(rho) else text.UNKNOWN
        draw.put(ax, (i, i - 0.05), shown, size, color=draw.INK, fontstyle="italic")


def _language_cells(result: Result, metric: str, order: list[str]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Cosines and verdicts of all pairs, both ways; nothing on the diagonal."""
    rows = pair_rows(result, metric, BODY)
    place = {name: i for i, name in enumerate(order)}
    values = np.full((len(order), len(order)), np.nan)
    verdicts = np.full(values.shape, "undetermined", dtype=object)
    for a, b, value, verdict in zip(rows["a"], rows["b"], rows["clipped"], rows["verdict"], strict=True):
        i, j = place[a], place[b]
        values[i, j] = values[j, i] = value
        verdicts[i, j] = verdicts[j, i] = verdict
    np.fill_diagonal(verdicts, "")
    return values, verdicts


def _layer_cells(
    result: Result, metric: str
) -> tuple[list[tuple[str, str]], list[str], NDArray[np.float64], NDArray[np.object_], list[str]]:
    """Pairs and groups that are drawn, their cosines and verdicts (the body first), and what was left out."""
    rows = pair_rows(result, metric)
    all_groups, noun = group_names(result, metric), group_noun(result)
    keys = ["a", "b"]
    rows = rows.assign(seen=_ranked(rows))
    pairs: list[tuple[str, str]] = sorted(set(zip(rows["a"].tolist(), rows["b"].tolist(), strict=True)))
    by_pair = rows.groupby(keys)["seen"]
    chosen = _extreme(pairs, by_pair.min(), by_pair.max(), MAX_PAIRS)
    below = rows[rows["group"] != BODY]
    by_group = below.assign(seen=_ranked(below)).groupby("group")["seen"]
    groups = _extreme(all_groups, by_group.min(), by_group.max(), MAX_GROUPS)
    notes = []
    for kept, of, what, from_ in ((chosen, pairs, "pair", rows), (groups, all_groups, noun, below)):
        if len(kept) < len(of):
            which = "determined values" if from_["determined"].any() else "values, none of them determined"
            notes.append(f"{len(kept)} of {len(of):,} {what}s: those with the lowest and with the highest {which}.")

    cells = rows.set_index([*keys, "group"])
    wanted = pd.MultiIndex.from_tuples([(*pair, g) for pair in chosen for g in (BODY, *groups)], names=[*keys, "group"])
    shape = (len(chosen), 1 + len(groups))
    values = cells["clipped"].reindex(wanted).to_numpy(dtype=float).reshape(shape)
    marks = cells["verdict"].reindex(wanted).fillna("undetermined").to_numpy(dtype=object).reshape(shape)
    means = rows.groupby(keys)["seen"].mean().fillna(rows.groupby(keys)["clipped"].mean()).fillna(np.inf)
    order = sorted(range(len(chosen)), key=lambda i: (means[chosen[i]], chosen[i]))
    return [chosen[i] for i in order], groups, values[order], marks[order], notes


def _ranked(rows: pd.DataFrame) -> pd.Series:
    """What rows are ranked by: a value that is not determined may be any, and counts only where nothing else can."""
    return rows["clipped"].where(rows["determined"]) if rows["determined"].any() else rows["clipped"]


def _extreme(names: Sequence[_Name], low: pd.Series, high: pd.Series, most: int) -> list[_Name]:
    """Up to `most` names in their old order: by turns the one with the lowest and the one with the highest value."""
    if len(names) <= most:
        return list(names)
    lows = low.reindex(pd.Index(names, tupleize_cols=True)).fillna(np.inf).to_numpy(dtype=float)
    highs = high.reindex(pd.Index(names, tupleize_cols=True)).fillna(-np.inf).to_numpy(dtype=float)
    turns = zip(np.argsort(lows, kind="stable"), np.argsort(-highs, kind="stable"), strict=True)
    ranked = dict.fromkeys(int(i) for turn in turns for i in turn)
    kept = set(list(ranked)[:most])
    return [name for i, name in enumerate(names) if i in kept]
