"""Differences between two checkpoints: coverage with a planted truth, and agreement with other computations."""

from __future__ import annotations

import numpy as np
import pytest

from interfere.statistics import (
    GramStatistics,
    SketchParts,
    UnitGroup,
    change,
    delta_change,
    judge_changes,
    overlap_changes,
    paired_delta,
    quality_change,
    share_changes,
)
from interfere.statistics._kernels import combine, covariance
from tests.comparison.results import unit_scores
from tests.statistics._checks import gram_of


def _statistics(gram, sketch=None):
    own = GramStatistics(gram, sketch)
    return {
        **own.pair(0, 1)[0],
        **own.own(0),
        **own.common({"common_share": np.ones(gram.shape[1]) / gram.shape[1]})[0],
    }


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _checkpoints(rng, runs, slots, size, share, shared, cosines, scale):
    """Gradients of two languages in two checkpoints with planted cosines; part of the noise is the same in both."""
    u, v = _unit(rng.standard_normal((2, runs, size)))
    v = _unit(v - (u * v).sum(-1, keepdims=True) * u)
    noise = rng.standard_normal((3, runs, 2, slots, size)) / np.sqrt(size)
    for run, (cosine, length) in enumerate(zip(cosines, (1.0, scale), strict=True)):
        signal = length * np.stack([u, cosine * u + np.sqrt(1 - cosine**2) * v], axis=1)
        own = np.sqrt(shared) * noise[0] + np.sqrt(1 - shared) * noise[1 + run]
        yield gram_of(np.sqrt(share) * signal[:, :, None] + np.sqrt(1 - share) * own)


def _coverage(runs, slots, size, share, shared, cosines, scale, seed=0):
    grams = list(_checkpoints(np.random.default_rng(seed), runs, slots, size, share, shared, cosines, scale))
    before, after = (_statistics(gram) for gram in grams)
    step = cosines[1] - cosines[0]
    rho = [share * length**2 / (share * length**2 + 1 - share) for length in (1.0, scale)]
    truth = {"corrected": step, "transfer_ab": step, "transfer_ba": step, "self_similarity": rho[1] - rho[0],
             "norm": np.log(scale), "common_share": step / 2}  # fmt: skip
    out = {}
    for name, statistic in before.items():
        found = change(statistic, after[name])
        # A mean of kernels has no bias, so that the mean over many draws is its truth.
        value = truth.get(name, found.difference.mean())
        known = np.isfinite(found.low)
        inside = (found.low <= value) & (value <= found.high)
        out[name] = (
            inside[known].mean(),
            (found.high - found.low)[known].mean(),
            (found.p_value <= 0.05)[known].mean(),
        )
    return out


@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize(("cosines", "scale"), [((0.3, 0.3), 1.0), ((0.1, 0.6), 1.3)])
def test_intervals_hold_the_planted_difference(shared, cosines, scale):
    for name, (inside, _, _) in _coverage(600, 16, 60, 0.4, shared, cosines, scale).items():
        assert 0.925 <= inside <= 0.985, name  # 95 of 100, give or take 2.6 standard errors of 600 draws


def test_a_true_difference_of_nothing_is_found_in_no_more_than_one_of_twenty():
    for name, (_, _, found) in _coverage(600, 16, 60, 0.4, 0.5, (0.3, 0.3), 1.0).items():
        assert found <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 600), name


def test_what_the_text_does_to_both_checkpoints_narrows_the_interval():
    together = _coverage(100, 16, 60, 0.4, 0.9, (0.3, 0.3), 1.0)
    apart = _coverage(100, 16, 60, 0.4, 0.0, (0.3, 0.3), 1.0)
    for name in together:
        assert together[name][1] < 0.6 * apart[name][1], name


def test_a_run_against_itself_has_not_changed_by_anything():
    (gram, _) = _checkpoints(np.random.default_rng(1), 5, 8, 30, 0.3, 0.0, (0.2, 0.2), 1.0)
    parts = SketchParts(gram, [[g] for g in range(5)], np.full(5, 100.0))
    for sketch in (None, parts):
        for name, statistic in _statistics(gram, sketch).items():
            found = change(statistic, _statistics(gram.copy(), sketch)[name])
            assert (found.difference == 0).all(), name
            if sketch is None:
                assert (found.low == 0).all(), name
                assert (found.high == 0).all(), name
                assert (found.p_value == 1).all(), name


