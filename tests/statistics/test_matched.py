"""Intervals over seeds and documents, predictors and extrapolation, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import (
    Crossed,
    MatchedDocuments,
    extrapolate,
    matched_delta,
    matched_rows,
    ngram_overlap,
    rank_correlation,
)


def trained(
    random: np.random.Generator,
    seeds: int,
    documents: int = 60,
    *,
    shift: float = 0.0,
    of_seed: float = 0.02,
    of_document: float = 0.0,
    of_both: float = 0.03,
) -> MatchedDocuments:
    """Models whose bits per byte differ by `shift` on average; spreads are of seeds, documents and the rest."""
    sizes = np.tile(random.lognormal(5, 0.6, documents).round() + 20, (seeds, 1))
    hard = 2.5 + random.normal(0, 0.4, documents)
    own = random.normal(0, of_seed, (seeds, 1)) + random.normal(0, of_document, documents)
    own = own + random.normal(0, of_both, (seeds, documents)) + shift
    other = random.normal(0, of_seed, (seeds, 1)) + random.normal(0, of_both, (seeds, documents))
    return MatchedDocuments(sizes * (hard + own), sizes, sizes * (hard + other), sizes, np.arange(documents))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(("of_seed", "of_document", "of_both"), [(0.02, 0.0, 0.03), (0.0, 0.0, 0.1), (0.02, 0.1, 0.05)])
def test_intervals_hold_the_truth(seeds: int, of_seed: float, of_document: float, of_both: float):
    random = np.random.default_rng(0)
    held = []
    for _ in range(300):
        found, _ = matched_delta(
            trained(random, seeds, of_seed=of_seed, of_document=of_document, of_both=of_both, shift=0.1)
        )
        held.append(found.low <= 0.1 <= found.high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_without_a_part_of_documents_it_is_the_t_test_over_seeds():
    random = np.random.default_rng(1)
    seeds = 4
    case = trained(random, seeds, of_both=0.0)
    found, _ = matched_delta(case)
    each = case.bits.sum(1) / case.sizes.sum(1) - case.other_bits.sum(1) / case.other_sizes.sum(1)
    expected = stats.ttest_1samp(each, 0)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)


def test_the_parts_of_a_table_are_those_of_the_analysis_of_variance():
    random = np.random.default_rng(2)
    y = random.normal(size=(4, 7)) + random.normal(size=(4, 1)) + 3 * random.normal(size=7)
    rows, columns = y.mean(1), y.mean(0)
    rest = y - rows[:, None] - columns + y.mean()
    ms_rows, ms_columns = 7 * rows.var(ddof=1), 4 * columns.var(ddof=1)
    ms_rest = (rest**2).sum() / (3 * 6)
    found = Crossed.of(y)
    assert found.of_seeds == pytest.approx(ms_rows / 28)
    assert found.of_items == pytest.approx((ms_columns - ms_rest) / 28)
    # The p-value is the level whose interval ends at 0.
    low, high = found.interval(1 - found.p_value())
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-6)


def test_a_mean_that_is_rounding_alone_has_no_p_value_below_1():
    assert Crossed(1e-18, 0.1, 0.1, 2, 20).p_value() == 1
    assert Crossed(0.0, 0.0, 0.0, 2, 20).p_value() == 1


def test_verdicts_of_matched_models():
    random = np.random.default_rng(3)
    same = trained(random, 3)
    rows = matched_rows(
        [
            trained(random, 5, shift=0.5),
            trained(random, 5, shift=-0.5),
            trained(random, 3),
            trained(random, 1, shift=0.5),
            trained(random, 3, documents=5, shift=0.5),
            MatchedDocuments(same.bits, same.sizes, same.bits, same.sizes, same.sources),
        ]
    )
    assert list(rows["verdict"]) == ["interference", "transfer", *["undetermined"] * 4]
    assert "one seed" in rows["reason"][3]
    assert "fewer than 8 independent" in rows["reason"][4]
    assert rows["delta"][5] == 0
    assert rows["p_value"][5] == 1
    assert rows["relative"][0] == pytest.approx(0.2, rel=0.1)


def test_correlations_are_spearmans_and_their_intervals_hold_the_truth():
    random = np.random.default_rng(4)
    held = []
    for _ in range(30):
        pairs = 15
        both = np.repeat(random.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], pairs), 2, axis=0)
        x, y = both.T + random.normal(0, 0.2, (2, 2 * pairs))
        names = [str(i // 2) for i in range(2 * pairs)]
        found = rank_correlation(x, y, names)
        assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
        held.append(found.low <= 0.55 <= found.high)
    assert np.mean(held) > 0.8


def test_few_pairs_and_constants_give_no_interval():
    assert np.isnan(rank_correlation(np.arange(8.0), np.arange(8.0), list("aabbccdd")).low)
    assert np.isnan(rank_correlation(np.ones(12), np.arange(12.0), list("aabbccddeeff")).value)


def test_directions_within_pairs_are_counted():
    pairs = list("aabbcc")
    outcome = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 6.0])
    assert rank_correlation(outcome, outcome, pairs).within == 1
    assert rank_correlation(-outcome, outcome, pairs, expected=-1).within == 1
    assert rank_correlation(-outcome, outcome, pairs).within == 0
    assert rank_correlation(np.array([2.0, 1.0, 4.0, 3.0, 5.0, 6.0]), outcome, pairs).within == pytest.approx(2 / 3)
    assert np.isnan(rank_correlation(np.repeat([1.0, 2.0, 3.0], 2), outcome, pairs).within)


def test_overlap_of_ngrams():
    found = ngram_overlap([["aaab"], ["aaab", "aaab"], ["xyz"], ["aaaz"]])
    np.testing.assert_allclose(found[0], [1, 1, 0, 0.5])
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("goes_on", [1.0, 0.5, 0.0])
def test_a_line_is_extended_and_its_interval_holds_new_means_whether_it_goes_on_or_stops(goes_on: float):
    random = np.random.default_rng(5)
    lengths, held = [100.0, 200.0, 400.0], []
    truth = 0.01 + 0.03 * (np.log10(4) + goes_on * np.log10(3000 / 400))
    for _ in range(600):
        deltas = 0.01 + 0.03 * np.log10(np.array(lengths) / 100) + random.normal(0, 0.01, (3, 3))
        found = extrapolate(lengths, deltas, 3000)
        new = truth + random.normal(0, 0.01, 3).mean()
        held.append(found.low <= new <= found.high)
    assert found.slope == pytest.approx(0.03, abs=0.06)
    assert np.mean(held) >= 0.925


def test_a_line_without_noise_is_extended_to_its_value():
    lengths = [100.0, 200.0, 400.0]
    exact = extrapolate(lengths, np.tile(0.01 + 0.03 * np.log10(lengths), (2, 1)), 3000)
    assert exact.value == pytest.approx(0.01 + 0.03 * np.log10(3000))
    assert exact.high == pytest.approx(exact.value)
    assert exact.low == pytest.approx(0.01 + 0.03 * np.log10(400))
