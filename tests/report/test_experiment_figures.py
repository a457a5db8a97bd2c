import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from interfere.report import write_figures
from interfere.report._experiment_conflict import conflict_figure
from interfere.report._experiment_curves import capacity_figure, curves_figure, scout_figure
from interfere.report._experiment_forest import forest_figure
from interfere.report._experiment_lines import grouped
from interfere.report._experiment_matrix import cell, matrix_figure
from interfere.report._experiment_predict import predict_figure
from interfere.report._experiment_tables import delta_rows
from tests.report._drawn import assert_tidy as assert_cells_tidy
from tests.report._drawn import cells, framed, hatched, labels, legend, named_cells, svg_text, texts
from tests.report._results import CODES
from tests.report.test_deltas_figures import HOSTILE, assert_tidy, points, rows_of
from tests.report.test_experiment_results import make_experiment

pytestmark = pytest.mark.slow

ARABIC = ["العربية", "de_Latn"]


@pytest.fixture(scope="module")
def three():
    return make_experiment(["de", "ko", "sv"], ["half", "clone", "pair", "triple", "all"])


@pytest.fixture(scope="module")
def drawings(three, tmp_path_factory):
    return write_figures(three, tmp_path_factory.mktemp("figures"))


def test_figures_are_those_that_the_tables_have(tmp_path, drawings):
    assert [d.kind for d in drawings] == ["matrix", "forest", "curves", "conflict", "predict"]
    for drawing in drawings:
        assert imread(drawing.png)[..., :3].std() > 0.01
        assert drawing.alt.endswith(".")
        assert "nan" not in drawing.alt
        assert "3,000 updates per language" in " ".join(svg_text(drawing.svg))
    swept = make_experiment(["de", "sv"], ["pair"], widths=(8, 16), text=(0.5, 1.0), curves=False, conflict=False)
    drawn = [d.kind for d in write_figures(swept, tmp_path / "swept")]
    assert drawn == ["matrix", "forest", "capacity", "amount", "predict"]
    short = make_experiment(["de", "sv"], ["pair", "half"], scout=(90, 300))
    assert [d.kind for d in write_figures(short, tmp_path / "scout")] == ["scout", "matrix", "forest"]
    nothing = make_experiment(["de"], ["half"], failed=["de"], curves=False, conflict=False)
    assert write_figures(nothing, tmp_path / "nothing") == []


def test_the_same_result_gives_the_same_svg(tmp_path, three, drawings):
    for one, two in zip(drawings, write_figures(three, tmp_path), strict=True):
        assert one.svg.read_bytes() == two.svg.read_bytes()


def test_the_matrix_has_who_pays_in_rows_and_frames_what_is_shown():
    values = {("de", "ko"): 0.07, ("ko", "de"): 0.03, ("de", "sv"): -0.05, ("sv", "de"): 0.002}
    result = make_experiment(
        ["de", "ko", "sv"], ["pair"], pairs=[("de", "ko"), ("de", "sv")], relative=lambda k, a, b, w: values[a, b]
    )
    figure = matrix_figure(result)
    assert labels(figure, "y") == labels(figure, "x") == ["ko", "de", "sv"]
    found = {(round(y), round(x)): words for (y, x), words in cells(figure).items()}
    assert found == {(0, 1): "+3.0", (1, 0): "+7.0", (1, 2): "−5.0", (2, 1): "(+0.2)"}
    assert named_cells(figure)["de", "ko"] == "+7.0"
    assert (framed(figure), hatched(figure)) == (3, 1)
    assert any("White: this pair was not trained" in t for t in texts(figure))
    assert "framed: interference (red) or transfer (blue), q ≤ 0.05" in legend(figure)


def test_red_is_harm_and_blue_is_help():
    values = {("de", "sv"): 0.05, ("sv", "de"): -0.05}
    figure = matrix_figure(make_experiment(["de", "sv"], ["pair"], relative=lambda k, a, b, w: values[a, b]))
    (de, sv) = (figure.axes[0].collections[0].get_facecolor()[i][:3] for i in (0, 1))
    assert de[0] > de[2]
    assert sv[2] > sv[0]


