import dataclasses
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.image import imread

from interfere.errors import InputError
from interfere.report import ablation_figure, gates_figure, overlap_figure, profile_figure, write_figures
from interfere.report._ablation import damage_scale, damage_value
from interfere.report._importance_tables import language_order, mean_overlap, removal
from tests.report._drawn import assert_tidy, fills, framed, hatched, labels, legend, named_cells, svg_text, texts
from tests.report._importance import make_importance
from tests.report._results import CODES

HOSTILE = ["<b>&amp;</b>", "$x^2$", "\x1b[31mred\x00", "a\u202eb", "日本語", "العربية", "z" * 64, "core"]
FIGURES = (profile_figure, overlap_figure, ablation_figure, gates_figure)
NAN = float("nan")


@pytest.fixture(scope="module")
def plain():
    return make_importance(["de", "en", "fr"])


def test_figures_are_those_that_the_tables_have(tmp_path, plain):
    drawings = write_figures(plain, tmp_path)
    assert [d.kind for d in drawings] == ["profile", "overlap", "ablation", "gates"]
    assert [d.png.name for d in drawings] == [
        "profile-taylor.png",
        "overlap-taylor.png",
        "ablation-taylor.png",
        "gates.png",
    ]
    for drawing in drawings:
        assert imread(drawing.png)[..., :3].std() > 0.01
        assert any("some/model-134m" in t for t in svg_text(drawing.svg))
        assert drawing.title
        assert drawing.alt.endswith(".")
        assert "nan" not in drawing.alt
    few = make_importance(["de", "en"], heads=2, methods=["activation"], ablate=False, gates=False)
    assert [d.kind for d in write_figures(few, tmp_path / "few")] == ["profile", "overlap"]


def test_alt_texts_have_the_numbers(tmp_path):
    result = make_importance(
        ["de", "en", "fr"],
        rank=lambda a, b: 0.81 if {a, b} == {"de", "fr"} else 0.42,
        damage=lambda removed, language: (
            {"de": 0.111, "en": 0.222, "fr": 0.333}.get(removed, 0.0) * (removed == language)
        ),
        keep=lambda language, layer, kind: 0.61,
        share=lambda language, layer, kind: 3.0 if (language, layer) == ("fr", "encoder.1") else 1.0,
    )
    alt = {d.kind: d.alt for d in write_figures(result, tmp_path)}
    assert "from 0.42 of de and en to 0.81 of de and fr; with the own other half 0.95 to 0.95" in alt["overlap"]
    assert "from 0.111 (de) to 0.333 (fr)" in alt["ablation"]
    assert "Of 6 numbers across languages, 0 differ" in alt["ablation"]
    assert "0.63 to 0.63" in alt["gates"]
    assert "38% of fr in encoder.1" in alt["profile"]


