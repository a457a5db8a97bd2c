"""What can be read off a figure: its words, cells, marks and boxes."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection

from interfere.report._cells import HATCH


def texts(figure):
    own = [t.get_text() for t in figure.texts]
    return own + [t.get_text() for ax in figure.axes for t in ax.texts]


def labels(figure, axis="x", panel=0):
    """The names of the columns or rows of a panel; every panel is followed by its colour bar."""
    return [t.get_text() for t in getattr(figure.axes[2 * panel], f"get_{axis}ticklabels")()]


def legend(figure):
    return [t.get_text() for t in figure.legends[0].get_texts()]


def cells(figure, panel=0):
    """(row, column) → what stands in the cell; columns are counted, whatever gaps there are between them."""
    ax = figure.axes[2 * panel]
    columns = {x: i for i, x in enumerate(sorted({t.get_position()[0] for t in ax.texts}))}
    return {(int(t.get_position()[1]), columns[t.get_position()[0]]): t.get_text() for t in ax.texts}


def named_cells(figure, panel=0, rows=None):
    """(row's label, column's label) → what stands in the cell."""
    rows, columns = rows or labels(figure, "y", panel), labels(figure, "x", panel)
    return {(rows[i], columns[j]): words for (i, j), words in cells(figure, panel).items()}


def fills(figure, panel=0):
    """(left, top) of each coloured cell → its colour."""
    out = {}
    for collection in figure.axes[2 * panel].collections:
        for path, rgb in zip(collection.get_paths(), collection.get_facecolor(), strict=False):
            x, y = path.vertices.min(axis=0)
            out[round(float(x), 2), round(float(y), 2)] = np.asarray(rgb[:3])
    return out


def hatched(figure):
    of_ax = [c for c in figure.axes[0].collections if isinstance(c, PatchCollection)]
    return sum(len(c.get_paths()) for c in of_ax if c.get_hatch() == HATCH)


def framed(figure):
    of_ax = [c for c in figure.axes[0].collections if isinstance(c, PatchCollection)]
    return sum(len(c.get_paths()) for c in of_ax if len(c.get_facecolor()) == 0)


def svg_text(path):
    root = ElementTree.parse(path).getroot()
    assert root.tag.endswith("}svg")
    return [" ".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text")]


def assert_tidy(figure):
    """Nothing lies over anything else or beyond the figure's edge, and no number is wider than its cell."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
        boxes += [t.get_window_extent(renderer) for t in figure.texts if t.get_text()]
        boxes += [figure.legends[0].get_window_extent(renderer)]
        for ax in figure.axes[::2]:
            unit = ax.transData.transform([[0, 0], [1, 1]])
            width, height = np.abs(unit[1] - unit[0])
            for text in ax.texts:
                inside = text.get_window_extent(renderer)
                assert inside.width <= width * 1.03, text.get_text()
                assert inside.height <= height, text.get_text()
    for i, a in enumerate(boxes):
        assert a.x0 >= -1
        assert a.y0 >= -1
        assert a.x1 <= figure.bbox.width + 1
        assert a.y1 <= figure.bbox.height + 1
        for b in boxes[i + 1 :]:
            across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 2 or up <= 2
