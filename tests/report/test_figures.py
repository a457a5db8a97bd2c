import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import PatchCollection
from matplotlib.image import imread

from interfere.report import (
    languages_figure,
    layers_figure,
    strength_figure,
    transfer_figure,
    write_figures,
    write_run,
)
from interfere.report._cells import cosine_value, free_value, ink_on, signed
from interfere.report._text import file_names
from interfere.results import load_result
from tests.report._drawn import assert_tidy, fills, framed, hatched, labels, legend, svg_text, texts
from tests.report._results import CODES, constant, layers, make_result

HOSTILE = ["<b>&amp;</b>", "$x^2$", "\x1b[31mred\x00", "a\u202eb", "日本語", "العربية", "z" * 64]


KINDS = ("languages", "layers", "transfer", "strength")
FIGURES = (languages_figure, layers_figure, transfer_figure, strength_figure)
WORLD = ["العربية", "עברית", "日本語", "한국어", "中文", "हिन्दी", "x" * 39 + "y", "x" * 39 + "z", "pt_BR", "en"]


def svgs(drawings):
    return [d.svg.read_bytes() for d in drawings]


def test_two_files_for_each_metric_and_figure(tmp_path):
    result = make_result(["de", "en"], metrics=["euclidean", "per-tensor"])
    drawings = write_figures(result, tmp_path / "new" / "figures")
    assert [(d.metric, d.kind) for d in drawings] == [(m, k) for m in result.settings["metrics"] for k in KINDS]
    for drawing in drawings:
        assert drawing.png == tmp_path / "new" / "figures" / f"{drawing.kind}-{drawing.metric}.png"
        assert drawing.svg == drawing.png.with_suffix(".svg")
        picture = imread(drawing.png)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.01
        assert any("some/model-134m" in t for t in svg_text(drawing.svg))
        assert drawing.metric in drawing.title


def test_metrics_cannot_name_a_path_or_each_others_files(tmp_path):
    drawings = write_figures(make_result(["de", "en"], metrics=["../../up"]), tmp_path / "figures")
    paths = {p for d in drawings for p in (d.png, d.svg)}
    assert len(set(file_names(["../../up", ".././.up", ""]).values())) == 3
    assert all(p.parent == tmp_path / "figures" and p.exists() for p in paths)