def test_hostile_names_come_out_literally(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = make_importance(HOSTILE, layers=["<i>", "$\\frac"], methods=["\x1b<u>"], model_id="<script>$\\frac")
        drawings = write_figures(result, tmp_path / "figures")
    for drawing in drawings:
        written = " ".join(svg_text(drawing.svg))
        assert "<b>&amp;</b>" in written
        assert "$x^2$" in written
        assert "<script>" not in drawing.svg.read_text(encoding="utf-8")
        assert drawing.png.parent == tmp_path / "figures"
        for words in (written, drawing.title, drawing.alt):
            assert not {"\u202e", "\x1b", "\n"} & set(words)


def test_a_method_without_blocks_has_a_panel_for_each_kind_of_unit(plain):
    figure = profile_figure(plain)
    assert [ax.get_title(loc="left") for ax in figure.axes[::2]] == ["Attention blocks", "MLP blocks"]
    figure = profile_figure(make_importance(["de", "en"], methods=["activation"]))
    assert [ax.get_title(loc="left") for ax in figure.axes[::2]] == ["Neurons"]


def test_shares_stand_in_their_cells():
    def share(language, layer, kind):
        return {("de", "encoder.0"): 3.0}.get((language, layer), 1.0)

    cells = named_cells(profile_figure(make_importance(["de", "en"], share=share)))
    assert cells["de", "encoder.0"] == "38%"  # 3 of 4, and attention is one of two kinds of blocks
    assert cells["en", "encoder.0"] == "25%"


def test_many_layers_are_thinned_to_the_largest():
    layers = [f"encoder.{i}" for i in range(70)]
    big = {"encoder.3", "encoder.66"}
    result = make_importance(["de", "en"], layers=layers, share=lambda a, layer, k: 9.0 if layer in big else 1.0)
    figure = profile_figure(result)
    shown = labels(figure, panel=1)
    assert len(shown) == 60
    assert big <= set(shown)
    assert shown == [layer for layer in layers if layer in shown]
    assert any("60 of 70 layers" in t for t in texts(figure))


def test_languages_that_rank_alike_are_neighbours():
    families = {"ar": 0, "de": 1, "en": 0, "fr": 1, "ru": 0}
    result = make_importance(families, rank=lambda a, b: 0.8 if families[a] == families[b] else 0.1)
    order = language_order(result)
    assert sorted(order) == sorted(families)
    assert sum(families[a] != families[b] for a, b in pairwise(order)) == 1


def test_the_interval_of_a_mean_over_layers_is_the_mean_of_the_intervals(plain):
    rows = plain.tables["overlap"].copy()
    one = (rows["a"] == "de") & (rows["b"] == "en") & (rows["kind"] == "neuron") & (rows["method"] == "taylor")
    rows.loc[one, "rank"] = [0.5, 0.7]
    rows.loc[one, "rank_low"] = [0.4, 0.5]
    rows.loc[one, "rank_high"] = [0.6, 0.9]
    result = dataclasses.replace(plain, tables={**plain.tables, "overlap": rows})
    mean = mean_overlap(result, "taylor", "neuron").set_index(["a", "b"]).loc[("de", "en")]
    assert mean[["rank", "rank_low", "rank_high"]].tolist() == pytest.approx([0.6, 0.45, 0.75])
    rows.loc[one, "rank_low"] = [0.4, NAN]
    unknown = mean_overlap(result, "taylor", "neuron").set_index(["a", "b"]).loc[("de", "en")]
    assert np.isnan(unknown["rank_low"])
    assert unknown["reaches"]


def test_what_reaches_the_ceiling_is_hatched_and_the_ceiling_stands_on_the_diagonal():
    result = make_importance(["de", "en", "fr"], rank=lambda a, b: 0.94 if {a, b} == {"de", "fr"} else 0.42)
    figure = overlap_figure(result)
    cells = named_cells(figure)
    assert cells["de", "fr"] == cells["fr", "de"] == "(0.94)"
    assert cells["de", "en"] == "0.42"
    assert cells["de", "de"] == "0.95"
    assert hatched(figure) == 2
    assert any("ceiling" in words for words in legend(figure))
    assert hatched(overlap_figure(make_importance(["de", "en", "fr"], chunks=4))) == 6


def test_heads_are_compared_where_there_are_three():
    assert len(overlap_figure(make_importance(["de", "en"], heads=4)).axes) == 4
    assert len(overlap_figure(make_importance(["de", "en"], heads=2)).axes) == 2


def test_damage_stands_in_its_cell_and_what_random_units_do_too_is_marked():
    numbers = {
        ("de", "de"): 0.386,
        ("en", "en"): 0.018,
        ("de", "en"): -0.2,
        ("core", "de"): 1.234,
        ("random", "de"): 0.007,
    }
    result = make_importance(
        ["de", "en"],
        damage=lambda removed, language: numbers.get((removed, language), 0.004),
        q_value=lambda i: (0.01, 0.2)[i],
    )
    figure = ablation_figure(result)
    by_place = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in figure.axes[0].texts}
    rows, columns = sorted({y for y, _ in by_place}), sorted({x for _, x in by_place})
    at = {key: i for i, key in enumerate(labels(figure, "y"))}
    across = {key: i for i, key in enumerate(labels(figure, "x"))}
    assert list(at) == ["de", "en", "core", "random"]

    def cell(removed, language):
        return by_place[rows[at[removed]], columns[across[language]]]

    assert cell("de", "de") == ".386"
    assert cell("en", "en") == "(.018)"
    assert cell("de", "en") == "−.200"
    assert cell("core", "de") == "1.23"
    assert cell("random", "de") == ".007"
    assert framed(figure) == 1
    assert hatched(figure) == 3  # en of en, de of en, and en of the core
    words = " ".join(texts(figure) + legend(figure))
    assert "nats per prediction" in words
    assert "random" in words


