"""What removing units does to every language: whose units by whose loss."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _importance_words as words
from interfere.report import _text as text
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._grid import Cells, said
from interfere.report._importance_tables import CORE, RANDOM, Removal, language_order, removal, table
from interfere.report._matrix import MANY, cell_size
from interfere.results import Result

_APART = 0.35  # cells between the rows of languages and those of the core and of random units
_STEPS = (1, 2, 4, 6, 8, 10)


def ablation_figure(result: Result) -> Figure:
    """Heatmap of damage: the row's units are removed, the column's language pays, in nats per prediction.

    Below the languages' rows, set apart, are the core and random units. Colours are centred at 0 and go with the root
    of the damage, so that small values keep a colour beside large ones. What random units do as well (the interval of
    the difference contains 0) is hatched and in brackets; a frame marks languages that lose more by their own units
    than the others do, with q ≤ 0.05. Languages stand as in `overlap_figure`.

    Args:
        result: of kind `importance`, with a table `ablation`.

    Raises:
        KeyError: this result has no such table.
    """
    order = language_order(result)
    found = removal(result, order)
    if found is None:
        raise KeyError("nothing was removed in this run, and there is no damage to draw")
    names = list(map(text.short_names(order, 24).__getitem__, order))
    scale, limit = damage_scale(found.columns["damage"])
    missing = bool((~np.isfinite(found.columns["damage"])).any())
    title, subtitle = words.titles(result, "ablation")
    return heatmaps(
        [_panel(found, names, scale, limit, _specific(result, order))],
        title=title,
        subtitle=subtitle,
        handles=_handles(missing),
        notes=[
            "Damage: by how much the loss rises, in nats per prediction. Core: units that score high in every "
            "language. Random: the mean over draws of as many units of each layer. Numbers without brackets are surely "
            "above or surely below those of random units, cell by cell."
        ],
        names=[*names, CORE, RANDOM],
    )


def _panel(found: Removal, names: list[str], scale: draw.Scale, limit: float, specific: NDArray[np.bool_]) -> Panel:
    n = len(names)
    damage = found.columns["damage"]
    cell, size = cell_size(n)
    size = size and min(size, 8.0)
    write = partial(damage_value, digits=2 if n > MANY else 3)
    ys = [*range(n), n + _APART, n + 1 + _APART]
    verdicts = np.where(found.sure, "beyond", "undetermined").astype(object)
    verdicts[n + 1] = ""
    height = ys[-1] + 1

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, n), ylim=(height, 0))
        draw.paint(ax, range(n), damage, verdicts, scale=scale, write=write, size=size, ys=ys)
        for i, value in enumerate(damage[n + 1]):
            grey = Rectangle((i, ys[-1]), 1, 1, facecolor=draw.DIAGONAL, edgecolor="white", linewidth=0.4)
            ax.add_patch(grey)
            if size is not None:
                shown = write(float(value)) if np.isfinite(value) else text.UNKNOWN
                draw.put(ax, (i, ys[-1]), shown, size, color=draw.INK, fontstyle="italic")
        draw.draw_frames(ax, [(i, i) for i in range(n) if specific[i]], 1.6 if n <= MANY else 1.1)
        label_size = 9.5 if n <= MANY else 8
        label_axes(ax, [i + 0.5 for i in range(n)], names, [y + 0.5 for y in ys], [*names, CORE, RANDOM], label_size)
        ax.set_xlabel("… and this language's loss rises", fontsize=9, labelpad=6)
        ax.set_ylabel("The units of this language are removed …", fontsize=9, labelpad=6)

    def bar(cax: Axes) -> None:
        ticks = [-limit, -limit / 4, 0.0, limit / 4, limit]
        shown = [f"{tick:g}".replace("-", "−") for tick in ticks]
        draw.colour_bar(cax, scale, "damage, nats per prediction", ticks, shown, undetermined=True)

    return Panel(n * cell, height * cell, into, bar, _cells(found, names, ys))


def _cells(found: Removal, names: list[str], tops: list[float]) -> Cells:
    damage, low, high = (found.columns[c] for c in ("damage", "ci_low", "ci_high"))
    rows = [*(f"units of {name}" for name in names), CORE, f"{RANDOM} units"]
    beside = np.where(found.sure, "surely unlike random units", "not surely unlike random units").astype(object)
    beside[-1] = ""
    texts = [
        [said(damage[at], low[at], high[at], partial(text.number, digits=3), beside[at]) for at in places]
        for places in ([(i, j) for j in range(len(names))] for i in range(len(rows)))
    ]
    return Cells(rows, [f"loss of {name}" for name in names], texts, tops=tops)


def damage_scale(values: NDArray[np.float64]) -> tuple[draw.Scale, float]:
    """Colours that are centred at 0 and go with the root of a value, and the round number at which they end.

    Args:
        values: nats; what is not finite is passed over.
    """
    sizes = np.abs(values[np.isfinite(values)])
    most = float(sizes.max()) if sizes.size and sizes.max() > 0 else 1.0
    power = 10.0 ** np.floor(np.log10(most))
    limit = float(next((step * power for step in _STEPS if most <= step * power * 1.001), 10 * power))
    norm = FuncNorm((_root, _square), vmin=-limit, vmax=limit)
    return draw.Scale(draw.signed().colours.reversed(), norm), limit


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _square(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.square(values))


def damage_value(value: float, *, digits: int) -> str:
    """Nats as they stand in a cell, with a true minus and no 0 before the point; fewer digits where they are many."""
    if abs(value) >= 0.9995:
        return draw.free_value(value, brief=True)
    out = f"{value:.{digits}f}"
    out = out.removeprefix("-") if float(out) == 0 else out
    return out.replace("0.", ".", 1).replace("-", "−")


def _specific(result: Result, order: list[str]) -> NDArray[np.bool_]:
    rows = table(result, "specificity")
    if rows.empty:
        return np.zeros(len(order), dtype=bool)
    specific = dict(zip(rows["language"], rows["verdict"] == "specific", strict=True))
    return np.array([bool(specific.get(language)) for language in order])


def _handles(missing: bool) -> list[Artist]:
    handles: list[Artist] = [
        draw.framed_handle("framed: it hurts the language, and more than the mean of the others (q ≤ 0.05)"),
        draw.hatched_handle("paler, hatched and in brackets: not surely unlike random units"),
        draw.apart_handle("light grey: random units, which the others are compared with"),
    ]
    return [*handles, draw.missing_handle("grey with a dash: unknown")] if missing else handles
