import dataclasses
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.image import imread

from interfere.report import write_figures
from interfere.report._deltas_curve import curve_figure, spread
from interfere.report._deltas_forest import deltas_figure
from interfere.report._deltas_marks import COLOURS, MAX_MODELS, reach
from interfere.report._deltas_quality import quality_figure
from interfere.report._deltas_worth import worth_figure
from tests.report._drawn import legend, svg_text, texts
from tests.report._results import CODES
from tests.report.test_deltas_results import NAN, make_deltas

pytestmark = pytest.mark.slow

HOSTILE = [
    "<b>&amp;</b>", "$x^2$", "\x1b[31mred\x00", "a\u202eb", "日本語のとても長い名前です本当に長い", "العربية", "W" * 64,
    "_core",
]  # fmt: skip
FIGURES = (deltas_figure, quality_figure, curve_figure, worth_figure)
SIZES = (1e5, 1e6, 1e7)


def assert_tidy(figure):
    """Nothing lies over anything else or beyond the figure's edge, neither plots nor the words within one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
        boxes += [t.get_window_extent(renderer) for t in figure.texts if t.get_text()]
        boxes += [each.get_window_extent(renderer) for each in figure.legends if each.get_texts()]
        groups = [boxes]
        for ax in figure.axes:
            labels = [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts, ax.xaxis.label, ax.yaxis.label]
            labels += [ax.title, ax._left_title]
            groups.append([t.get_window_extent(renderer) for t in labels if t.get_text() and t.get_visible()])
    for group in groups:
        for box in group:
            assert box.x0 >= -1
            assert box.y0 >= -1
            assert box.x1 <= figure.bbox.width + 1
            assert box.y1 <= figure.bbox.height + 1
        for a, b in combinations(group, 2):
            across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 2 or up <= 2


def points(figure, panel=0):
    """(x, y) of each mark of an axes → whether it is filled, and its colour."""
    out = {}
    for line in figure.axes[panel].lines:
        if line.get_marker() in ("None", None, "", "<", ">"):
            continue
        x, y = float(line.get_xdata()[0]), float(line.get_ydata()[0])
        out[round(x, 4), round(y, 4)] = (to_hex(line.get_markerfacecolor()) != "#ffffff", to_hex(line.get_color()))
    return out


def rows_of(figure, panel=0):
    return [t.get_text() for t in figure.axes[panel].get_yticklabels()]


@pytest.fixture(scope="module")
def full():
    return make_deltas(["de", "en", "fr"], models=["bi", "all"], sizes=SIZES)


@pytest.fixture(scope="module")
def drawings(full, tmp_path_factory):
    return write_figures(full, tmp_path_factory.mktemp("figures"))


def test_figures_are_those_that_the_tables_have(tmp_path, drawings):
    assert [d.kind for d in drawings] == ["deltas", "curve", "worth", "quality"]
    assert [d.png.name for d in drawings] == ["deltas.png", "curve.png", "worth.png", "quality.png"]
    for drawing in drawings:
        assert imread(drawing.png)[..., :3].std() > 0.01
        assert "2 multilingual models" in " ".join(svg_text(drawing.svg))
        assert drawing.title
        assert drawing.alt.endswith(".")
        assert "nan" not in drawing.alt
    one = write_figures(make_deltas(["de"]), tmp_path / "one")
    assert [d.kind for d in one] == ["deltas", "quality"]
    assert any("some/model-134m" in t for t in svg_text(one[0].svg))


def test_the_same_result_gives_the_same_svg(tmp_path, full, drawings):
    for one, two in zip(drawings, write_figures(full, tmp_path), strict=True):
        assert one.svg.read_bytes() == two.svg.read_bytes()


def test_alt_texts_have_the_numbers(tmp_path):
    relative = {"de": 0.061, "en": -0.032, "fr": 0.001}
    result = make_deltas(
        ["de", "en", "fr"], relative=lambda m, a: relative[a], sizes=SIZES, level=lambda a: 2.0, failed=[]
    )
    alt = {d.kind: d.alt for d in write_figures(result, tmp_path)}
    assert (
        "The multilingual model: 1 worse, 1 better and 1 undetermined; from -3.2% (en) to +6.1% (de)." in alt["deltas"]
    )
    assert "1.936 (en) to 2.122 (de)" in alt["quality"]
    assert "en: more than the most, 10 MB." in alt["worth"]


def test_languages_stand_from_worst_to_best_with_points_at_their_differences():
    relative = {"de": 0.061, "en": -0.032, "fr": 0.001, "ja": NAN}
    result = make_deltas(sorted(relative), relative=lambda m, a: relative[a], failed=["ja"])
    figure = deltas_figure(result)
    assert rows_of(figure) == ["de", "fr", "en", "ja"]
    assert points(figure) == {
        (0.061, 0.5): (True, COLOURS["worse"]),
        (0.001, 1.5): (False, COLOURS["undetermined"]),
        (-0.032, 2.5): (True, COLOURS["better"]),
    }
    intervals = [line.get_xdata() for line in figure.axes[0].lines if len(set(line.get_xdata())) == 2]
    assert [tuple(np.round(x, 4)) for x in intervals if 0.0 not in x] == [
        (0.051, 0.071),
        (-0.009, 0.011),
        (-0.042, -0.022),
    ]
    written = texts(figure)
    assert "+6.1% [+5.1, +7.1]" in written
    assert "−3.2% [−4.2, −2.2]" in written
    assert "no number" in written
    assert {"← better", "worse →"} <= set(written)


def test_the_words_beside_0_stand_on_its_two_sides():
    for relative in (lambda m, a: 0.5, lambda m, a: -0.5):
        figure = deltas_figure(make_deltas(["de", "en"], relative=relative))
        low, high = figure.axes[0].get_xlim()
        assert low < 0 < high
        renderer = FigureCanvasAgg(figure).get_renderer()
        zero = figure.axes[0].transData.transform((0, 0))[0]
        better, worse = (
            next(t for t in figure.axes[0].texts if word in t.get_text()).get_window_extent(renderer)
            for word in ("better", "worse")
        )
        assert better.x1 < zero < worse.x0


def test_a_language_whose_models_are_one_is_hollow_at_0_and_named_so():
    figure = deltas_figure(make_deltas(["de", "en"], same=["de"], relative=lambda m, a: 0.05))
    assert points(figure)[0.0, 1.5][0] is False
    assert "the same model" in texts(figure)


def test_a_few_models_share_a_panel_and_more_have_one_each():
    few = deltas_figure(make_deltas(["de", "en"], models=["a", "b", "c"]))
    assert len(few.axes) == 1
    assert len(points(few)) == 6
    assert {"model a", "model b", "model c"} <= set(legend(few))
    more = deltas_figure(make_deltas(["de", "en"], models=list("abcd")))
    assert [ax.get_title(loc="left") for ax in more.axes] == list("abcd")
    many = make_deltas(["de", "en"], models=[f"m{i}" for i in range(11)])
    figure = deltas_figure(many)
    assert len(figure.axes) == MAX_MODELS
    assert figure.axes[0].get_title(loc="left") == "m0"
    assert figure.axes[-1].get_title(loc="left") == "m10"
    assert any("6 of 11 multilingual models" in t for t in texts(figure))


def test_a_huge_interval_does_not_hide_the_others():
    result = make_deltas(["de", "en", "fr"], relative=lambda m, a: 0.01)
    rows = result.tables["deltas"].copy()
    rows.loc[0, ["relative_ci_low", "relative_ci_high"]] = [-0.9, 30.0]
    figure = deltas_figure(dataclasses.replace(result, tables={**result.tables, "deltas": rows}))
    low, high = figure.axes[0].get_xlim()
    assert high - low < 0.2
    assert {line.get_marker() for line in figure.axes[0].lines} >= {"<", ">"}
    assert any("An arrow" in t for t in texts(figure))
    assert_tidy(figure)
    empty = pd.DataFrame({c: [NAN] for c in ("relative", "relative_ci_low", "relative_ci_high")})
    assert reach(empty) == (-0.01, 0.01)


@pytest.mark.parametrize("models", [["one"], ["one", "two"]])
def test_a_language_that_the_model_does_not_know_does_not_hide_the_others(models):
    result = make_deltas(CODES[:10], models=models, relative=lambda m, a: 8.0 if a == CODES[3] else 0.05)
    figure = deltas_figure(result)
    assert figure.axes[0].get_xlim()[1] < 0.5
    assert rows_of(figure)[0] == CODES[3]
    assert any(line.get_marker() == ">" for line in figure.axes[0].lines)
    assert any("+800" in t for t in texts(figure))
    assert any("An arrow" in t for t in texts(figure))
    assert_tidy(figure)


def test_quality_has_every_model_of_every_language():
    result = make_deltas(["de", "en"], models=["a", "b"], sizes=SIZES, alone=["en"], level=lambda a: 2.0, failed=[])
    figure = quality_figure(result)
    assert rows_of(figure) == ["de", "en"]
    by_row = [sum(int(y) == i for _, y in points(figure)) for i in range(2)]
    assert by_row == [2 + len(SIZES), 2]
    quality = result.tables["quality"]
    shown = sorted(x for x, _ in points(figure))
    assert shown == pytest.approx(sorted(quality["bits_per_byte"]), abs=1e-4)
    assert "monolingual models of less text" in legend(figure)


def test_the_curve_keeps_the_order_of_the_models():
    result = make_deltas(["de", "en"], models=["z", "m", "a"], relative=lambda m, a: {"z": 0.0, "m": 0.1, "a": 0.2}[m])
    figure = curve_figure(result)
    (ax,) = figure.axes
    assert [t.get_text() for t in ax.get_xticklabels()] == ["z", "m", "a"]
    lines = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 3]
    assert [list(np.round(y, 3)) for y in lines] == [[0, 0.1, 0.2]] * 2
    assert {"de", "en"} <= set(texts(figure))
    many = curve_figure(make_deltas(CODES[:9], models=["a", "b"]))
    assert len(many.axes) == 9
    assert len({ax.get_ylim() for ax in many.axes}) == 1


def test_names_at_the_ends_of_lines_keep_their_distance_and_order():
    wanted = np.array([0.5, 0.49, 0.1, 0.5, 0.99])
    places = spread(wanted, 0.1, 0.0, 1.0)
    assert np.diff(np.sort(places)).min() >= 0.1 - 1e-6
    assert (np.argsort(places, kind="stable") == np.argsort(wanted, kind="stable")).all()
    assert spread(np.array([0.1, 0.9]), 0.1, 0, 1) == pytest.approx([0.1, 0.9])
    assert np.diff(np.sort(spread(np.zeros(6), 0.1, 0.0, 1.0))).min() >= 0.1 - 1e-6


def test_worth_marks_the_crossing_and_nothing_beyond_it():
    relative = {"de": 0.1, "en": -0.2, "fr": 0.9}
    result = make_deltas(sorted(relative), relative=lambda m, a: relative[a], sizes=SIZES, level=lambda a: 2.0)
    figure = worth_figure(result)
    panels = {ax.get_title(loc="left"): i for i, ax in enumerate(figure.axes)}
    worth = result.tables["worth"].set_index("language")["text"]
    filled = {a: [x for (x, _), (full, _) in points(figure, i).items() if full] for a, i in panels.items()}
    assert filled["de"] == [pytest.approx(worth["de"])]
    assert filled["en"] == filled["fr"] == []
    assert all(ax.get_xscale() == "log" for ax in figure.axes)
    assert {"more than the most, 10 MB", "less than the least, 100 kB"} <= set(texts(figure))


def test_what_the_run_does_not_have_is_not_drawn():
    result = make_deltas(["de", "en"])
    with pytest.raises(KeyError, match="curve"):
        curve_figure(result)
    with pytest.raises(KeyError, match="worth"):
        worth_figure(result)


def test_hostile_names_come_out_literally(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = make_deltas(HOSTILE, models=HOSTILE[:2], sizes=SIZES[:2], model_id="<script>$\\frac")
        drawings = write_figures(result, tmp_path / "figures")
    for drawing in drawings:
        written = " ".join(svg_text(drawing.svg))
        assert "<b>&amp;</b>" in written
        assert "$x^2$" in written
        assert drawing.png.parent == tmp_path / "figures"
        for words in (written, drawing.title, drawing.alt):
            assert not {"\u202e", "\x1b", "\n"} & set(words)


@pytest.mark.parametrize("make", FIGURES)
@pytest.mark.parametrize(
    ("languages", "models", "more"),
    [
        (["en"], ["bi", "all"], {}),
        (["de", "en"], ["bi", "all"], {"same": ["de"], "width": 0.0}),
        (HOSTILE, [*HOSTILE, "z" * 63], {"failed": HOSTILE[:1]}),
        (CODES[:12], ["bi", "tri", "all"], {"few": CODES[:2], "alone": CODES[3:5]}),
        (["de", "en", "fr"], ["bi", "all"], {"failed": ["de", "en", "fr"]}),
        ([f"{'W' * 30}{i}" for i in range(5)], [f"{'W' * 30}{i}" for i in range(3)], {"relative": lambda m, a: 0.05}),
    ],
    ids=["one", "two", "hostile", "twelve", "nothing", "wide"],
)
def test_nothing_overlaps_and_nothing_is_cut_off(make, languages, models, more):
    result = make_deltas(languages, models=models, sizes=SIZES, **more)
    if make is worth_figure and len(more.get("failed", ())) == len(languages):
        with pytest.raises(KeyError):
            make(result)
        return
    assert_tidy(make(result))


@pytest.mark.parametrize("make", FIGURES)
def test_thirty_languages_are_tidy_too(make):
    names = [f"{code}_Latn" for code in CODES[:30]]
    assert_tidy(make(make_deltas(names, models=["multilingual", "other"], sizes=SIZES[:2])))


@pytest.mark.parametrize("make", [deltas_figure, quality_figure])
@pytest.mark.parametrize("languages", [["en"], [*HOSTILE, "b" * 30], CODES[:30]], ids=["one", "hostile", "thirty"])
def test_one_model_is_tidy_too(make, languages):
    assert_tidy(make(make_deltas(languages)))
