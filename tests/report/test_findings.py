import re

import numpy as np
import pytest

from interfere.report import findings
from interfere.results import load_result, write_result
from tests.report._results import CODES, constant, families, layers, make_result

LANGUAGES = ["ar", "de", "en", "fr", "ru"]


def planted(a, b, group, metric):
    if (a, b) == ("de", "ru") and group in ("body", "encoder.2"):
        return -0.42, "conflict"
    if (a, b) == ("ar", "ru") and group == "body":
        return -0.13, "conflict"
    if (a, b) == ("en", "fr"):
        return 0.81, "aligned"
    if (a, b) == ("ar", "en"):
        return -0.93, "undetermined"  # the most extreme number of all, and no finding
    return 0.2, "aligned"


def test_planted_pairs_are_named_with_their_numbers():
    found = findings(make_result(LANGUAGES, planted, layers(4)))
    assert found[0].startswith("2 of 10 pairs are in conflict")
    assert "de and ru, corrected cosine -0.42 (95% interval -0.52 to -0.32, q = 0.012)" in found[0]
    assert found[1].startswith("The most aligned pair is en and fr, corrected cosine 0.81")
    assert "Conflict appears in 1 of 4 layers: encoder.2 (1 pair)" in found[2]
    assert "0.93" not in " ".join(found)


@pytest.mark.parametrize("verdict", ["aligned", "neutral", "undetermined"])
@pytest.mark.parametrize("value", [-0.9, 0.0, 0.7, float("nan")])
def test_no_conflict_is_claimed_without_the_verdict(verdict, value):
    result = make_result(LANGUAGES, constant(value, verdict), layers(3), ["euclidean", "adam"])
    for sentence in findings(result):
        assert not re.search(r"in conflict|[Cc]onflict appears|strongest conflict", sentence)
    assert re.match("No conflict was found|Nothing can be said", findings(result)[0])


def test_conflict_without_a_number_is_not_claimed():
    assert "undetermined" in findings(make_result(LANGUAGES, constant(float("nan"), "conflict")))[0]


def test_all_undetermined_claims_neither_conflict_nor_its_absence():
    found = findings(make_result(LANGUAGES, constant(-0.5, "undetermined")))
    assert found[0].startswith("Nothing can be said")
    assert not any("No conflict" in s or "aligned pair" in s for s in found)


def test_an_open_pair_is_mentioned_where_no_conflict_was_found():
    def value(a, b, group, metric):
        return (-0.2, "undetermined") if (a, b) == ("de", "en") else (0.3, "aligned")

    first = findings(make_result(LANGUAGES, value))[0]
    assert first.startswith("No conflict was found")
    assert "9 aligned, 1 undetermined" in first


def test_conflict_in_a_layer_alone_is_told_apart_from_the_body():
    def value(a, b, group, metric):
        return (-0.6, "conflict") if group == "encoder.1" and (a, b) == ("de", "en") else (0.3, "aligned")

    found = findings(make_result(LANGUAGES, value, layers(3)))
    assert found[0].startswith("No conflict was found over the transformer body")
    assert any(s.startswith("Conflict appears in 1 of 3 layers: encoder.1 (1 pair)") for s in found)


def test_the_lowest_ceiling_and_the_silent_languages():
    result = make_result(LANGUAGES, rho=lambda i: [0.5, float("nan"), 0.11, 0.3, 0.9][i])
    sentence = next(s for s in findings(result) if "ceiling" in s)
    assert "that of en: self-similarity 0.11 (95% interval 0.06 to 0.16)" in sentence
    assert "told from noise for 1 language: de" in sentence


def test_undetermined_pairs_are_counted_by_reason_and_costed():
    result = make_result(LANGUAGES, constant(0.1, "undetermined"), settle=lambda i: [1_000.0, 3_111.0, np.nan][i % 3])
    result.tables["pairs"].loc[0, "reason"] = "too few slots"
    text = " ".join(findings(result))
    assert "10 of 10 pairs are undetermined: the interval contains 0 and is wider than the margin (9);" in text
    assert "too few slots (1)" in text
    assert "About 1,000 more predicted tokens" not in text or "half of 7" in text
    assert "about 3,200 all of them; for 3 more no number can be given." in text


