"""Intervals and verdicts of bits per byte, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import PairedDocuments, bits_per_byte, delta_rows, paired_delta, worth_in_text


def draw(
    random: np.random.Generator, documents: int, shift: float = 0.0, per_source: int = 1
) -> tuple[np.ndarray, ...]:
    """Documents of different length and difficulty; the second model's bits differ by `shift` a byte on average."""
    sizes = random.lognormal(6, 0.7, documents).round() + 20
    sources = np.arange(documents) // per_source
    hard = random.normal(0, 0.3, documents)[sources]
    own = random.normal(0, 0.08, documents)[sources] + random.normal(0, 0.02, documents)
    return sizes * (2 + hard + shift + own), sizes, sizes * (2 + hard), sizes, sources


@pytest.mark.parametrize(("documents", "per_source"), [(30, 1), (200, 1), (120, 4)])
def test_intervals_hold_the_truth(documents: int, per_source: int):
    random = np.random.default_rng(0)
    held = []
    for _ in range(1000):
        bits, sizes, other, other_sizes, sources = draw(random, documents, 0.05, per_source)
        delta, relative = paired_delta(bits, sizes, other, other_sizes, sources)
        held.append((delta.low <= 0.05 <= delta.high, relative.low <= 0.025 <= relative.high))
    assert np.mean(held, axis=0).min() > 0.92
    assert np.mean(held, axis=0).max() < 0.98


def test_a_difference_of_equal_lengths_is_the_t_test():
    random = np.random.default_rng(1)
    sizes = np.full(25, 100.0)
    bits, other = 100 * random.normal(2, 0.2, (2, 25))
    delta, _ = paired_delta(bits, sizes, other, sizes, np.arange(25))
    expected = stats.ttest_rel(bits / 100, other / 100)
    interval = expected.confidence_interval()
    assert delta.value == pytest.approx((bits - other).mean() / 100)
    assert (delta.low, delta.high) == pytest.approx((interval.low, interval.high))
    assert delta.p == pytest.approx(expected.pvalue)


def test_lengths_weigh():
    found = bits_per_byte(np.array([10.0, 300.0]), np.array([10.0, 100.0]), np.arange(2))
    assert found.value == pytest.approx(310 / 110)
    assert np.isnan(found.low)


def test_documents_of_one_source_count_once():
    random = np.random.default_rng(2)
    bits, sizes, other, other_sizes, _ = draw(random, 40, 0.02)
    alone = paired_delta(bits, sizes, other, other_sizes, np.arange(40))[0]
    twice = [np.tile(x, 2) for x in (bits, sizes, other, other_sizes)]
    copied = paired_delta(*twice, np.tile(np.arange(40), 2))[0]
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))


def pair(language: str, shift: float, documents: int = 60, seed: int = 0) -> PairedDocuments:
    bits, sizes, other, other_sizes, sources = draw(np.random.default_rng([seed, documents]), documents, shift)
    return PairedDocuments(language, bits, sizes, other, other_sizes, sources)


def test_verdicts():
    same = pair("same", 0.0)
    rows = delta_rows(
        [
            pair("worse", 0.3),
            pair("better", -0.3),
            pair("open", 0.0, seed=3),
            pair("few", 0.3, documents=5),
            PairedDocuments("same", same.bits, same.sizes, same.bits, same.sizes, same.sources),
            PairedDocuments("failed", np.full(9, np.nan), np.ones(9), np.ones(9), np.ones(9), np.arange(9), "de: why"),
        ]
    ).set_index("language")
    assert dict(rows["verdict"]) == {
        "worse": "worse", "better": "better", "open": "undetermined", "few": "undetermined",
        "same": "undetermined", "failed": "undetermined",
    }  # fmt: skip
    assert rows.loc["same", "delta"] == 0
    assert "same bits" in rows.loc["same", "reason"]
    assert "5 independent documents are too few" in rows.loc["few", "reason"]
    assert rows.loc["failed", "reason"] == "de: why"
    assert rows.loc["worse", "reason"] == ""
    tested = rows["p_value"].dropna()
    np.testing.assert_allclose(rows["q_value"].dropna(), stats.false_discovery_control(tested))


def test_an_interval_clear_of_zero_is_not_called_open_for_that():
    shifts = [0.012, *([0.0] * 11)]
    found = delta_rows([pair(str(i), shift, seed=i + 20) for i, shift in enumerate(shifts)])
    alone = found[(found["p_value"] <= 0.05) & (found["q_value"] > 0.05)]
    assert len(alone)
    assert alone["reason"].str.startswith("the interval is clear of 0, but not as one of 12").all()


def test_documents_that_one_model_cannot_predict_are_left_out_of_both():
    whole = pair("de", 0.1)
    bits = whole.bits.copy()
    bits[:10] = np.nan
    found = delta_rows([PairedDocuments("de", bits, whole.sizes, whole.other_bits, whole.other_sizes, whole.sources)])
    kept = [x[10:] for x in (whole.bits, whole.sizes, whole.other_bits, whole.other_sizes, whole.sources)]
    assert found["documents"][0] == 50
    assert found["delta"][0] == pytest.approx(paired_delta(*kept)[0].value)


def test_false_verdicts_are_as_rare_as_they_should_be():
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(400):
        pairs = []
        for language in "abcdef":
            bits, sizes, other, other_sizes, sources = draw(random, 40)
            pairs.append(PairedDocuments(language, bits, sizes, other, other_sizes, sources))
        wrong += (delta_rows(pairs)["verdict"] != "undetermined").any()
    assert wrong / 400 < 0.09


def sized(target: float, noise: float = 0.0) -> tuple[np.ndarray, ...]:
    """Bits per byte fall by 0.2 with each doubling of 1 to 8 MB; the target is a level."""
    random = np.random.default_rng(0)
    totals = np.full((4, 50), 200.0)
    levels = 3 - 0.2 * np.arange(4)[:, None] + noise * random.normal(size=(4, 50))
    return levels * totals, totals, (target + noise * random.normal(size=50)) * totals[0], totals[0], np.arange(50)


def test_worth_is_read_off_the_curve():
    worth = worth_in_text([1e6, 2e6, 4e6, 8e6], *sized(2.7))
    assert worth.text == pytest.approx(1e6 * 2**1.5)
    assert worth.beyond == ""
    noisy = worth_in_text([1e6, 2e6, 4e6, 8e6], *sized(2.7, 0.2))
    assert noisy.low < 1e6 * 2**1.5 < noisy.high


@pytest.mark.parametrize(("target", "beyond"), [(3.5, "less"), (2.0, "more")])
def test_worth_beyond_the_sizes_is_said_and_not_guessed(target: float, beyond: str):
    worth = worth_in_text([1e6, 2e6, 4e6, 8e6], *sized(target))
    assert worth.beyond == beyond
    assert np.isnan(worth.text)
    assert worth.low == 0 or np.isinf(worth.high)