def test_a_language_called_core_is_not_the_core():
    result = make_importance(["core", "de"], damage=lambda removed, language: 0.5 if removed == language else 0.01)
    rows = result.tables["ablation"].copy()
    rows.loc[rows.index[-4:-2], "damage"] = 0.777  # what really is the core comes after the languages
    found = removal(dataclasses.replace(result, tables={**result.tables, "ablation": rows}), ["de", "core"])
    assert found is not None
    assert found.columns["damage"].tolist() == [[0.5, 0.01], [0.01, 0.5], [0.777, 0.777], [0.01, 0.01]]


def test_small_damage_keeps_a_colour_beside_large_damage():
    scale, limit = damage_scale(np.array([[3.7, -0.1], [NAN, 0.0]]))
    assert limit == 4
    none, small, large = scale.rgb(np.array([0.0, 0.037, 3.7]))
    assert small[0] - small[2] > 0.04  # a hundredth of the largest is still seen to be red
    assert none.min() > 0.9
    assert large[0] > 2 * large[2]
    assert damage_scale(np.array([[0.0, NAN]]))[1] == 1
    assert [damage_value(v, digits=3) for v in (-0.0004, 0.0146, 0.9996, -12.34)] == [".000", ".015", "1.00", "−12"]


def test_bars_are_as_long_as_keep_probabilities_and_lines_are_the_halves():
    result = make_importance(["de", "en"], layers=["encoder.0"], keep=lambda language, layer, kind: 0.5)
    figure = gates_figure(result)
    ax = figure.axes[0]
    bars = [c for c in ax.collections if len(c.get_paths()) == 2 and c.get_paths()[0].vertices[:, 0].max() < 1]
    assert [path.vertices[:, 0].max() for path in bars[0].get_paths()] == pytest.approx([0.52, 0.52])
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    assert sorted({round(float(segment[0, 0]), 3) for segment in lines.get_segments()}) == [0.5, 0.54]
    assert len(figure.axes) == 4


def test_a_failed_language_is_grey():
    result = make_importance(["de", "en", "fr"], failed=["en"])
    for make in FIGURES:
        figure = make(result)
        assert any("grey with a dash" in words for words in legend(figure))
        assert not any("nan" in words for words in texts(figure))
        assert_tidy(figure)
    assert len({tuple(rgb) for rgb in fills(overlap_figure(result)).values()}) >= 2


@pytest.mark.parametrize("make", FIGURES)
@pytest.mark.parametrize(
    ("languages", "layers"),
    [(["de", "en"], ["encoder.0"]), (HOSTILE, ["a.very.long.name.of.a.layer.12", "b"]), (CODES[:12], CODES[:20])],
    ids=["two", "hostile", "wide"],
)
def test_nothing_overlaps_and_nothing_is_cut_off(make, languages, layers):
    assert_tidy(make(make_importance(languages, layers=layers)))


@pytest.mark.parametrize("make", FIGURES)
def test_forty_languages_are_tidy_too(make):
    names = [f"{code}_Latn" for code in CODES[:40]]
    assert_tidy(make(make_importance(names, layers=["encoder.0"], heads=2, damage=lambda a, b: -0.123)))


def test_what_the_run_did_not_do_is_not_drawn():
    result = make_importance(["de", "en"], ablate=False, gates=False, methods=["activation"])
    with pytest.raises(KeyError, match="removed"):
        ablation_figure(result)
    with pytest.raises(KeyError, match="gates"):
        gates_figure(result)
    with pytest.raises(KeyError, match="overlap"):
        overlap_figure(dataclasses.replace(result, tables={**result.tables, "overlap": pd.DataFrame()}))


def test_another_kind_of_result_is_refused(tmp_path, plain):
    with pytest.raises(InputError, match=r"unheard.*gradients, importance"):
        write_figures(dataclasses.replace(plain, kind="unheard"), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_table_of_nulls_is_read_as_unknown(plain):
    rows = plain.tables["layers"]
    empty = rows.assign(**dict.fromkeys(("score", "share", "ci_low", "ci_high"), pd.Series([None] * len(rows))))
    figure = profile_figure(dataclasses.replace(plain, tables={**plain.tables, "layers": empty}))
    assert {t.get_text() for t in figure.axes[0].texts} == {"–"}