def test_exchanging_the_runs_turns_the_sign():
    one, two = (_statistics(g) for g in _checkpoints(np.random.default_rng(2), 4, 8, 30, 0.4, 0.5, (0.1, 0.5), 1.2))
    for name in one:
        there, back = change(one[name], two[name]), change(two[name], one[name])
        np.testing.assert_allclose(there.difference, -back.difference)
        np.testing.assert_allclose(there.low, -back.high)
        np.testing.assert_allclose(there.p_value, back.p_value)


def _without(gram, k):
    keep = [i for i in range(gram.shape[2]) if i != k]
    return gram[:, :, keep][:, :, :, :, keep]


def test_the_raw_cosines_jackknife_is_that_of_leaving_out_one_slot_of_both():
    grams = list(_checkpoints(np.random.default_rng(3), 3, 9, 30, 0.4, 0.5, (0.1, 0.5), 1.2))
    one, two = (_statistics(g)["cosine"] for g in grams)
    apart = [
        _statistics(_without(grams[1], k))["cosine"].value - _statistics(_without(grams[0], k))["cosine"].value
        for k in range(9)
    ]
    brute = 8 / 9 * ((apart - np.mean(apart, axis=0)) ** 2).sum(axis=0)
    both = combine((1.0, two.kernel), (-1.0, one.kernel))
    np.testing.assert_allclose(covariance(both, both)[0], brute, rtol=1e-10)


def test_kernels_say_what_leaving_out_a_slot_does():
    slots = 60
    (gram, _) = _checkpoints(np.random.default_rng(4), 3, slots, 40, 0.5, 0.5, (0.3, 0.5), 1.2)
    whole = _statistics(gram)
    apart = [_statistics(_without(gram, k)) for k in range(slots)]
    for name, statistic in whole.items():
        moved = np.stack([each[name].value for each in apart], axis=1) - statistic.value[:, None]
        linear = -2 * statistic.kernel.rows / ((slots - 1) * (slots - 2))
        moved = moved - moved.mean(axis=1, keepdims=True)
        assert np.linalg.norm(moved - linear) < 0.12 * np.linalg.norm(moved), name


@pytest.mark.parametrize("name", ["cosine", "common_share", "corrected", "transfer_ab", "self_similarity", "norm"])
def test_the_error_of_a_sketch_is_that_of_many_sketches(name):
    rng = np.random.default_rng(5)
    size, buckets, slots = 400, 150, 5
    vectors = rng.standard_normal((1, 2, 1, size)) + 0.7 * rng.standard_normal((1, 2, slots, size))
    vectors[0, 1] += 0.8 * vectors[0, 0]
    values = []
    for _ in range(300):
        place, sign = rng.integers(0, buckets, size), rng.choice([-1.0, 1.0], size)
        project = np.zeros((size, buckets))
        project[np.arange(size), place] = sign
        values.append(_statistics(gram_of(vectors @ project))[name].value[0])
    exact = gram_of(vectors)
    predicted = np.sqrt(_statistics(exact, SketchParts(exact, [[0]], np.array([buckets])))[name].sketch[0])
    assert predicted == pytest.approx(np.std(values), rel=0.2)


def test_three_slots_give_a_difference_and_no_interval():
    one, two = (_statistics(g) for g in _checkpoints(np.random.default_rng(6), 1, 3, 30, 0.4, 0.5, (0.1, 0.5), 1.2))
    found = change(one["corrected"], two["corrected"])
    assert np.isfinite(found.difference).all()
    assert np.isnan([found.low, found.high, found.p_value]).all()