def test_hostile_names_come_out_literally(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = make_result(HOSTILE, groups=["<i>", "$\\frac"], model_id="<script>$\\frac", metrics=["\x1b<u>"])
        drawings = write_figures(result, tmp_path)
    for drawing in drawings:
        written = " ".join(svg_text(drawing.svg))
        assert "<b>&amp;</b>" in written
        assert "$x^2$" in written
        assert "<script>$\\frac" in written
        assert "<script>" not in drawing.svg.read_text(encoding="utf-8")
        for words in (written, drawing.title, drawing.alt):
            assert "\u202e" not in words
            assert "\x1b" not in words
            assert "\n" not in drawing.alt + drawing.title


def test_the_same_result_gives_the_same_svg(tmp_path):
    result = make_result(WORLD[:3], groups=["encoder.0"])
    assert svgs(write_figures(result, tmp_path / "1")) == svgs(write_figures(result, tmp_path / "2"))


def test_the_users_settings_are_neither_changed_nor_used(tmp_path):
    plain = write_figures(make_result(["de", "en"]), tmp_path / "1")
    with mpl.rc_context({"font.size": 30, "text.usetex": True, "axes.grid": True, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        other = write_figures(make_result(["de", "en"]), tmp_path / "2")
        assert dict(mpl.rcParams) == before
    assert svgs(plain) == svgs(other)


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
    assert any("conflict" in t for t in legend(figure))
    assert any("undetermined" in t for t in legend(figure))
    assert any("self-similarity" in t for t in legend(figure))


def test_only_the_verdict_conflict_is_framed():
    for verdict in ("aligned", "neutral", "undetermined"):
        result = make_result(CODES[:4], constant(-0.9, verdict))
        assert framed(languages_figure(result)) == framed(layers_figure(result)) == 0


def test_what_could_not_be_estimated_is_grey_and_has_no_number():
    figure = languages_figure(make_result(CODES[:4], constant(float("nan"), "undetermined")))
    assert hatched(figure) == 0
    assert any("could not be estimated" in t for t in legend(figure))
    assert not any("nan" in t for t in texts(figure))


def test_title_says_model_metric_and_scope():
    for make in FIGURES:
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
    assert len(rows) == 45  # what ten languages have
    assert rows[0] == "de – tr"
    assert rows[-1] == "en – fr"
    assert "bg – ru" not in rows
    assert any("45 of 780 pairs" in t for t in texts(figure))


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
    [
        (["de", "en"], []),
        (["de", "en"], layers(30)),
        (HOSTILE, layers(3)),
        (WORLD, layers(17)),
        (CODES[:4], [f"decoder.{i}.self_attn.q_proj.weight" for i in range(5)]),
        (CODES[:25], layers(2)),
    ],
    ids=["two", "thirty layers", "hostile", "world", "long groups", "twenty-five"],
)
@pytest.mark.parametrize("make", FIGURES)
def test_nothing_overlaps_and_nothing_is_cut_off(make, languages, groups):
    assert_tidy(make(make_result(languages, groups=groups)))


def test_forty_languages_are_tidy_too():
    result = make_result(CODES[:40], groups=layers(1))
    assert_tidy(transfer_figure(result))
    assert_tidy(strength_figure(result))


def test_colours_are_centred_and_numbers_readable_on_them():
    rgb = signed().rgb(np.array([-2.0, -1.0, 0.0, 1.0, np.nan]))
    assert np.array_equal(rgb[0], rgb[1])
    assert rgb[1][0] > rgb[1][2]
    assert rgb[3][2] > rgb[3][0]
    assert rgb[2].min() > 0.9
    assert np.array_equal(rgb[:4], signed(3).rgb(3 * np.array([-2.0, -1.0, 0.0, 1.0])))
    sequential = mpl.colormaps["cividis"](np.linspace(0, 1, 41))[:, :3]
    for colour in [*signed().rgb(np.linspace(-1, 1, 41)), *sequential]:
        inks = {"white": np.ones(3), "#1a1a1a": np.full(3, 0x1A / 255)}
        assert contrast(colour, inks[ink_on(colour)]) > 4


def contrast(a, b):
    def luminance(c):
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_the_colour_bar_has_the_paler_colours_of_what_is_not_determined():
    figure = languages_figure(make_result(["de", "en"], constant(0.8, "undetermined")))
    (cell, *_) = fills(figure).values()
    strips = [c for c in figure.axes[1].collections if isinstance(c, PatchCollection)]
    pale = [rgb[:3] for strip in strips for rgb in strip.get_facecolor()]
    assert min(np.abs(cell - colour).max() for colour in pale) < 0.02


def test_cell_values():
    assert cosine_value(-0.004) == "0.00"
    assert cosine_value(-0.5, brief=True) == "−.50"
    assert cosine_value(-1.4, brief=True) == "−1"
    assert [free_value(v) for v in (-0.004, -0.5, 1, 3.456, 12.34, -99.96, 123456, -1e-9)] == [
        *("0.00", "−0.50", "1.00", "3.46", "12.3", "−100", "1e5", "0.00"),
    ]
    assert [free_value(v, brief=True) for v in (-0.5, 0.996, 10.04, -12.6, 10.5)] == ["−.50", "1.00", "10", "−13", "10"]


def test_an_unknown_metric_is_refused():
    with pytest.raises(KeyError, match="adam"):
        languages_figure(make_result(["de", "en"]), "adam")


def test_a_run_can_be_drawn_again_from_its_files(tmp_path):
    result = make_result(CODES[:4], settle=float("nan"))
    write_run(result, tmp_path)
    again = write_figures(load_result(tmp_path), tmp_path / "again")
    for drawing in again:
        assert drawing.svg.read_bytes() == (tmp_path / "figures" / drawing.svg.name).read_bytes()
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!")


def test_words_and_tables_do_not_import_matplotlib():
    code = "import sys, interfere.report; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
