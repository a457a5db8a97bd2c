"""The two heatmaps: language by language, and pair by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report._figure import heatmap
from interfere.report._order import cluster_order
from interfere.report._tables import BODY, group_names, group_noun, metrics, pair_rows, scope_phrase, self_rows
from interfere.results import Result

_Name = TypeVar("_Name", str, tuple[str, str])

MAX_PAIRS = 40
MAX_GROUPS = 60
_APART = 0.35  # cells between the column of the body and those of its parts

# (up to this many languages, inches a cell, points of the number in it)
_CELLS: tuple[tuple[float, float, float | None], ...] = (
    (4, 0.85, 11.0),
    (10, 0.6, 9.5),
    (20, 0.48, 8.0),
    (60, 0.36, 6.5),
    (float("inf"), 0.2, None),
)


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
    metric = _metric(result, metric)
    order, values, verdicts = _language_cells(result, metric)
    own = self_rows(result, metric).set_index("language")["self_similarity"].reindex(order).to_numpy(dtype=float)
    n = len(order)
    cell, size = next((inches, points) for limit, inches, points in _CELLS if n <= limit)
    short = text.short_names(order, 24)
    names = [short[language] for language in order]

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, n), ylim=(n, 0))
        draw.paint(ax, range(n), values, verdicts, size=size, brief=n > 20, frame=1.6 if n <= 20 else 1.1)
        _diagonal(ax, own, size, brief=n > 20)
        _labels(ax, [i + 0.5 for i in range(n)], names, [i + 0.5 for i in range(n)], names, 9.5 if n <= 20 else 8)

    handles: list[Artist] = [
        *draw.legend_handles(missing=_any_missing(values, verdicts)),
        Patch(
            facecolor=draw.DIAGONAL,
            edgecolor=draw.GREY,
            linewidth=0.6,
            label="diagonal: self-similarity ρ (number and bar)",
        ),
    ]
    notes = ["The raw cosine of a and b is about √(ρ(a)·ρ(b)) times the corrected one."]
    title, subtitle = _titles(result, metric, "Gradient cosines between languages")
    return heatmap(n * cell, n * cell, into, title=title, subtitle=subtitle, handles=handles, notes=notes)


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
    metric = _metric(result, metric)
    pairs, groups, values, verdicts, notes = _layer_cells(result, metric)
    xs = [0.0, *(1 + _APART + i for i in range(len(groups)))]
    wide = len(groups) > 16
    cell, size = (0.26, None) if wide else (0.44, 7.5)
    shown = text.short_names(groups, 34, keep="end")
    languages = text.short_names([name for pair in pairs for name in pair], 16)
    rows = [f"{languages[a]} – {languages[b]}" for a, b in pairs]
    width = xs[-1] + 1

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, width), ylim=(max(len(pairs), 1), 0))
        draw.paint(ax, xs, values, verdicts, size=size, brief=True, frame=1.1)
        columns = ["body" if result.settings.get("scope") != "all" else "all", *(shown[g] for g in groups)]
        _labels(ax, [x + 0.5 for x in xs], columns, [i + 0.5 for i in range(len(rows))], rows, 8)

    brackets = size is not None
    title, subtitle = _titles(result, metric, f"Gradient cosines of language pairs by {group_noun(result)}")
    return heatmap(
        width * cell,
        max(len(pairs), 1) * (0.26 if wide else 0.28),
        into,
        title=title,
        subtitle=subtitle,
        handles=draw.legend_handles(missing=_any_missing(values, verdicts), brackets=brackets),
        notes=notes,
    )


def _metric(result: Result, metric: str | None) -> str:
    known = metrics(result)
    if metric is not None and metric not in known:
        raise KeyError(f"no metric {metric!r} in this result, which has {', '.join(known)}")
    return known[0] if metric is None else metric


def _titles(result: Result, metric: str, what: str) -> tuple[str, str]:
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), 60, keep="end")
    facts = [f"{text.safe_text(metric)} metric", f"over {scope_phrase(result)}"]
    if result.model.get("objective"):
        facts.insert(0, text.safe_text(result.model["objective"]))
    if result.settings.get("chunks"):
        facts.append(f"{result.settings['chunks']} chunks per language")
    return f"{what}: {model}", " · ".join(facts)


def _any_missing(values: NDArray[np.float64], verdicts: NDArray[np.object_]) -> bool:
    return bool((~np.isfinite(values[verdicts != ""])).any())


def _labels(
    ax: Axes, xs: Sequence[float], columns: Sequence[str], ys: Sequence[float], rows: Sequence[str], size: float
) -> None:
    ax.set_xticks(xs, columns, fontsize=size, parse_math=False)
    ax.set_yticks(ys, rows, fontsize=size, parse_math=False)
    if any(len(name) > 3 for name in columns):
        for label in ax.get_xticklabels():
            label.set(rotation=90, ha="center", va="top")
    ax.tick_params(length=0, pad=3)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _diagonal(ax: Axes, own: NDArray[np.float64], size: float | None, *, brief: bool) -> None:
    for i, rho in enumerate(own):
        ax.add_patch(Rectangle((i, i), 1, 1, facecolor=draw.DIAGONAL, edgecolor="white", linewidth=0.4))
        if np.isfinite(rho):
            # The share of the cell's width is the share of a chunk's gradient that is signal.
            bar = Rectangle((i, i + 0.86), float(np.clip(rho, 0, 1)), 0.14, facecolor=draw.GREY, edgecolor="none")
            ax.add_patch(bar)
        if size is not None:
            shown = draw.cell_value(float(rho), brief=brief) if np.isfinite(rho) else text.UNKNOWN
            ax.text(
                i + 0.5, i + 0.45, shown, ha="center", va="center", fontsize=size, color=draw.INK, fontstyle="italic"
            )


def _language_cells(result: Result, metric: str) -> tuple[list[str], NDArray[np.float64], NDArray[np.object_]]:
    """Languages in the order of the figure, their cosines and verdicts; nothing on the diagonal."""
    names = list(result.languages)
    rows = pair_rows(result, metric, BODY)
    matrix = pd.DataFrame(np.nan, index=names, columns=names)
    verdicts = pd.DataFrame("undetermined", index=names, columns=names, dtype=object)
    for a, b, value, verdict in zip(rows["a"], rows["b"], rows["clipped"], rows["verdict"], strict=True):
        matrix.loc[a, b] = matrix.loc[b, a] = value
        verdicts.loc[a, b] = verdicts.loc[b, a] = verdict
    order = cluster_order(matrix)
    marks = verdicts.loc[order, order].to_numpy(dtype=object, copy=True)
    np.fill_diagonal(marks, "")
    return order, matrix.loc[order, order].to_numpy(dtype=float), marks


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