def test_the_matrix_has_a_panel_for_each_capacity_up_to_four():
    result = make_experiment(["de", "sv"], ["pair"], widths=(8, 16, 24, 32, 48, 64))
    titles = [ax.get_title(loc="left") for ax in matrix_figure(result).axes[::2]]
    assert titles == ["width 8", "width 24", "width 32", "width 64"] or len(titles) == 4
    assert titles[0] == "width 8"
    assert titles[-1] == "width 64"
    both = make_experiment(["de", "sv"], ["pair"], widths=(8, 16, 64), text=(0.25, 1.0))
    assert [ax.get_title(loc="left") for ax in matrix_figure(both).axes[::2]] == ["width 8", "width 16", "width 64"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0123, "+1.2"), (-0.5, "−50"), (0.00001, "0.0"), (0.0996, "+10"), (-0.00004, "0.0")]
)
def test_differences_in_cells_are_short(value, shown):
    assert cell(value) == shown


def test_the_forest_has_every_comparison_at_its_difference():
    values = {"half": -0.06, "clone": 0.02, "pair": 0.04, "all": 0.001}
    result = make_experiment(["de", "sv"], relative=lambda k, a, b, w: values[k] + 0.001 * (a == "de"))
    figure = forest_figure(result)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "With the other half of its own text", "With a clone of itself", "Pairs", "All languages together",
    ]  # fmt: skip
    assert rows_of(figure, 0) == ["de", "sv"]
    assert [name.replace("\u200e", "") for name in rows_of(figure, 2)] == ["de ← sv", "sv ← de"]
    assert list(points(figure, 2)) == [(0.041, 0.5), (0.04, 1.5)]
    assert all(filled for filled, _ in points(figure, 2).values())
    assert not any(filled for filled, _ in points(figure, 3).values())
    assert "−5.9% [−7.4, −4.4]" in texts(figure)


def test_who_pays_stands_left_of_the_arrow_whatever_the_script():
    names = rows_of(forest_figure(make_experiment(ARABIC, ["pair"])), 0)
    assert sorted(names) == sorted(
        ["\u200eالعربية\u200e ← \u200ede_Latn\u200e", "\u200ede_Latn\u200e ← \u200eالعربية\u200e"]
    )


def test_curves_end_at_the_final_difference():
    result = make_experiment(["de", "sv"], ["pair"], relative=lambda k, a, b, w: 0.04 if a == "de" else 0.02)
    (ax,) = curves_figure(result).axes
    lines = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx([0.04, 0.02])
    assert [t.replace("\u200e", "") for t in texts(curves_figure(result)) if "←" in t] == ["de ← sv", "sv ← de"]
    assert ax.get_xscale() == "log"


def test_a_panel_has_twelve_lines_at_most_and_whole_kinds_are_kept():
    result = make_experiment(CODES[:14], ["half", "pair", "all"], curves=False, conflict=False)
    groups, notes = grouped(result, delta_rows(result))
    titles = [group.title for group in groups]
    assert len(titles) == 12
    assert {"Other half of its text", "All languages"} <= set(titles)
    assert {len(group.rows) for group in groups} == {12}
    assert notes[0].startswith("12 of 16 panels")
    assert notes[1].startswith("At most 12 lines in a panel")
    few = make_experiment(["de", "sv"], ["pair"])
    assert [group.title for group in grouped(few, delta_rows(few))[0]] == ["Pairs"]


def test_conflict_shows_the_lowest_cosines_first_with_their_ceiling(three):
    figure = conflict_figure(three)
    rows = three.tables["conflict"]
    rows = rows[(rows["group"] == "body") & ~rows["kind"].isin(["half", "clone"])]
    lowest = rows.groupby(["kind", "mixture", "a", "b"])["corrected"].mean().idxmin()
    assert figure.axes[0].get_title(loc="left").startswith(f"{lowest[2]} – {lowest[3]}")
    last = [ax.get_title(loc="left") for ax in figure.axes][-1]
    assert last.endswith(("its clone", "its other half"))
    ceiling = next(line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    assert ceiling.get_ydata() == pytest.approx(np.sqrt((0.5 - 0.3 * np.array([0.03, 0.1, 0.3, 1.0])) * 0.4))
    many = conflict_figure(make_experiment(CODES[:6], ["pair"]))
    assert len(many.axes) == 12
    assert any("3 more pairs of members are in conflict.csv" in t for t in texts(many))


def test_predictors_have_their_correlation_in_the_title():
    result = make_experiment(CODES[:5], ["pair"])
    table = result.tables["predictions"].set_index("predictor")
    table.loc["conflict", ["correlation", "ci_low", "ci_high"]] = [-0.55, -0.85, 0.02]
    result = dataclasses.replace(result, tables={**result.tables, "predictions": table.reset_index()})
    figure = predict_figure(result)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0] == "Conflict\n−0.55 [−0.85, +0.02], does not predict"
    assert len(titles) == 4
    assert sum(len(line.get_xdata()) == 1 for line in figure.axes[0].lines) == 20
    one = predict_figure(make_experiment(["de", "sv"], ["pair"]))
    assert one.axes[0].get_title(loc="left").endswith("1 pair: no correlation is judged")
    assert len(predict_figure(make_experiment(["de", "sv"], ["pair"], conflict=False)).axes) == 2


