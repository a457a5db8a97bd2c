"""What figures of languages by layers have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._grid import Cells
from interfere.report._importance_tables import Part
from interfere.report._importance_words import capital

MAX_LAYERS = 60
_SIDE_BY_SIDE = 8.0  # inches of cells up to which the panels stand in a row
_FEW = 12  # languages up to which only the lowest panel names its columns


def largest(part: Part, values: NDArray[np.float64]) -> tuple[Part, NDArray[np.float64], str]:
    """A part with no more layers than a picture takes, their values, and what was left out.

    Args:
        part: with all layers.
        values: shape (languages, layers).
    """
    if len(part.layers) <= MAX_LAYERS:
        return part, values, ""
    means = np.nan_to_num(values).mean(axis=0)
    kept = sorted(np.argsort(-means, kind="stable")[:MAX_LAYERS].tolist())
    which = f"{len(kept)} of {len(part.layers):,} layers, those with the largest values"
    note = f"{capital(text.safe_text(part.name))}: {which}."
    return Part(part.block, part.kind, [part.layers[i] for i in kept]), values[:, kept], note


def layer_panels(
    shown: Sequence[tuple[Part, NDArray[np.float64]]],
    order: Sequence[str],
    *,
    cells: Callable[[Axes, int, float | None], None],
    bar: Callable[[Axes, int], None],
    title: str,
    subtitle: str,
    notes: Sequence[str],
    handles: Sequence[Artist] = (),
    say: Callable[[int, int, int], str] | None = None,
) -> Figure:
    """Panels of languages by layers.

    Args:
        shown: each part with its values, shape (languages, layers).
        order: of the languages.
        cells: draws the cells of a panel, given its number and the points of text in a cell or None.
        bar: draws the colour bar of a panel, given its number.
        title: of the figure.
        subtitle: of the figure.
        notes: lines at its end.
        handles: legend entries; one for unknown values is added where there are any.
        say: what a cell says where it is pointed at, given the numbers of its panel, row and column.
    """
    n, most = len(order), max(len(part.layers) for part, _ in shown)
    wide = most > 16
    cell, size = (0.26, None) if wide else (0.46, 7.0)
    cell_height, label_size = (0.26, 8.0) if n <= 20 else (0.19, 7.0)
    across = sum(len(part.layers) for part, _ in shown) * cell <= _SIDE_BY_SIDE
    missing = any(bool((~np.isfinite(values)).any()) for _, values in shown)
    names = text.short_names(order, 24)
    rows = [names[language] for language in order]
    layers = text.short_names({layer for part, _ in shown for layer in part.layers}, 34, keep="end")

    def into(ax: Axes, number: int) -> None:
        part, values = shown[number]
        ax.set(xlim=(0, values.shape[1]), ylim=(n, 0))
        ax.set_title(capital(text.safe_text(part.name)), fontsize=9, loc="left", pad=5, parse_math=False)
        cells(ax, number, size)
        same = all(other.layers == part.layers for other, _ in shown)
        columns_named = across or n > _FEW or number == len(shown) - 1 or not same
        rows_named = not across or number == 0
        label_axes(
            ax,
            [i + 0.5 for i in range(len(part.layers))],
            [layers[layer] if columns_named else "" for layer in part.layers],
            [i + 0.5 for i in range(n)],
            [row if rows_named else "" for row in rows],
            label_size,
        )

    def colours(cax: Axes, number: int) -> None:
        bar(cax, number)

    def pointed(number: int) -> Cells | None:
        part, _ = shown[number]
        if say is None:
            return None
        texts = [[say(number, row, column) for column in range(len(part.layers))] for row in range(n)]
        return Cells(rows, [layers[layer] for layer in part.layers], texts, name=capital(text.safe_text(part.name)))

    return heatmaps(
        [
            Panel(
                len(part.layers) * cell,
                n * cell_height,
                partial(into, number=i),
                partial(colours, number=i),
                pointed(i),
            )
            for i, (part, _) in enumerate(shown)
        ],
        title=title,
        subtitle=subtitle,
        handles=[*handles, *([draw.missing_handle("grey with a dash: unknown")] if missing else [])],
        notes=notes,
        names=[*rows, *layers.values(), *(part.name for part, _ in shown)],
        across=across,
    )
