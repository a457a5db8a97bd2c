"""Which language reached which expert of a mixture: the figure, its words, and the table of the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _text as text
from interfere.report import _words as words
from interfere.report._expert_tables import expert_counts, least_shared, mixtures
from interfere.report._figure import Panel, heatmaps, label_axes
from interfere.report._grid import Cells
from interfere.report._order import language_order
from interfere.report._tables import metrics
from interfere.results import Result

MAX_PANELS = 12
_WIDE = 8.0  # inches of cells
_LINES = "#d8d8d8"
_NAMED = 24  # experts up to which each has its number below it


def experts_figure(result: Result, metric: str | None = None) -> Figure:
    """A panel of languages × experts for each mixture: the share of a language's chunks that reached an expert.

    Where no chunk did the cell is white, since greys are in the scale. Of many mixtures those are drawn whose experts
    languages share least.

    Args:
        result: of kind `gradients`, of a mixture of experts.
        metric: for the order of languages, which is that of the other figures; default: the main one.
    """
    metric = metric if metric is not None else metrics(result)[0]
    every = mixtures(result)
    shown = least_shared(result, MAX_PANELS)
    order = [name for name in language_order(result, metric) if name in expert_counts(result, every[0]).index]
    names = text.short_names(order, 24)
    shares = {name: expert_counts(result, name).reindex(order) for name in shown}
    titles = text.short_names(shown, 40, keep="end")
    scale = draw.sequential(Normalize(0, 1))

    def into(ax: Axes, mixture: str) -> None:
        table = shares[mixture]
        ax.set(xlim=(0, table.shape[1]), ylim=(len(order), 0))
        ax.set_title(titles[mixture], fontsize=9, loc="left", pad=5, parse_math=False)
        ax.imshow(
            _colours(table.to_numpy(dtype=float), scale),
            extent=(0, table.shape[1], len(order), 0),
            aspect="auto",
            interpolation="nearest",
        )
        for edge in range(1, len(order)):
            ax.axhline(edge, color=_LINES, linewidth=0.5)
        if table.shape[1] <= 4 * _NAMED:
            for edge in range(1, table.shape[1]):
                ax.axvline(edge, color=_LINES, linewidth=0.5)
        step = max(1, -(-table.shape[1] // _NAMED))
        columns = [str(c) if i % step == 0 else "" for i, c in enumerate(table.columns)]
        places = [i + 0.5 for i in range(table.shape[1])]
        label_axes(ax, places, columns, [i + 0.5 for i in range(len(order))], [names[a] for a in order], 8)
        for label in ax.get_xticklabels():
            label.set(rotation=0, ha="center", va="top", rotation_mode="default")

    def bar(cax: Axes) -> None:
        draw.colour_bar(cax, scale, "share of chunks", [0, 0.5, 1], ["0%", "50%", "100%"])

    title, subtitle = words.titles(result, metric, "experts")
    notes = ["An expert is reached where a token that the loss depends on was sent to it."]
    if len(shown) < len(every):
        notes.append(f"{len(shown)} of {len(every):,} mixtures: those whose experts the languages share least.")
    return heatmaps(
        [
            Panel(
                min(_WIDE, 0.3 * shares[name].shape[1]),
                len(order) * (0.24 if len(order) <= 12 else 0.16),
                partial(into, mixture=name),
                bar,
                _cells(shares[name], order, titles[name]),
            )
            for name in shown
        ],
        title=title,
        subtitle=subtitle,
        handles=[
            Patch(facecolor="white", edgecolor=_LINES, label="white: no chunk of the language reached the expert")
        ],
        notes=notes,
        names=[*names.values(), *titles.values()],
    )


def experts_alt(result: Result, metric: str) -> str:
    """The figure in words."""
    del metric
    tables = [expert_counts(result, name) for name in mixtures(result)]
    cells = sum(table.size for table in tables)
    unseen = sum(int((table == 0).to_numpy().sum()) for table in tables)
    experts = sum(table.shape[1] for table in tables)
    return (
        f"Heatmaps of {len(result.languages)} languages by {experts:,} experts in {len(tables):,} mixtures: the share "
        f"of chunks that reached each. {unseen:,} of {cells:,} combinations of language and expert were never reached."
    )


def _colours(values: NDArray[np.float64], scale: draw.Scale) -> NDArray[np.float64]:
    """RGB of each cell; white where nothing was reached."""
    rgb = np.asarray(scale.rgb(values), dtype=np.float64)[..., :3].copy()
    rgb[~(values > 0)] = to_rgb("white")
    return rgb


def _cells(table: pd.DataFrame, order: Sequence[str], title: str) -> Cells:
    names = text.short_names(order, 40)
    values: NDArray[np.float64] = table.reindex(list(order)).to_numpy(dtype=np.float64)
    texts = [[f"{share:.0%} of chunks" if share > 0 else "not reached" for share in row] for row in values]
    return Cells([names[a] for a in order], [f"expert {c}" for c in table.columns], texts, name=title)