@pytest.mark.parametrize(
    ("share", "residual", "words"),
    [
        (0.97, 0.9, "far from the training mixture"),
        (0.3, 0.01, "by construction"),
        (0.5, 0.4, "meaningful"),
        (float("nan"), float("nan"), "could not be estimated"),
    ],
)
def test_how_to_read_the_cosines(share, residual, words):
    result = make_result(LANGUAGES, common_share=share, mixture_residual=residual)
    assert words in " ".join(findings(result))


@pytest.mark.parametrize(("share", "ci_low"), [(1.19, 0.2), (0.95, -0.1)])
def test_a_common_share_of_noise_is_not_read(share, ci_low):
    result = make_result(LANGUAGES, common_share=share)
    result.tables["self"]["ci_low"] = ci_low
    said = " ".join(findings(result))
    assert "not to be read" in said
    assert "nearly all" not in said


def test_forty_unrelated_languages_are_not_read_as_an_optimum():
    # Gradients at right angles have a residual of 1/40 without any mixture being at its optimum.
    result = make_result(CODES[:40], constant(0.0, "neutral"), [], common_share=1 / 40, mixture_residual=1 / 40)
    assert "by construction" not in " ".join(findings(result))


def test_the_sketch_is_mentioned_only_where_there_is_one():
    assert not any("sketch" in s for s in findings(make_result(LANGUAGES)))
    assert any("0.0042" in s for s in findings(make_result(LANGUAGES, gram="sketch")))


def test_every_other_metric_has_its_sentence():
    def value(a, b, group, metric):
        return (-0.5, "conflict") if metric == "adam" and (a, b) == ("de", "fr") else (0.3, "aligned")

    found = findings(make_result(LANGUAGES, value, metrics=["euclidean", "adam", "per-tensor"]))
    assert found[0].startswith("No conflict")
    adam = next(s for s in found if s.startswith("In the adam metric"))
    assert "the strongest conflict is de and fr, -0.50" in adam
    assert any(s.startswith("In the per-tensor metric: 10 aligned.") for s in found)


def test_numbers_are_never_out_of_range():
    text = " ".join(findings(make_result(LANGUAGES, constant(1.8, "aligned"), rho=lambda i: 1.3)))
    assert "1.8" not in text
    assert "1.3" not in text
    assert "corrected cosine 1.00" in text


@pytest.mark.parametrize("n", [2, 3, 40])
@pytest.mark.parametrize("verdict", ["conflict", "aligned", "neutral", "undetermined"])
def test_every_size_and_verdict_gives_sentences(n, verdict):
    found = findings(make_result(CODES[:n], constant(-0.2, verdict), ["encoder.0"]))
    assert len(found) >= 4
    assert all(s.endswith(".") and "nan" not in s for s in found)


def test_a_stored_result_says_the_same(tmp_path):
    result = make_result(LANGUAGES, families(), rho=lambda i: float("nan"), common_share=float("nan"))
    write_result(result, tmp_path)
    assert findings(load_result(tmp_path)) == findings(result)


def test_how_many_verdicts_lie_near_0_is_said():
    near = make_result(LANGUAGES, constant(0.06, "aligned"), layers(3))
    assert "of the 10 pairs on either side 10 are within ±0.10" in " ".join(findings(near))
    far = make_result(LANGUAGES, constant(0.6, "aligned"), layers(3))
    assert "on either side" not in " ".join(findings(far))


def test_the_strongest_conflict_by_layer_comes_with_its_share_of_the_gradient():
    result = make_result(LANGUAGES, constant(-0.3, "conflict"), layers(3))
    assert re.search(r"in \S+ \(which has [\d.]+% of the squared gradient norm\), -0\.30", " ".join(findings(result)))


def test_text_that_was_not_needed_is_said_where_more_is_asked_for():
    result = make_result(LANGUAGES, constant(0.1, "undetermined"), layers(3))
    for facts in result.data.values():
        facts["unused"] = 0
    assert "raise --tokens-per-chunk" not in " ".join(findings(result))
    for facts in result.data.values():
        facts["unused"] = 3
    assert "raise --tokens-per-chunk" in " ".join(findings(result))
