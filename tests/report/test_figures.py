import subprocess
import sys
import warnings
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.image import imread

from interfere.report import languages_figure, layers_figure, write_figures, write_run
from interfere.report._cells import HATCH, cell_value, colours, ink_on
from interfere.results import load_result
from tests.report._results import CODES, constant, layers, make_result

HOSTILE = ["<b>&amp;</b>", "$x^2$", "\x1b[31mred\x00", "a\u202eb", "日本語", "العربية", "z" * 64]


def texts(figure):
    own = [t.get_text() for t in figure.texts]
    return own + [t.get_text() for ax in figure.axes for t in ax.texts]


def labels(figure, axis="x"):
    return [t.get_text() for t in getattr(figure.axes[0], f"get_{axis}ticklabels")()]


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


def test_a_pair_of_files_for_each_metric_and_figure(tmp_path):
    result = make_result(["de", "en", "fr"], metrics=["euclidean", "per-tensor"])
    paths = write_figures(result, tmp_path / "new" / "figures")
    names = {
        f"{f}-{m}.{e}" for f in ("languages", "layers") for m in result.settings["metrics"] for e in ("png", "svg")
    }
    assert {p.name for p in paths} == names
    for path in paths:
        if path.suffix == ".png":
            picture = imread(path)
            assert min(picture.shape[:2]) > 200
            assert picture[..., :3].std() > 0.01
        else:
            assert any("some/model-134m" in t for t in svg_text(path))


def test_a_metric_cannot_name_a_path(tmp_path):
    paths = write_figures(make_result(["de", "en"], metrics=["../../up"]), tmp_path / "figures")
    assert all(p.parent == tmp_path / "figures" and p.exists() for p in paths)


