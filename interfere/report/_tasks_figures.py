"""The figures of a tasks analysis: scores, and differences of models, by training and test language."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from interfere.report import _cells as draw
from interfere.report import _tasks_words as words
from interfere.report import _text as text
from interfere.report._figure import Drawn, Panel, heatmaps, label_axes
from interfere.report._grid import Cells, said
from interfere.report._importance_words import capital
from interfere.report._matrix import MANY, cell_size
from interfere.report._tasks_tables import (
    BETTER,
    MONOLINGUAL,
    UNDETERMINED,
    WORSE,
    delta_rows,
    matrix,
    metric,
    multilinguals,
    score_rows,
    signed,
    trained,
)
from interfere.results import Result

_TWO_LINES = 10  # languages up to which a cell has room for the half width of its interval
_ACROSS = 6  # languages up to which two panels stand side by side
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)
_NAME = 24
_RANGE = 0.3  # scores that colours span at least
_THIN, _THICK = 0.7, 2.2  # points of frames
_AXES = ("tested in …", "fine-tuned in …")


def tasks_figures(result: Result) -> Iterator[Drawn]:
    """What the tables of a result of kind `tasks` have to show, of each multilingual model."""
    models = multilinguals(result)
    shown, every = text.file_names(models), list[str | None](models) or [None]

    def name(kind: str, model: str | None) -> str:
        return kind if model is None or len(models) == 1 else f"{kind}-{shown[model]}"

    measure = metric(result)
    for model in every:
        alt, heading = words.scores_alt(result, model), words.title(result, "scores", model)
        yield Drawn("scores", measure, name("scores", model), heading, alt, scores_figure(result, model))
        if model is not None and not delta_rows(result, model).empty:
            alt, heading = words.deltas_alt(result, model), words.title(result, "deltas", model)
            yield Drawn("deltas", measure, name("deltas", model), heading, alt, differences_figure(result, model))


def scores_figure(result: Result, multilingual: str | None) -> Figure:
    """Heatmaps of scores: a multilingual model, and the monolingual ones, each in the row of its language.

    Scores that are not surely above the majority baseline are paler, hatched and in brackets; scores within a language
    are framed. All figures of a result share their colours. With few languages, cells have the half width of the
    interval below the score.

    Args:
        result: of kind `tasks`.
        multilingual: the model; None: only monolingual models.
    """
    names = text.short_names(result.languages, _NAME)
    every = np.concatenate([score_rows(result)["score"], score_rows(result, role=MONOLINGUAL)["score"]])
    scale, ticks = score_scale(every[np.isfinite(every)])
    there = [] if multilingual is None else [("multilingual model", score_rows(result, multilingual))]
    there.append(("monolingual models", score_rows(result, role=MONOLINGUAL)))
    there = [(title, rows) for title, rows in there if not rows.empty]
    panels, missing, widths = [], False, False
    for title, rows in there:
        trains, tests = trained(result, rows), list(result.languages)
        values, low, high, sure = (matrix(rows, c, trains, tests) for c in ("score", "ci_low", "ci_high", "sure"))
        # An index by place of row and column, since monolingual models need not be there for all languages.
        own = [(float(tests.index(train)), float(i)) for i, train in enumerate(trains)]
        missing |= bool(np.isnan(values).any())
        widths |= bool(np.isfinite(high - low).any())

        def bar(cax: Axes) -> None:
            draw.colour_bar(cax, scale, metric(result), ticks, [f"{t:g}" for t in ticks], undetermined=True)

        verdicts = np.where(sure == 1, "sure", UNDETERMINED).astype(object)
        labels = [names[a] for a in trains], [names[a] for a in tests]
        beside = np.where(sure == 1, "surely above the baseline", "not surely above the baseline").astype(object)
        cells = _cells(values, low, high, beside, labels, partial(text.number, digits=3), capital(title))
        panels.append(
            _panel(values, (high - low) / 2, verdicts, labels, scale, _score_text, bar, [(own, 1.6)], own, cells)
        )
    heading, subtitle = words.titles(result, "scores", multilingual)
    n = len(result.languages)
    return heatmaps(
        panels,
        title=heading,
        subtitle=subtitle,
        handles=[
            draw.framed_handle("framed: fine-tuned and tested in one language"),
            draw.hatched_handle("paler, hatched and in brackets: not surely above the majority baseline"),
            *([draw.missing_handle("grey with a dash: no score")] if missing else []),
        ],
        notes=[
            "Mean score over fine-tunings. A score is surely above the baseline where its 95% interval is. The "
            "baseline is always giving the most frequent training label, and differs from cell to cell."
            + (" Below the score: ± half the width of its interval." if n <= _TWO_LINES and widths else "")
        ],
        names=list(names.values()),
        across=n <= _ACROSS,
    )


def differences_figure(result: Result, multilingual: str) -> Figure:
    """Heatmap of the score of a multilingual model less that of the monolingual model of the row's language.

    Args:
        result: of kind `tasks`.
        multilingual: the model, which has rows in the table `task_deltas`.
    """
    names, rows = text.short_names(result.languages, _NAME), delta_rows(result, multilingual)
    trains, tests = trained(result, rows), list(result.languages)
    values, low, high = (matrix(rows, c, trains, tests) for c in ("delta", "ci_low", "ci_high"))
    verdicts = np.full(values.shape, UNDETERMINED, dtype=object)
    for train, test, verdict in zip(rows["train"], rows["test"], rows["verdict"], strict=True):
        if train in trains and test in tests:
            verdicts[trains.index(train), tests.index(test)] = verdict
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    limit = next((step for step in _STEPS if most <= step * 1.001), 1.0)
    scale = draw.signed(limit)

    def bar(cax: Axes) -> None:
        ticks = [-limit, -limit / 2, 0.0, limit / 2, limit]
        shown = [f"{t:+g}".replace("-", "−") if t else "0" for t in ticks]
        draw.colour_bar(cax, scale, f"difference in {metric(result)}", ticks, shown, undetermined=True)

    frames = {
        verdict: [(float(j), float(i)) for (i, j), found in np.ndenumerate(verdicts) if found == verdict]
        for verdict in (BETTER, WORSE)
    }
    labels = [names[a] for a in trains], [names[a] for a in tests]
    cells = _cells(values, low, high, verdicts, labels, signed, "")
    lines = [(frames[BETTER], _THIN), (frames[WORSE], _THICK)]
    own = [(float(tests.index(train)), float(i)) for i, train in enumerate(trains)]
    heading, subtitle = words.titles(result, "deltas", multilingual)
    handles: list[Artist] = [
        Patch(facecolor="white", edgecolor=draw.FRAME, linewidth=_THICK, label="thick frame: worse (q ≤ 0.05)"),
        Patch(facecolor="white", edgecolor=draw.FRAME, linewidth=_THIN, label="thin frame: better (q ≤ 0.05)"),
        draw.hatched_handle("paler, hatched and in brackets: undetermined"),
    ]
    if np.isnan(values).any():
        handles.append(draw.missing_handle("grey with a dash: no difference is known"))
    n = len(tests)
    return heatmaps(
        [_panel(values, (high - low) / 2, verdicts, labels, scale, _delta_text, bar, lines, own, cells)],
        title=heading,
        subtitle=subtitle,
        handles=handles,
        notes=[
            "Score of the multilingual model less that of the monolingual model of the row's language, both "
            "fine-tuned in that language. Above 0 the multilingual model is better."
            + (" Bold: tested in the same language." if cell_size(n)[1] is not None else "")
            + (
                " Below: ± half the width of the 95% interval."
                if n <= _TWO_LINES and np.isfinite(high - low).any()
                else ""
            )
        ],
        names=list(names.values()),
    )


def score_scale(values: NDArray[np.float64]) -> tuple[draw.Scale, list[float]]:
    """Colours from the tenth below the least score or lower to that above the highest, and the marks of their bar."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    low, high = math.floor(low * 10 + 1e-9) / 10, math.ceil(high * 10 - 1e-9) / 10
    # A wider range than that of the scores, so that small differences have like colours.
    low = min(low, max(0.0, high - _RANGE))
    high = max(high, low + _RANGE)
    return draw.sequential(Normalize(low, high)), draw.round_ticks(low, high)


