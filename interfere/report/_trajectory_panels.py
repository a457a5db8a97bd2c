"""Verdicts, self-similarity and loss against the step."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rich.cells import cell_len

from interfere.report import _text as text
from interfere.report._cells import HATCH, HATCH_INK
from interfere.report._deltas_layout import LABEL, Plot, plain_axes, plots
from interfere.report._deltas_marks import plain_ticks
from interfere.report._experiment_marks import MAX_LINES, end_names, line_style
from interfere.report._tables import VERDICTS
from interfere.report._trajectory_marks import Steps
from interfere.report._trajectory_tables import pair_rows, self_rows, steps, verdict_counts
from interfere.report._trajectory_words import brief_step, titles
from interfere.results import Result

_WIDTH, _HEIGHT, _NAME = 3.3, 2.5, 14
_BANDS = 4  # languages up to which intervals can be told apart
_COLOURS = {"conflict": "#b2182b", "aligned": "#2166ac", "neutral": "#d9d9d9", "undetermined": "white"}
_WORDS = {"conflict": "in conflict"}


def verdicts_figure(result: Result, metric: str) -> Figure:
    """A bar for each checkpoint: how many pairs are in conflict, aligned, neutral and undetermined.

    Args:
        result: of kind `trajectory`.
        metric: one of its metrics.
    """
    counts = verdict_counts(pair_rows(result, metric))
    names = [brief_step(float(step)) for step in counts.index]
    width = float(np.clip(0.5 * len(counts), 2.4, 7.2))
    total = int(counts.sum(axis=1).max())

    def draw(ax: Axes) -> None:
        plain_axes(ax, grid="y")
        bottom = np.zeros(len(counts))
        for verdict in VERDICTS:
            values = counts[verdict].to_numpy(dtype=np.float64)
            bars = ax.bar(
                range(len(counts)), values, bottom=bottom, width=0.78, color=_COLOURS[verdict], edgecolor="#7a7a7a",
                linewidth=0.5, zorder=2,
            )  # fmt: skip
            if verdict == "undetermined":
                for bar in bars:
                    bar.set(hatch=HATCH, edgecolor=HATCH_INK)
            for x, (value, start) in enumerate(zip(values, bottom, strict=True)):
                if value >= max(0.07 * total, 1) and len(counts) <= 16:
                    white = verdict in ("conflict", "aligned")
                    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0} if verdict == "undetermined" else None
                    ax.text(
                        x, start + value / 2, f"{value:.0f}", ha="center", va="center", fontsize=7.5, zorder=4,
                        color="white" if white else "#1a1a1a", bbox=box,
                    )  # fmt: skip
            bottom += values
        ax.set_ylim(0, total * 1.02)
        ticks = [t for t in plain_ticks(0, total, 5) if t == round(t)]
        ax.set_yticks(ticks, [f"{t:,.0f}" for t in ticks])
        room = width / len(counts)
        every = max(1, int(np.ceil(max(0.09 * cell_len(n) + 0.08 for n in names) / room)))
        shown = [i for i in range(len(names)) if (len(names) - 1 - i) % every == 0]
        ax.set_xticks(shown, [names[i] for i in shown])
        ax.set_xlim(-0.6, len(counts) - 0.4)
        ax.set_xlabel("step", fontsize=LABEL)
        ax.set_ylabel("pairs of languages", fontsize=LABEL)

    there = [v for v in VERDICTS if counts[v].any()]
    handles: list[Artist] = []
    for verdict in there:
        is_open = verdict == "undetermined"
        edge, hatch = (HATCH_INK, HATCH) if is_open else ("#7a7a7a", "")
        label = _WORDS.get(verdict, verdict)
        handles.append(Patch(facecolor=_COLOURS[verdict], edgecolor=edge, hatch=hatch, linewidth=0.5, label=label))
    title, subtitle = titles(result, "verdicts", metric)
    notes = ["Bars stand side by side, however many steps lie between them. q is of each checkpoint by itself."]
    return plots([Plot(width, _HEIGHT, draw)], title=title, subtitle=subtitle, handles=handles, notes=notes, names=[])


def languages_figure(result: Result, metric: str) -> Figure:
    """Two panels, self-similarity and loss, a line a language.

    Args:
        result: of kind `trajectory`.
        metric: one of its metrics.
    """
    rows = self_rows(result, metric)
    last = rows[rows["step"] == rows["step"].max()].sort_values(["self_similarity", "language"], kind="stable")
    shown = sorted(last["language"].iloc[:MAX_LINES])
    names = text.short_names(result.languages, _NAME)
    axis = Steps.of(steps(result))

    def draw(ax: Axes, column: str, what: str) -> None:
        plain_axes(ax, grid="y")
        own = rows[rows["language"].isin(shown)]
        low, high = _reach(own[column])
        ax.set_ylim(low, high)
        ticks = plain_ticks(low, high, 5)
        ax.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
        axis.draw(ax, _WIDTH)
        ends = []
        for i, language in enumerate(shown):
            one = own[own["language"] == language]
            xs, style = axis.at(one["step"].to_numpy()), line_style(i)
            ax.plot(xs, one[column], linewidth=1.3, marker="o", markersize=2.6, **style)
            if column == "self_similarity" and len(shown) <= _BANDS:
                bounds = (one[end].clip(low, high) for end in ("ci_low", "ci_high"))
                ax.fill_between(xs, *bounds, color=style["color"], alpha=0.12, linewidth=0)
            finite = one[column].dropna()
            ends.append(float(finite.iloc[-1]) if len(finite) else low)
        ax.set_title(what, fontsize=9, loc="left", pad=5)
        end_names(ax, [names[n] for n in shown], ends, _HEIGHT, [line_style(i)["color"] for i in range(len(shown))])

    title, subtitle = titles(result, "languages", metric)
    more = len(result.languages) - len(shown)
    notes = ["Shaded: 95% intervals over text."] if len(shown) <= _BANDS else []
    if more:
        notes.append(f"{more:,} more languages, whose self-similarity ends higher, are in self.csv.")
    return plots(
        [
            Plot(_WIDTH, _HEIGHT, lambda ax: draw(ax, "self_similarity", "Self-similarity")),
            Plot(_WIDTH, _HEIGHT, lambda ax: draw(ax, "loss", "Loss per prediction, in nats")),
        ],
        title=title,
        subtitle=subtitle,
        handles=[],
        notes=notes,
        names=[names[n] for n in shown],
        columns=2,
    )


def _reach(values: pd.Series) -> tuple[float, float]:
    known = values.dropna()
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = 0.08 * (high - low) or 0.05
    return low - room, high + room
