from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import LogNorm

from interfere.report import languages_figure, strength_figure
from interfere.report._strength import _norm, _share, _similarity
from tests.report._drawn import fills, labels, legend, named_cells, texts
from tests.report._results import CODES, constant, layers, make_result


def with_own(result, column, value):
    """Another column of the table `self`; `value` has a row's language and group."""
    own = result.self_similarity.copy()
    own[column] = [value(language, group) for language, group in zip(own["language"], own["group"], strict=True)]
    return replace(result, tables={**result.tables, "self": own})


def sample():
    result = make_result(["de", "en", "fr"], constant(0.2, "aligned"), groups=layers(3))
    shares = {"body": 1.0, "encoder.0": 0.5, "encoder.1": 0.02, "encoder.2": 0.0004}
    result = with_own(result, "norm", lambda language, group: len(group) + ord(language[0]) / 1000)
    result = with_own(result, "self_similarity", lambda language, group: -0.02 if group == "body" else 0.37)
    return with_own(result, "norm_share", lambda language, group: shares[group])


def test_every_cell_has_the_number_of_its_language_and_group():
    figure = strength_figure(sample())
    rows = labels(figure, "y")
    assert labels(figure) == ["body", "encoder.0", "encoder.1", "encoder.2"]
    norm, own, share = (named_cells(figure, panel, rows) for panel in range(3))
    assert norm["de", "body"] == "4.10"
    assert norm["fr", "encoder.1"] == "9.10"
    assert own["en", "body"] == "−.02"
    assert own["en", "encoder.2"] == ".37"
    assert [share["de", f"encoder.{i}"] for i in range(3)] == ["50%", "2.0%", "<0.1%"]
    assert share["fr", "body"] == "100%"
    assert [figure.axes[i].get_ylabel() for i in (1, 3, 5)] == ["norm", "self-similarity ρ", "share"]


def test_languages_stand_as_in_the_languages_figure():
    result = make_result(CODES[:9], groups=layers(5))
    assert labels(strength_figure(result), "y") == labels(languages_figure(result))


def test_an_unknown_norm_is_grey_and_explained():
    result = sample()
    assert not any("unknown" in t for t in legend(strength_figure(result)))
    known = result.self_similarity["norm"].copy()
    result = with_own(result, "norm", lambda language, group: None if language == "en" else float(known.iloc[0]))
    figure = strength_figure(result)
    norm = named_cells(figure, 0)
    assert {group for (language, group), words in norm.items() if words == "–"} == set(labels(figure))
    assert any("unknown" in t for t in legend(figure))
    grey = fills(figure)[0.0, float(labels(figure, "y").index("en"))]
    assert np.ptp(grey) == 0


def test_nothing_known_at_all_can_be_drawn():
    result = make_result(["de", "en"], groups=layers(2))
    for column in ("norm", "self_similarity", "norm_share"):
        result = with_own(result, column, lambda language, group: None)
    assert "nan" not in " ".join(texts(strength_figure(result)))


def test_norms_get_a_logarithmic_scale_beyond_a_decade():
    for high, logarithmic in ((0.9, False), (1.1, True)):
        quantity = _norm(np.array([[0.1, high]]))
        assert isinstance(quantity.scale.norm, LogNorm) is logarithmic
        assert ("log" in quantity.label) is logarithmic
    assert all(0.1 <= tick <= 1.2 for tick in quantity.ticks)
    assert len(quantity.ticks) >= 3


@pytest.mark.parametrize(
    ("high", "unit", "shown"),
    [(5.0, "norm", "5.00"), (3.2e-5, "norm in 10⁻⁶", "32.0"), (71000.0, "norm in 10³", "71.0")],
)
def test_very_small_and_very_large_norms_have_a_unit(high, unit, shown):
    quantity = _norm(np.array([[high / 2, high]]))
    assert quantity.label == unit
    assert quantity.write(float(quantity.values[0, 1])) == shown


def test_scales_begin_at_0_and_hold_every_value():
    values = np.array([[1.0, 0.31, -0.05]])
    assert (_similarity(values).scale.norm.vmin, _similarity(values).scale.norm.vmax) == (0, 1)
    assert _similarity(values[:, 1:]).scale.norm.vmax == 0.4
    share = _share(values)
    assert (share.scale.norm.vmin, share.scale.norm.vmax) == (0, 0.31)  # the body is the whole, and not on the scale


def test_of_many_tensors_those_with_the_largest_shares_are_drawn_in_the_models_order():
    tensors = [f"layers.{i}.weight" for i in range(100)]
    result = make_result(["de", "en"], constant(0.2, "aligned"), tensors, granularity="tensor")
    share = {t: (i * 37 % 100) / 4950 for i, t in enumerate(tensors)}
    result = with_own(result, "norm_share", lambda language, group: share.get(group, 1.0))
    figure = strength_figure(result)
    shown = labels(figure, panel=2)[1:]
    assert shown == [t for t in tensors if share[t] >= 40 / 4950]
    assert any("60 of 100 tensors" in t and "84% together" in t for t in texts(figure))


def test_the_panels_are_told_apart_and_share_is_explained():
    figure = strength_figure(make_result(["de", "en"], groups=layers(2)))
    titles = [figure.axes[i].get_title(loc="left") for i in (0, 2, 4)]
    assert titles == ["Norm", "Self-similarity", "Share of squared norm"]
    assert "noise included" in " ".join(" ".join(texts(figure)).split())