def test_capacity_and_scout_have_their_points():
    swept = make_experiment(["de"], ["clone"], widths=(8, 16, 64), relative=lambda k, a, b, w: 0.8 / w)
    (ax,) = capacity_figure(swept, "width").axes
    line = next(line for line in ax.lines if len(line.get_xdata()) == 3)
    assert line.get_ydata() == pytest.approx([0.1, 0.05, 0.0125])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["8", "16", "64"]
    short = make_experiment(["de"], ["clone"], scout=(300, 900), relative=lambda *_: 0.1)
    (ax,) = scout_figure(short).axes
    single = {
        (round(line.get_xdata()[0]), round(line.get_ydata()[0], 4)) for line in ax.lines if line.get_marker() == "o"
    }
    assert (3000, 0.1) in single
    assert ax.get_xticklabels()[-1].get_text() == "3,000"


def test_a_huge_interval_or_point_does_not_hide_the_others(tmp_path):
    result = make_experiment(CODES[:8], ["half", "pair"], relative=lambda k, a, b, w: 9.0 if a == "aa" else 0.02)
    rows = result.tables["deltas"].copy()
    rows.loc[0, ["relative", "relative_ci_low", "relative_ci_high"]] = [8.0, -0.9, 30.0]
    figure = forest_figure(dataclasses.replace(result, tables={**result.tables, "deltas": rows}))
    low, high = figure.axes[0].get_xlim()
    assert high - low < 0.5
    assert any("An arrow" in t for t in texts(figure))
    assert_tidy(figure)


def test_hostile_names_come_out_literally(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawings = write_figures(make_experiment(HOSTILE[:4], ["half", "pair"]), tmp_path)
    for drawing in drawings:
        written = " ".join(svg_text(drawing.svg))
        assert "<b>&amp" in written
        assert "$x^2$" in written
        assert drawing.png.parent == tmp_path
        for words in (written, drawing.title, drawing.alt):
            assert not {"\u202e", "\x1b", "\n"} & set(words)


SIZES = {
    "one": lambda: make_experiment(["de", "sv"], ["pair"], widths=(8, 64)),
    "hostile": lambda: make_experiment(HOSTILE[2:], ["half", "pair"], widths=(8, 64), failed=HOSTILE[2:3]),
    "twelve": lambda: make_experiment(CODES[:12], ["pair", "all"], widths=(8, 64)),
    "seed": lambda: make_experiment(["de", "sv", "ru"], ["triple", "pair"], widths=(8, 64), one_seed=True),
}


@pytest.mark.parametrize("size", SIZES)
def test_nothing_overlaps_and_nothing_is_cut_off(size):
    result = SIZES[size]()
    for figure in (forest_figure(result), curves_figure(result), capacity_figure(result, "width")):
        assert_tidy(figure)
    assert_tidy(conflict_figure(result))
    assert_tidy(predict_figure(result))
    assert_cells_tidy(matrix_figure(result))


@pytest.mark.parametrize("languages", [["de"], CODES[:6], HOSTILE], ids=["one", "six", "hostile"])
def test_short_runs_are_tidy_too(languages):
    kinds = ["half", "pair"] if len(languages) > 1 else ["half"]
    assert_tidy(scout_figure(make_experiment(languages, kinds, scout=(90, 180, 300))))


def test_a_column_of_nothing_is_no_number():
    result = make_experiment(["de", "sv"], ["pair"])
    tables = {name: table.astype(object).where(table.notna(), None) for name, table in result.tables.items()}
    tables["deltas"] = tables["deltas"].assign(relative_ci_low=None, relative_ci_high=None)
    figure = forest_figure(dataclasses.replace(result, tables=tables))
    assert any("%" in t and "[" not in t for t in texts(figure))
    assert isinstance(tables["deltas"], pd.DataFrame)
