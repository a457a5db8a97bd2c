"""How strong and how sure the gradients are: norm, self-similarity and norm share, by language and group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report import _words as words
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._gradients_cells import strength_cells
from interfere.report._heatmaps import MAX_GROUPS, column_edges, column_names
from interfere.report._order import language_order
from interfere.report._tables import BODY, group_names, group_noun
from interfere.results import Result

_DECADE = 10.0  # a wider range of norms is drawn on a logarithmic scale
_SIDE_BY_SIDE = 8.0  # inches of cells up to which the three panels stand in a row
_FEW = 12  # languages up to which only the lowest panel names its columns

Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Quantity:
    """What one panel shows: shape (languages, 1 + groups), the body first."""

    name: str
    label: str
    values: Values
    scale: draw.Scale
    ticks: Sequence[float]
    write: Callable[[float], str]
    whole: bool = False  # the body is the whole, 1 by definition


def strength_figure(result: Result, metric: str | None = None) -> Figure:
    """Language × group heatmaps of norm, self-similarity and share of the squared norm; the body is set apart.

    Languages stand as in `languages_figure`, groups in the model's order. Of many groups only those that own most of
    the squared norm are drawn, and a note says so. Norms have a logarithmic scale if they span more than a decade.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics; default: the main one.

    Raises:
        KeyError: no such metric in this result.
    """
    metric = words.chosen_metric(result, metric)
    order = language_order(result, metric)
    groups, notes = _chosen_groups(result, metric)
    table = {
        column: _cells(result, metric, column, order, groups) for column in ("norm", "self_similarity", "norm_share")
    }
    quantities = [_norm(table["norm"]), _similarity(table["self_similarity"]), _share(table["norm_share"])]

    n, wide = len(order), len(groups) > 16
    cell, size = (0.26, None) if wide else (0.46, 7.0)
    cell_height, label_size = (0.26, 8.0) if n <= 20 else (0.19, 7.0)
    xs = column_edges(len(groups))
    columns, names = column_names(result, groups), text.short_names(order, 24)
    rows = [names[language] for language in order]
    width, height = xs[-1] + 1, max(n, 1)
    across = 3 * width * cell <= _SIDE_BY_SIDE

    def into(ax: Axes, quantity: _Quantity) -> None:
        ax.set(xlim=(0, width), ylim=(height, 0))
        ax.set_title(quantity.name, fontsize=9, loc="left", pad=5)
        verdicts = np.full(quantity.values.shape, "measured", dtype=object)
        if quantity.whole:
            verdicts[:, 0] = ""
            _wholes(ax, quantity, size)
        draw.paint(ax, xs, quantity.values, verdicts, scale=quantity.scale, write=quantity.write, size=size)
        bare = [""] * max(len(rows), len(columns))
        named = across or n > _FEW or quantity is quantities[-1]
        label_axes(
            ax,
            [x + 0.5 for x in xs],
            columns if named else bare[: len(columns)],
            [i + 0.5 for i in range(n)],
            rows if not across or quantity is quantities[0] else bare[: len(rows)],
            label_size,
        )

    def bar(cax: Axes, quantity: _Quantity) -> None:
        shown = [f"{100 * tick:g}%" if quantity.whole else f"{tick:g}" for tick in quantity.ticks]
        draw.colour_bar(cax, quantity.scale, quantity.label, quantity.ticks, shown)

    title, subtitle = words.titles(result, metric, "strength")
    return heatmaps(
        [
            Panel(
                width * cell,
                height * cell_height,
                partial(into, quantity=q),
                partial(bar, quantity=q),
                strength_cells(result, metric, column, order, groups, columns, xs, q.name),
            )
            for column, q in zip(table, quantities, strict=True)
        ],
        title=title,
        subtitle=subtitle,
        handles=_handles(any(bool((~np.isfinite(q.values)).any()) for q in quantities)),
        notes=[
            "Norm: length of the gradient without its noise. Self-similarity: how much of a chunk's gradient is "
            "signal. Share: how much of the squared norm of a language's chunk gradients, noise included, lies in the "
            f"{group_noun(result)}; all {group_noun(result)}s of a row make 100%.",
            *notes,
        ],
        names=[*columns, *rows],
        across=across,
    )


def _chosen_groups(result: Result, metric: str) -> tuple[list[str], list[str]]:
    """The groups that are drawn, in the model's order, and what was left out."""
    groups, noun = group_names(result, metric), group_noun(result)
    if len(groups) <= MAX_GROUPS:
        return groups, []
    share = words.mean_shares(result, metric).fillna(-1.0).to_numpy()
    kept = sorted(np.argsort(-share, kind="stable")[:MAX_GROUPS].tolist())
    total = float(np.clip(share[kept], 0, None).sum())
    note = f"{len(kept)} of {len(groups):,} {noun}s: those with the largest shares, {100 * total:.0f}% together."
    return [groups[i] for i in kept], [note]


