"""What cannot be estimated is undetermined, with a reason, and nothing warns (warnings are errors here)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import gram_tables
from interfere.statistics._kernels import kernel, variance
from interfere.statistics._verdicts import Evidence, verdicts

from ._checks import draw_vectors, gram_of, names, row, tables

NUMBERS = ["cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "transfer_ab", "transfer_ba", "centred",
           "magnitude_similarity", "tokens_to_settle"]  # fmt: skip


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_too_few_slots(slots: int) -> None:
    result = tables(gram_of(draw_vectors(0, slots=slots)), tokens=np.ones((3, slots)))
    assert result.pairs["verdict"].eq("undetermined").all()
    assert result.pairs["reason"].str.contains("at least 4").all()
    for column in ("ci_low", "ci_high", "p_value", "q_value", "tokens_to_settle"):
        assert result.pairs[column].isna().all()
    assert result.self_[["ci_low", "ci_high"]].isna().all(axis=None)
    assert result.pairs["corrected"].notna().any() == (slots > 1)


def test_four_slots_have_intervals() -> None:
    result = tables(gram_of(draw_vectors(0, slots=4)))
    assert result.pairs[["ci_low", "ci_high", "p_value"]].notna().all(axis=None)


def test_one_language_has_no_pairs() -> None:
    result = tables(gram_of(draw_vectors(0, languages=1)))
    assert len(result.pairs) == 0
    assert len(result.self_) == 1
    assert result.groups["common_share"][0] == pytest.approx(1)


@pytest.mark.parametrize("share", [0.2, 0.9, 1.0])
def test_a_clone_is_one(share: float) -> None:
    vectors = draw_vectors(0, groups=4, languages=3, slots=16, size=100, share=share)
    vectors[:, 2] = vectors[:, 1]
    found = tables(gram_of(vectors)).pairs.query("a == 'l01' and b == 'l02'")
    np.testing.assert_allclose(found["corrected"], 1, atol=1e-9)
    assert ((found["ci_low"] <= 1) & (found["ci_high"] >= 1)).all()
    assert (found["ci_high"] - found["ci_low"] < 1e-6).all()
    assert found["verdict"].eq("aligned").all()
    assert (found["p_value"] < 0.001).all()
    np.testing.assert_allclose(found["transfer_ab"], 1)


def test_a_negated_clone_is_minus_one() -> None:
    vectors = draw_vectors(0, languages=2, slots=16, size=100)
    vectors[:, 1] = -3 * vectors[:, 0]
    found = tables(gram_of(vectors)).pairs.iloc[0]
    assert found["corrected"] == pytest.approx(-1)
    assert found["verdict"] == "conflict"


def test_two_languages_centre_to_minus_one() -> None:
    assert tables(gram_of(draw_vectors(0, languages=2))).pairs["centred"][0] == pytest.approx(-1)


def test_two_clones_have_no_centred_cosine() -> None:
    vectors = draw_vectors(0, languages=2)
    vectors[:, 1] = vectors[:, 0]
    assert np.isnan(tables(gram_of(vectors)).pairs["centred"][0])


def test_a_language_without_gradients() -> None:
    vectors = draw_vectors(0, groups=2, slots=8)
    vectors[0, 1] = 0
    result = tables(gram_of(vectors), tokens=np.ones((3, 8)))
    for a, b in (("l00", "l01"), ("l01", "l02")):
        found = row(result.pairs, group="g0", a=a, b=b)
        assert found["verdict"] == "undetermined"
        assert "all gradients of l01 are 0" in found["reason"]
        assert found[["cosine", "corrected", "ci_low", "ci_high", "p_value", "q_value", "transfer_ab", "transfer_ba",
                      "magnitude_similarity", "tokens_to_settle"]].isna().all()  # fmt: skip
    own = row(result.self_, group="g0", language="l01")
    assert own[["self_similarity", "ci_low", "ci_high", "norm"]].isna().all()
    assert np.isfinite(row(result.pairs, group="g1", a="l00", b="l01")["corrected"])


def test_no_gradients_at_all() -> None:
    result = tables(np.zeros((1, 2, 6, 2, 6)))
    assert result.pairs["verdict"].tolist() == ["undetermined"]
    assert result.groups[["common_share", "mixture_residual"]].isna().all(axis=None)


def test_a_language_that_failed_changes_nothing_for_the_others() -> None:
    vectors = draw_vectors(0, groups=2, languages=4, slots=8)
    gram = gram_of(vectors)
    gram[:, 2] = gram[:, :, :, 2] = np.nan
    whole = tables(gram, failed={"l02": "loss is not finite"}, mixture=[1, 2, 3, 4])
    others = [0, 1, 3]
    groups = ["g0", "g1"]
    rest = gram_tables(gram_of(vectors[:, others]), languages=[names(4)[i] for i in others], groups=groups,
                       mixture=[1, 2, 4])  # fmt: skip
    lost = whole.pairs["a"].eq("l02") | whole.pairs["b"].eq("l02")
    assert whole.pairs[lost]["verdict"].eq("undetermined").all()
    assert whole.pairs[lost]["reason"].eq("loss is not finite").all()
    assert whole.pairs.loc[lost, NUMBERS].isna().all(axis=None)
    for column in NUMBERS:
        np.testing.assert_allclose(whole.pairs.loc[~lost, column].astype(float), rest.pairs[column].astype(float))
    np.testing.assert_allclose(whole.groups["common_share"], rest.groups["common_share"])
    np.testing.assert_allclose(whole.groups["mixture_residual"], rest.groups["mixture_residual"])
    own = whole.self_[whole.self_["language"] == "l02"]
    assert own[["self_similarity", "norm", "norm_share"]].isna().all(axis=None)


def test_pure_noise_is_undetermined() -> None:
    result = tables(gram_of(draw_vectors(0, groups=200, languages=2, slots=6, share=0.0)), tokens=np.ones((2, 6)))
    # By chance alone some languages come out above 0 for sure (2.5 % each); their pair still needs its own p-value.
    assert result.pairs["verdict"].eq("undetermined").mean() > 0.98
    nothing = result.pairs["reason"].str.contains("no signal")
    assert nothing.any()
    assert result.pairs.loc[nothing, ["corrected", "ci_low", "ci_high", "tokens_to_settle"]].isna().all(axis=None)


def test_signal_is_sure_where_its_interval_excludes_zero() -> None:
    gram = gram_of(draw_vectors(0, groups=300, languages=2, slots=6, share=0.15))
    own = [kernel(gram[:, a, :, a]) for a in range(2)]
    lows = [h.mean - stats.t.ppf(0.975, 5) * np.sqrt(variance(h).total) for h in own]
    pairs = tables(gram).pairs
    sure = (lows[0] > 0) & (lows[1] > 0)
    # A strict part of the rows, so that the condition decides something here.
    assert 0.1 < sure.mean() < 0.9
    assert pairs["verdict"][~sure].eq("undetermined").all()
    unsure = (own[0].mean > 0) & (own[1].mean > 0) & ~sure
    np.testing.assert_array_equal(pairs["reason"].str.contains("not surely above"), unsure)


def decide(corrected: float, low: float, high: float, q: float, *, sure: bool = True) -> tuple[str, str]:
    one = np.ones(1, dtype=bool)
    numbers = [np.array([x]) for x in (corrected, low, high, corrected, q)]
    evidence = Evidence(*numbers, one & sure, one, one, one, ~one, ~one)
    verdict, reason = verdicts(evidence, "a", "b", margin=0.05, alpha=0.05)
    return verdict[0], reason[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.5, 0.2, 0.8, 0.01), "aligned"),
        ((-0.5, -0.8, -0.2, 0.05), "conflict"),
        ((-0.5, -0.8, -0.2, 0.051), "undetermined"),
        ((0.01, -0.02, 0.04, 0.4), "neutral"),
        ((0.03, 0.02, 0.04, 0.01), "aligned"),
        ((0.01, -0.02, 0.06, 0.4), "undetermined"),
        ((1.1, 0.8, 1.4, 0.01), "aligned"),
        ((1.1, 1.05, 1.15, 0.01), "undetermined"),
        ((1.1, 0.5, 1.7, 0.01), "undetermined"),
        ((-1.1, -1.4, -0.8, 0.01), "conflict"),
        ((np.nan, np.nan, np.nan, np.nan), "undetermined"),
    ],
)
def test_verdicts(arguments: tuple[float, float, float, float], expected: str) -> None:
    verdict, reason = decide(*arguments)
    assert verdict == expected
    assert (reason == "") == (verdict != "undetermined")


def test_no_verdict_without_sure_signal() -> None:
    verdict, reason = decide(0.5, 0.2, 0.8, 0.01, sure=False)
    assert verdict == "undetermined"
    assert "signal of a" in reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"languages": ["a"]}, "1 languages"),
        ({"tokens": np.ones((3, 5))}, "tokens"),
        ({"mixture": [1.0, -1.0, 1.0]}, "mixture"),
        ({"reference": [1.0]}, "reference"),
        ({"failed": {"xx": "?"}}, "xx"),
        ({"parameters": [1, 2]}, "parameters"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], message: str) -> None:
    options: dict[str, object] = {"languages": names(3), "groups": ["g"]} | change
    with pytest.raises(ValueError, match=message):
        gram_tables(gram_of(draw_vectors(0)), **options)  # type: ignore[arg-type]


def test_numbers_that_are_not_finite_are_named() -> None:
    gram = gram_of(draw_vectors(0, groups=2))
    gram[1, 2, 0, 2, 0] = np.inf
    with pytest.raises(ValueError, match="l02 in g1"):
        tables(gram)
