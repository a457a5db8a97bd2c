from dataclasses import replace

import pytest

from interfere.report import _words as words
from tests.report._results import CODES, constant, layers, make_result

ALTS = (words.languages_alt, words.layers_alt, words.transfer_alt, words.strength_alt)


def three():
    values = {("de", "en"): (-0.4, "conflict"), ("de", "fr"): (0.3, "aligned"), ("en", "fr"): (0.9, "undetermined")}
    return make_result(["de", "en", "fr"], lambda a, b, g, m: values[a, b], rho=lambda i: [0.11, 0.22, 0.33][i])


def test_the_languages_alt_has_verdicts_extremes_and_ceilings():
    alt = words.languages_alt(three(), "euclidean")
    assert "of 3 pairs, 1 in conflict, 1 aligned and 1 undetermined" in alt
    assert "from -0.40 for de and en to 0.30 for de and fr" in alt
    assert "0.90" not in alt  # not determined: not an extreme
    assert "0.11 for de to 0.33 for fr" in alt


def test_the_layers_alt_counts_every_cell_below_the_body():
    alt = words.layers_alt(three(), "euclidean")
    assert "of 6 combinations of pair and layer, 2 in conflict, 2 aligned and 2 undetermined" in alt
    assert "in encoder.0" in alt or "in encoder.1" in alt


def test_the_transfer_alt_keeps_the_direction():
    result = three()
    pairs = result.pairs.copy()
    pairs.loc[(pairs["a"] == "de") & (pairs["b"] == "en"), ["transfer_ab", "transfer_ba"]] = [-0.7, -0.2]
    pairs.loc[(pairs["a"] == "de") & (pairs["b"] == "fr"), ["transfer_ab", "transfer_ba"]] = [0.1, 1.5]
    alt = words.transfer_alt(replace(result, tables={**result.tables, "pairs": pairs}), "euclidean")
    assert "from -0.70 from de to en to 1.50 from fr to de" in alt


def test_the_strength_alt_has_norms_and_the_largest_share():
    result = make_result(["de", "en"], groups=layers(2), rho=lambda i: [0.2, float("nan")][i])
    own = result.self_similarity.copy()
    own.loc[own["group"] == "encoder.1", "norm_share"] = 0.8
    alt = words.strength_alt(replace(result, tables={**result.tables, "self": own}), "euclidean")
    assert "the norm is 0.123 for de" in alt
    assert "the norm of 1 language is unknown" in alt
    assert "encoder.1, 80%" in alt


@pytest.mark.parametrize("alt", ALTS)
@pytest.mark.parametrize(
    "result",
    [
        make_result(["de", "en"], groups=[]),
        make_result(CODES[:4], constant(float("nan"), "undetermined"), rho=lambda i: float("nan")),
    ],
    ids=["no groups", "nothing known"],
)
def test_texts_hold_for_results_with_little_in_them(alt, result):
    said = alt(result, "euclidean")
    assert said.endswith(".")
    assert "nan" not in said


def test_names_are_harmless_in_texts():
    result = make_result(["a\u202eb\x1b[31m", "line\nbreak"], groups=["g\x00"])
    for alt in ALTS:
        assert not set(alt(result, "euclidean")) & set("\u202e\x1b\n\x00")
