"""Intervals over seeds and items: do they hold the truth as often as they say?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.tasks import difference_estimate, label_counts, score_estimate
from interfere.tasks._scores import Counts

RUNS = 2000


def as_counts(right: np.ndarray) -> Counts:
    """Counts of right and wrong answers, (S, n) → (S, n, 3)."""
    right = right.astype(np.int64)
    return np.stack([right, 1 - right, 1 - right], axis=-1)


def answers(
    source: np.random.Generator, mean: float, of_seeds: float, of_items: float, shape: tuple[int, int]
) -> np.ndarray:
    """Right answers of a probit model with effects of seeds and items; their share is Φ(mean / √(1 + variances))."""
    seeds, items = shape
    score = mean + of_seeds * source.normal(size=(seeds, 1)) + of_items * source.normal(size=(1, items))
    return score + source.normal(size=shape) > 0


def span_table(source: np.random.Generator, of_seeds: float, shape: tuple[int, int]) -> Counts:
    """Sentences with 1 to 4 spans, found with a chance that depends on seed and sentence, and some made up."""
    gold = np.broadcast_to(source.integers(1, 5, size=(1, shape[1])), shape)
    score = 0.8 + of_seeds * source.normal(size=(shape[0], 1)) + 0.7 * source.normal(size=(1, shape[1]))
    tp = source.binomial(gold, stats.norm.cdf(score))
    return np.stack([tp, source.poisson(0.4, size=shape), gold - tp], axis=-1)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(
    ("mean", "of_seeds", "of_items"), [(0.8, 0.0, 2.0), (0.8, 0.1, 0.5), (0.5, 0.3, 0.7), (0.8, 0.8, 0.5)]
)
def test_score_intervals_hold_the_planted_truth(seeds: int, mean: float, of_seeds: float, of_items: float) -> None:
    source = np.random.default_rng(seeds)
    truth = stats.norm.cdf(mean / np.sqrt(1 + of_seeds**2 + of_items**2))
    held = 0
    for _ in range(RUNS):
        estimate = score_estimate(as_counts(answers(source, mean, of_seeds, of_items, (seeds, 100))))
        held += estimate.low <= truth <= estimate.high
    assert 0.92 <= held / RUNS <= 0.98


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("of_seeds", [0.1, 0.3])
def test_span_intervals_hold_the_truth_of_very_many_seeds(seeds: int, of_seeds: float) -> None:
    source = np.random.default_rng(seeds)
    # F1 of a seed over all sentences that there could be; then the mean over seeds.
    chance = stats.norm.cdf((0.8 + of_seeds * np.random.default_rng(0).normal(size=200_000)) / np.sqrt(1 + 0.7**2))
    truth = float(np.mean(2 * 2.5 * chance / (2.5 * chance + 0.4 + 2.5)))
    estimates = [score_estimate(span_table(source, of_seeds, (seeds, 300))) for _ in range(RUNS)]
    held = np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])
    assert 0.92 <= held <= 0.98
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(truth, abs=0.005)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("items", [30, 300])
def test_few_wrong_items_make_it_wide_and_never_narrow(seeds: int, items: int) -> None:
    source = np.random.default_rng(seeds)
    truth = stats.norm.cdf(2.2 / np.sqrt(1 + 0.1**2 + 1))
    estimates = [score_estimate(as_counts(answers(source, 2.2, 0.1, 1.0, (seeds, items)))) for _ in range(RUNS)]
    assert np.mean([estimate.low <= truth <= estimate.high for estimate in estimates]) >= 0.95


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(("of_seeds", "of_items"), [(0.0, 1.0), (0.2, 1.0), (0.5, 0.5)])
def test_null_differences_are_called_different_as_rarely_as_stated(
    seeds: int, of_seeds: float, of_items: float
) -> None:
    """Two models that differ by chance alone, with items that are hard for both."""
    source = np.random.default_rng(seeds)
    held, p_values = 0, []
    for _ in range(RUNS):
        shared = of_items * source.normal(size=(1, 100))
        models = []
        for _ in range(2):
            score = 0.5 + of_seeds * source.normal(size=(seeds, 1)) + shared + 0.5 * source.normal(size=(1, 100))
            models.append(as_counts(score + source.normal(size=(seeds, 100)) > 0))
        estimate = difference_estimate(*models)
        held += estimate.low <= 0 <= estimate.high
        p_values.append(estimate.p_value)
        # p-value and interval are two readings of one thing.
        assert (estimate.p_value < 0.05) == (not estimate.low <= 0 <= estimate.high)
    assert 0.92 <= held / RUNS <= 0.98
    # So few seeds make it careful where they add nothing of their own; it is never careless.
    assert 0.12 <= np.mean(np.array(p_values) < 0.2) <= 0.23


def test_items_alone_give_the_paired_t_interval() -> None:
    """Seeds that all say the same are one seed: what is left is a t interval over items."""
    row = np.random.default_rng(0).random(400) < 0.7
    other = np.random.default_rng(1).random(400) < 0.6
    found = difference_estimate(as_counts(np.tile(row, (4, 1))), as_counts(np.tile(other, (4, 1))))
    expected = stats.ttest_rel(row.astype(float), other.astype(float))
    low, high = expected.confidence_interval()
    assert found.value == pytest.approx(row.mean() - other.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-3)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.1)


def test_all_right_is_not_right_for_sure() -> None:
    found = score_estimate(as_counts(np.ones((3, 50))))
    assert found.value == found.high == 1
    # With 50 items the exact bound is 0.929 (Clopper-Pearson, both sides).
    assert 0.88 < found.low < 0.96


def test_a_table_against_itself_is_exactly_zero() -> None:
    table = span_table(np.random.default_rng(0), 0.3, (3, 40))
    found = difference_estimate(table, table)
    assert (found.value, found.p_value) == (0, 1)
    assert found.low == pytest.approx(-found.high, abs=1e-15)
    assert found.high > 0


def test_differences_change_sign_with_their_order() -> None:
    source = np.random.default_rng(0)
    a, b = (as_counts(answers(source, 0.5, 0.2, 0.5, (3, 60))) for _ in range(2))
    one, other = difference_estimate(a, b), difference_estimate(b, a)
    assert one.value == -other.value
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p_value == pytest.approx(other.p_value)


def test_one_seed_gives_no_interval() -> None:
    table = label_counts("abab", "abba")[None]
    found = score_estimate(table)
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(difference_estimate(table, table).p_value)