def _cells(result: Result, metric: str, column: str, order: Sequence[str], groups: Sequence[str]) -> Values:
    """A column of the table `self`, shape (languages, 1 + groups), the body first; NaN where it is null."""
    table = result.self_similarity
    rows = table[table["metric"] == metric]
    values = pd.to_numeric(rows[column], errors="coerce").astype(float)
    values.index = pd.MultiIndex.from_arrays([rows["language"], rows["group"]])
    wanted = pd.MultiIndex.from_product([order, [BODY, *groups]])
    return np.asarray(values.reindex(wanted), dtype=np.float64).reshape((len(order), 1 + len(groups)))


def _norm(values: Values) -> _Quantity:
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    power = _power(high)
    unit = "" if power == 0 else f" in 10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    shown = values / 10.0**power
    low, high = low / 10.0**power, high / 10.0**power
    if low > 0 and high / low > _DECADE:
        scale = draw.sequential(LogNorm(low, high))
        return _Quantity("Norm", f"norm{unit}, log scale", shown, scale, _log_ticks(low, high), _amount)
    scale = draw.sequential(Normalize(0, high))
    return _Quantity("Norm", f"norm{unit}", shown, scale, draw.round_ticks(0.0, high), _amount)


def _power(high: float) -> int:
    """The power of ten that norms are given in: 0 where the largest is easily written without one."""
    if 0.1 <= high < 1000:
        return 0
    return 3 * int(np.floor(np.log10(high) / 3)) if high > 0 else 0


def _similarity(values: Values) -> _Quantity:
    known = values[np.isfinite(values)]
    # From 0, which is pure noise, to a round number above the largest.
    high = float(np.clip(np.ceil(known.max() * 10 - 1e-9) / 10, 0.1, 1.0)) if known.size else 1.0
    write = partial(draw.cosine_value, brief=True)
    return _Quantity(
        "Self-similarity",
        "self-similarity ρ",
        values,
        draw.sequential(Normalize(0, high)),
        draw.round_ticks(0.0, high),
        write,
    )


def _share(values: Values) -> _Quantity:
    parts = values[:, 1:]
    known = parts[np.isfinite(parts)]
    high = float(known.max()) if known.size and known.max() > 0 else 1.0
    scale = draw.sequential(Normalize(0, high))
    return _Quantity(
        "Share of squared norm", "share", values, scale, draw.round_ticks(0.0, high), draw.share_value, whole=True
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, or powers alone where they are many."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if np.log10(high / low) < 2.5 else (1,)
    return [t for p in powers for s in steps if low * 0.999 <= (t := s * 10.0**p) <= high * 1.001]


def _amount(value: float) -> str:
    """A norm with about three digits."""
    if value == 0 or value >= 0.0995:
        digits = 0 if value == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
        return f"{value:.{digits}f}"
    return "<.001" if value < 0.0005 else f"{value:.3f}"[1:]


def _wholes(ax: Axes, quantity: _Quantity, size: float | None) -> None:
    for i, value in enumerate(quantity.values[:, 0]):
        ax.add_patch(Rectangle((0, i), 1, 1, facecolor=draw.DIAGONAL, edgecolor="white", linewidth=0.4))
        if size is not None:
            shown = quantity.write(float(value)) if np.isfinite(value) else text.UNKNOWN
            draw.put(ax, (0, i), shown, size, color=draw.INK, fontstyle="italic")


def _handles(missing: bool) -> list[Artist]:
    handles: list[Artist] = [draw.apart_handle("light grey: the whole, 100%")]
    if missing:
        handles.append(
            draw.missing_handle("grey with a dash: unknown; no gradient, or none that could be told from noise")
        )
    return handles