def test_hostile_names_come_out_literally(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = write_figures(make_result(HOSTILE, groups=["encoder.0"], model_id="<script>$\\frac"), tmp_path)
    for path in paths:
        if path.suffix == ".svg":
            written = " ".join(svg_text(path))
            assert "<b>&amp;</b>" in written
            assert "$x^2$" in written
            assert "<script>$\\frac" in written
            assert "<script>" not in path.read_text(encoding="utf-8")
            assert "\u202e" not in written


def test_the_same_result_gives_the_same_svg(tmp_path):
    result = make_result(CODES[:5])
    first, second = write_figures(result, tmp_path / "1"), write_figures(result, tmp_path / "2")
    for a, b in zip(first, second, strict=True):
        if a.suffix == ".svg":
            assert a.read_bytes() == b.read_bytes()


def test_the_users_settings_are_neither_changed_nor_used(tmp_path):
    plain = write_figures(make_result(["de", "en"]), tmp_path / "1")
    with mpl.rc_context({"font.size": 30, "text.usetex": True, "axes.grid": True, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        other = write_figures(make_result(["de", "en"]), tmp_path / "2")
        assert dict(mpl.rcParams) == before
    assert [p.read_bytes() for p in plain if p.suffix == ".svg"] == [
        p.read_bytes() for p in other if p.suffix == ".svg"
    ]


def test_cells_have_value_mark_and_ceiling():
    def value(a, b, group, metric):
        return {"de": (-0.42, "conflict"), "en": (3.7, "undetermined")}[a]

    figure = languages_figure(make_result(["de", "en", "fr"], value, rho=lambda i: [0.11, 0.22, 0.33][i]))
    shown = texts(figure)
    assert shown.count("−0.42") == 4
    assert shown.count("(1.00)") == 2
    assert {"0.11", "0.22", "0.33"} <= set(shown)
    assert framed(figure) == 4
    assert hatched(figure) == 2
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert any("conflict" in t for t in legend)
    assert any("undetermined" in t for t in legend)
    assert any("self-similarity" in t for t in legend)


def test_only_the_verdict_conflict_is_framed():
    for verdict in ("aligned", "neutral", "undetermined"):
        result = make_result(CODES[:4], constant(-0.9, verdict))
        assert framed(languages_figure(result)) == framed(layers_figure(result)) == 0


def test_what_could_not_be_estimated_is_grey_and_has_no_number():
    figure = languages_figure(make_result(CODES[:4], constant(float("nan"), "undetermined")))
    assert hatched(figure) == 0
    assert any("could not be estimated" in t.get_text() for t in figure.legends[0].get_texts())
    assert not any("nan" in t for t in texts(figure))


def test_title_says_model_metric_and_scope():
    for make in (languages_figure, layers_figure):
        words = " ".join(texts(make(make_result(CODES[:4], metrics=["adam"], scope="all"))))
        assert all(w in words for w in ("some/model-134m", "adam", "all parameters"))


def test_groups_stand_in_the_models_order_after_the_body():
    groups = ["embeddings", *layers(12), "decoder.norm"]
    assert labels(layers_figure(make_result(["de", "en", "fr"], groups=groups))) == ["body", *groups]


def test_pairs_are_sorted_by_their_mean():
    means = {("de", "en"): 0.4, ("de", "fr"): -0.3, ("en", "fr"): 0.1}
    result = make_result(["de", "en", "fr"], lambda a, b, g, m: (means[a, b], "aligned"))
    assert labels(layers_figure(result), "y") == ["de – fr", "en – fr", "de – en"]


def test_many_pairs_are_thinned_to_the_extremes_that_are_determined():
    def value(a, b, group, metric):
        if (a, b) == ("de", "tr"):
            return -0.8, "conflict"
        if (a, b) == ("en", "fr"):
            return 0.9, "aligned"
        if (a, b) == ("bg", "ru"):
            return -5.0, "undetermined"
        return 0.1 + CODES.index(a) / 1000, "aligned"

    figure = layers_figure(make_result(CODES[:40], value, ["encoder.0"]))
    rows = labels(figure, "y")
    assert len(rows) == 40
    assert rows[0] == "de – tr"
    assert rows[-1] == "en – fr"
    assert "bg – ru" not in rows
    assert any("40 of 780 pairs" in t for t in texts(figure))


def test_many_tensors_are_thinned_in_the_models_order():
    tensors = [f"layers.{i}.weight" for i in range(200)]

    def value(a, b, group, metric):
        return (-0.7, "conflict") if group == "layers.137.weight" else (0.2, "aligned")

    figure = layers_figure(make_result(["de", "en"], value, tensors, granularity="tensor"))
    shown = labels(figure)[1:]
    assert len(shown) == 60
    assert "layers.137.weight" in shown
    assert shown == [t for t in tensors if t in set(shown)]
    assert any("60 of 200 tensors" in t for t in texts(figure))


@pytest.mark.parametrize(
    ("languages", "groups"),
    [(["de", "en"], []), (["de", "en"], layers(30)), (HOSTILE, layers(3)), (CODES[:20], layers(2))],
    ids=["two", "thirty layers", "long names", "twenty"],
)
@pytest.mark.parametrize("make", [languages_figure, layers_figure])
def test_nothing_overlaps_and_nothing_is_cut_off(make, languages, groups):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = make(make_result(languages, groups=groups))
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [figure.axes[0].get_tightbbox(renderer), figure.axes[1].get_tightbbox(renderer)]
        boxes += [t.get_window_extent(renderer) for t in figure.texts]
        boxes += [figure.legends[0].get_window_extent(renderer)]
    for i, a in enumerate(boxes):
        assert a.x0 >= -1
        assert a.y0 >= -1
        assert a.x1 <= figure.bbox.width + 1
        assert a.y1 <= figure.bbox.height + 1
        for b in boxes[i + 1 :]:
            across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 2 or up <= 2


def test_colours_are_centred_and_numbers_readable_on_them():
    rgb = colours(np.array([-2.0, -1.0, 0.0, 1.0, np.nan]))
    assert np.array_equal(rgb[0], rgb[1])
    assert rgb[1][0] > rgb[1][2]
    assert rgb[3][2] > rgb[3][0]
    assert rgb[2].min() > 0.9
    for colour in colours(np.linspace(-1, 1, 41)):
        inks = {"white": np.ones(3), "#1a1a1a": np.full(3, 0x1A / 255)}
        assert contrast(colour, inks[ink_on(colour)]) > 4


def contrast(a, b):
    def luminance(c):
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_cell_values():
    assert cell_value(-0.004) == "0.00"
    assert cell_value(-0.5, brief=True) == "−.50"
    assert cell_value(-1.4, brief=True, brackets=True) == "(−1)"


def test_an_unknown_metric_is_refused():
    with pytest.raises(KeyError, match="adam"):
        languages_figure(make_result(["de", "en"]), "adam")


def test_a_run_can_be_drawn_again_from_its_files(tmp_path):
    result = make_result(CODES[:4], settle=float("nan"))
    write_run(result, tmp_path)
    again = write_figures(load_result(tmp_path), tmp_path / "again")
    for path in again:
        if path.suffix == ".svg":
            assert path.read_bytes() == (tmp_path / "figures" / path.name).read_bytes()


def test_words_and_tables_do_not_import_matplotlib():
    code = "import sys, interfere.report; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
