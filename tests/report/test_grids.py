"""What cells say where they are pointed at is what the figure shows there."""

import json
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from interfere.report import write_figures
from interfere.report._grid import Cells, Grid, grid_json
from interfere.report._kinds import report_kind
from tests.report._importance import make_importance
from tests.report._results import constant, layers, make_result
from tests.report.test_experiment_results import make_experiment
from tests.report.test_tasks_results import make_tasks

RESULTS = {
    "gradients": make_result(["de", "en", "fr", "ru"], groups=layers(3)),
    "importance": make_importance(["de", "en", "fr"], layers=layers(3)),
    "experiment": make_experiment(["de", "en", "fr"], ["pair"], conflict=False, curves=False),
    "tasks": make_tasks(["de", "en", "fr"]),
}
GRIDS = {"languages", "layers", "transfer", "strength", "overlap", "profile", "ablation", "matrix", "scores", "deltas"}


def value(words):
    """The first number of a text as a float, percentages as shares; None where there is none."""
    found = re.search(r"(?<![\w.])[−+<]?(?:\d+(?:\.\d+)?|\.\d+)(?:e−?\d+)?%?", words)
    if found is None:
        return None
    number = float(found[0].replace("−", "-").strip("<%+"))
    return number / 100 if found[0].endswith("%") else number


@pytest.fixture(scope="module")
def figures():
    return {kind: list(report_kind(result).figures(result)) for kind, result in RESULTS.items()}


@pytest.mark.parametrize("kind", RESULTS)
def test_every_number_in_a_figure_is_said_by_the_cell_around_it(figures, kind):
    checked = set()
    for drawn in figures[kind]:
        if drawn.kind not in GRIDS:
            continue
        figure = drawn.figure
        FigureCanvasAgg(figure).draw()
        size = figure.bbox.size
        assert len(drawn.grids) == len(figure.axes) / 2
        for grid, ax in zip(drawn.grids, figure.axes[::2], strict=True):
            for text in ax.texts:
                x, y = ax.transData.transform(text.get_position()) / size
                rows = [i for i, top in enumerate(grid.tops) if top <= 1 - y < top + grid.height]
                columns = [j for j, left in enumerate(grid.lefts) if left <= x < left + grid.width]
                assert len(rows) == len(columns) == 1
                said = grid.cells.texts[rows[0]][columns[0]]
                shown = text.get_text()
                if "±" in shown:
                    continue
                scale = 100 if drawn.kind == "matrix" else 1  # these cells are in per cent
                if value(shown) is None:
                    assert "could not" in said or "not in this run" in said
                else:
                    assert scale * value(said) == pytest.approx(
                        value(shown), abs=0.0051 * (scale if scale > 1 else 1), rel=0.06
                    )
                undetermined = "undetermined" in said or "not surely" in said
                assert undetermined == shown.startswith("(")
                checked.add(drawn.kind)
            assert ax.get_xticklabels()[-1].get_text() == "" or len(grid.cells.columns) == len(ax.get_xticklabels())
    assert checked == GRIDS & {drawn.kind for drawn in figures[kind]}


def test_rows_and_columns_are_called_as_in_the_figure(figures):
    for kind, drawn_ in figures.items():
        for drawn in drawn_:
            for grid, ax in zip(drawn.grids, drawn.figure.axes[::2], strict=False):
                for names, labels in (
                    (grid.cells.rows, ax.get_yticklabels()),
                    (grid.cells.columns, ax.get_xticklabels()),
                ):
                    shown = [label.get_text() for label in labels]
                    assert all(s in n for s, n in zip(shown, names, strict=True)), (kind, drawn.kind)


def test_a_saved_figure_keeps_its_cells(tmp_path):
    drawings = write_figures(RESULTS["gradients"], tmp_path)
    assert [len(d.grids) for d in drawings] == [1, 1, 1, 3]
    for drawing in drawings:
        for grid in drawing.grids:
            edges = [*grid.lefts, grid.lefts[-1] + grid.width, *grid.tops, grid.tops[-1] + grid.height]
            assert 0 < min(edges) < max(edges) < 1


def test_a_pair_says_its_interval_and_verdict_and_a_missing_one_that_it_is_missing():
    result = make_result(["de", "en"], constant(-0.3, "conflict"))
    grid = next(iter(report_kind(result).figures(result))).grids[0]
    row = result.pairs[result.pairs["group"] == "body"].iloc[0]
    low, high = (f"{row[c]:.2f}".replace("-", "−") for c in ("ci_low", "ci_high"))
    assert grid.cells.texts[0][1].startswith(f"−0.30 (95% {low} to {high}), conflict, q = ")
    assert grid.cells.texts[0][0].startswith("self-similarity 0.")
    result = make_result(["de", "en"], constant(float("nan"), "undetermined"))
    grid = next(iter(report_kind(result).figures(result))).grids[0]
    assert grid.cells.texts[1][0] == "could not be estimated, undetermined"


def test_json_of_cells_cannot_end_its_element_and_reads_back():
    names = ["</script><script>alert(1)//", "<!--", "a&b", "a\u202eb", '"quoted"\\']
    grid = Grid(Cells(names, names, [[n] * 5 for n in names]), np.arange(5) / 9, np.arange(5) / 9, 0.1, 0.1)
    text = grid_json([grid])
    assert not set("<>&") & set(text)
    (read,) = json.loads(text)
    assert read["rows"] == [n.replace("\u202e", "\ufffd") for n in names]
    assert read["texts"][0][0] == names[0]