def _score_text(value: float) -> str:
    return draw.free_value(value, brief=True)


def _delta_text(value: float) -> str:
    out = draw.free_value(value, brief=True)
    return out if out.startswith("−") or float(out) == 0 else f"+{out}"


def _cells(
    values: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    beside: NDArray[np.object_],
    labels: tuple[Sequence[str], Sequence[str]],
    write: Callable[[float], str],
    name: str,
) -> Cells:
    texts = [
        [said(values[i, j], low[i, j], high[i, j], write, str(beside[i, j])) for j in range(values.shape[1])]
        for i in range(values.shape[0])
    ]
    rows, columns = labels
    return Cells(
        [f"fine-tuned in {each}" for each in rows], [f"tested in {each}" for each in columns], texts, name=name
    )


def _panel(
    values: NDArray[np.float64],
    half: NDArray[np.float64],
    verdicts: NDArray[np.object_],
    labels: tuple[Sequence[str], Sequence[str]],
    scale: draw.Scale,
    write: Callable[[float], str],
    bar: Callable[[Axes], None],
    frames: Sequence[tuple[Sequence[tuple[float, float]], float]],
    bold: Sequence[tuple[float, float]],
    cells: Cells,
) -> Panel:
    """Cells of training (rows) by test language; corners are (column, row), and a frame has points of its line."""
    rows, columns = values.shape
    cell, size = cell_size(columns)

    def into(ax: Axes) -> None:
        ax.set(xlim=(0, columns), ylim=(rows, 0))
        draw.paint(ax, range(columns), values, verdicts, scale=scale, write=write, size=None)
        for corners, line in frames:
            draw.draw_frames(ax, corners, line if columns <= MANY else 0.7 * line)
        for (i, j), value in np.ndenumerate(values):
            if size is not None and np.isfinite(value):
                known = verdicts[i, j] != UNDETERMINED
                _write(ax, (float(j), float(i)), value, float(half[i, j]), known, (float(j), float(i)) in bold)
        if cells.name:
            ax.set_title(cells.name, fontsize=9, loc="left", pad=5)
        label_size = 9.5 if columns <= MANY else 8
        middles = [i + 0.5 for i in range(max(rows, columns))]
        label_axes(ax, middles[:columns], labels[1], middles[:rows], labels[0], label_size)
        ax.set_xlabel(_AXES[0], fontsize=9, labelpad=6)
        ax.set_ylabel(_AXES[1], fontsize=9, labelpad=6)

    def _write(ax: Axes, corner: tuple[float, float], value: float, width: float, known: bool, strong: bool) -> None:
        assert size is not None
        rgb = scale.rgb(np.asarray(value))
        rgb = rgb if known else draw.faded(rgb)
        # The hatching stops at the number, which would be hard to read on it.
        box = {} if known else {"bbox": {"facecolor": rgb, "edgecolor": "none", "pad": 0.6}}
        style = {"color": draw.ink_on(rgb), "fontweight": "bold" if strong else "normal", **box}
        shown = write(value) if known else f"({write(value)})"
        x, y = corner
        if columns > _TWO_LINES or not np.isfinite(width):
            draw.put(ax, corner, shown, min(size, 8.0), **style)
            return
        draw.put(ax, (x, y - 0.14), shown, min(size, 9.0), **style)
        style["fontweight"] = "normal"
        draw.put(ax, (x, y + 0.24), f"±{draw.free_value(width, brief=True)}", 6.5, **style)

    return Panel(columns * cell, rows * cell, into, bar, cells)
