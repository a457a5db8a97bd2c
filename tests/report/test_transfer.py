from dataclasses import replace

import numpy as np
import pytest

from interfere.report import languages_figure, transfer_figure
from interfere.report._cells import DIAGONAL, signed
from interfere.report._transfer import colour_limit
from interfere.report._words import transfers
from tests.report._drawn import cells, fills, framed, hatched, labels, legend, named_cells, texts
from tests.report._results import CODES, constant, make_result


def with_transfer(result, **rows):
    """`de_en=(0.5, 0.25)`: a step of de helps en by 0.5, one of en helps de by 0.25."""
    pairs = result.pairs.copy()
    for (a, b), (forth, back) in {tuple(k.split("_")): v for k, v in rows.items()}.items():
        here = (pairs["a"] == a) & (pairs["b"] == b) & (pairs["group"] == "body")
        pairs.loc[here, ["transfer_ab", "transfer_ba"]] = [forth, back]
    return replace(result, tables={**result.tables, "pairs": pairs})


def bar_label(figure):
    return figure.axes[1].get_ylabel()


def test_the_row_takes_the_step_and_the_column_is_helped():
    result = make_result(["de", "en", "fr"], constant(0.2, "aligned"))
    result = with_transfer(result, de_en=(0.51, 0.12), de_fr=(-0.3, -0.07), en_fr=(0.9, 0.44))
    figure = transfer_figure(result)
    shown = named_cells(figure)
    assert shown["de", "en"] == "0.51"
    assert shown["en", "de"] == "0.12"
    assert shown["fr", "de"] == "−0.07"
    assert shown["fr", "en"] == "0.44"
    assert all(shown[name, name] == "1" for name in ("de", "en", "fr"))
    assert "step" in figure.axes[0].get_ylabel()
    assert "helps" in figure.axes[0].get_xlabel()
    names = labels(figure)
    rgb = fills(figure)[names.index("en"), names.index("de")]
    assert rgb == pytest.approx(signed(1.0).rgb(np.array(0.51)), abs=1e-6)


def test_the_diagonal_is_grey_and_marked():
    figure = transfer_figure(make_result(["de", "en"], constant(0.2, "aligned")))
    from matplotlib.colors import to_rgb

    patches = {p.get_xy(): p.get_facecolor()[:3] for p in figure.axes[0].patches}
    assert patches[0, 0] == patches[1, 1] == to_rgb(DIAGONAL)
    assert any("diagonal" in t for t in legend(figure))


def test_order_and_marks_are_those_of_the_languages_figure():
    result = make_result(CODES[:9])
    one, other = languages_figure(result), transfer_figure(result)
    assert labels(one) == labels(other) == labels(other, "y")
    assert hatched(one) == hatched(other) > 0
    assert framed(one) == framed(other) > 0


def test_undetermined_values_stand_in_brackets_and_null_ones_are_dashes():
    result = make_result(["de", "en", "fr"], constant(0.2, "undetermined"))
    result = with_transfer(result, de_en=(3.456, 0.1), de_fr=(np.nan, None), en_fr=(0.2, 0.2))
    figure = transfer_figure(result)
    shown = named_cells(figure)
    assert shown["de", "en"] == "(3.46)"
    assert shown["de", "fr"] == shown["fr", "de"] == "–"
    assert any("could not be estimated" in t for t in legend(figure))


def test_a_few_large_values_do_not_bleach_the_others_and_the_bar_says_so():
    result = with_transfer(make_result(CODES[:8], constant(0.2, "aligned")), af_am=(40.0, 0.2))
    figure = transfer_figure(result)
    assert figure.axes[1].get_ylim() == (-1, 1)
    assert "±1" in bar_label(figure)
    assert "40.0" in cells(figure).values()
    assert "±" not in bar_label(transfer_figure(make_result(CODES[:8], constant(0.2, "aligned"))))


def test_what_is_not_determined_does_not_set_the_scale():
    def value(a, b, group, metric):
        return (1e6, "undetermined") if a == "af" else (1.2, "aligned")

    result = make_result(CODES[:6], value)
    rows = result.pairs[(result.pairs["group"] == "body")]
    directed = transfers(rows.assign(determined=rows["verdict"] == "aligned"))
    assert colour_limit(directed) == 1.5
    assert "±1.5" in bar_label(transfer_figure(result))
    assert any("1e6" in t for t in texts(transfer_figure(result)))


def test_a_note_says_what_1_means():
    figure = transfer_figure(make_result(["de", "en"]))
    assert "as much as the column's own step" in " ".join(" ".join(texts(figure)).split())