def test_bits_per_byte_change_as_paired_deltas_say():
    rng = np.random.default_rng(7)
    sizes, sources = rng.integers(10, 100, 30).astype(float), np.repeat(np.arange(15), 2)
    one, two, other = (sizes * (2 + 0.2 * rng.standard_normal(30)) for _ in range(3))
    expected, _ = paired_delta(two, sizes, one, sizes, sources)
    before, after, found = quality_change((one, sizes), (two, sizes), sources)
    of_delta = delta_change(((one, sizes), (other, sizes)), ((two, sizes), (other, sizes)), sources)
    # The same monolingual model in both runs drops out.
    for difference in (found, of_delta["delta"][2]):
        assert difference.difference == pytest.approx(expected.value)
        assert difference.low == pytest.approx(expected.low)
        assert difference.p_value == pytest.approx(expected.p)
    assert (before, after) == pytest.approx((one.sum() / sizes.sum(), two.sum() / sizes.sum()))
    relative = [(x.sum() - other.sum()) / other.sum() for x in (one, two)]
    assert of_delta["relative"][:2] == pytest.approx(relative)


def test_a_relative_deltas_interval_is_that_of_resampled_documents():
    rng = np.random.default_rng(8)
    sizes = rng.integers(10, 100, 200).astype(float)
    m1, n1, m2, n2 = (sizes * (2 + 0.4 * rng.standard_normal(200)) for _ in range(4))
    found = delta_change(((m1, sizes), (n1, sizes)), ((m2, sizes), (n2, sizes)), np.arange(200))["relative"][2]
    drawn = rng.integers(0, 200, (4000, 200))
    sums = [x[drawn].sum(axis=1) for x in (m1, n1, m2, n2)]
    resampled = np.std(sums[2] / sums[3] - sums[0] / sums[1])
    assert (found.high - found.low) / 2 / 1.97 == pytest.approx(resampled, rel=0.07)


NEURONS = tuple(UnitGroup(f"encoder.{i}", "mlp", "neuron", 80 * i, 80) for i in range(2))


def test_shares_and_overlaps_hold_what_many_draws_say():
    rng = np.random.default_rng(9)
    base = np.stack([x.mean(axis=1) for x in (np.log(unit_scores(1)), np.log(unit_scores(1, drift=0.3)))])
    found = {"share": [], "rank": [], "cosine": [], "top": []}
    for _ in range(100):
        shared = 0.5 * rng.standard_normal((3, 16, 160))
        one, two = (np.exp(b[:, None] + shared + 0.5 * rng.standard_normal((3, 16, 160))) for b in base)
        share = share_changes(one, two, [(g, g) for g in NEURONS])
        overlaps = overlap_changes(one, two, (NEURONS[0], NEURONS[0]), 0.1)
        for name, each, place in (("share", share, (0, 0)), *((n, c, (0, 1)) for n, c in overlaps.items())):
            found[name].append((each.after[place] - each.before[place], each.low[place], each.high[place]))
    for name, rows in found.items():
        value, low, high = np.array(rows).T
        truth = value.mean()
        assert ((low <= truth) & (truth <= high)).mean() >= 0.89, name  # 95 of 100 less 2.6 standard errors


def test_a_top_of_a_unit_or_two_has_no_interval():
    heads = UnitGroup("encoder.0", "attention", "head", 0, 8)
    one, two = unit_scores(1, units=8), unit_scores(1, units=8, drift=0.3)
    found = overlap_changes(one, two, (heads, heads), 0.25)
    assert np.isnan(found["top"].low).all()
    assert np.isfinite(found["cosine"].low).all()
    same = overlap_changes(one, one, (heads, heads), 0.25)
    assert (same["top"].high[np.triu_indices(3)] == 0).all()


def test_verdicts_of_differences():
    low, high = np.array([0.1, -0.3, -0.02, -0.2, np.nan]), np.array([0.3, -0.1, 0.03, 0.2, np.nan])
    difference, p = np.array([0.2, -0.2, 0.0, 0.0, 0.1]), np.array([1e-6, 1e-6, 0.8, 0.9, np.nan])
    q, verdicts, reasons = judge_changes(low, high, difference, p, 0.05, 0.05)
    assert verdicts == ["higher", "lower", "same", "undetermined", "undetermined"]
    assert [bool(reason) for reason in reasons] == [False, False, False, True, False]
    assert np.isnan(q[4])
