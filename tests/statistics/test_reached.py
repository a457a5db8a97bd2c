"""Experts that some chunks did not reach: what is missing is left out, and is never a gradient of zero."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from interfere.statistics import UNSEEN, Reached, SketchParts, gram_tables
from interfere.statistics._kernels import covariance, kernel
from interfere.statistics._missing import kernel_of_seen, self_estimate_of_seen
from interfere.statistics._self import self_estimate
from tests.statistics._checks import assert_same, draw_vectors, gram_of, names, row, tables


def _masks(seed: int, groups: int, languages: int, slots: int, share: float) -> np.ndarray:
    """Which chunks reached a group, at least four of each language."""
    rng = np.random.default_rng(seed)
    seen = rng.random((groups, languages, slots)) < share
    for cell in seen.reshape(-1, slots):
        cell[rng.permutation(slots)[:4]] = True
    return seen


def _own(gram: np.ndarray, seen: np.ndarray) -> Reached:
    """Every group a part of its own."""
    return Reached(gram, [[g] for g in range(len(gram))], seen)


def test_nothing_missing_is_the_plain_computation() -> None:
    gram = gram_of(draw_vectors(3, groups=2))
    everywhere = np.ones((2, 3, 6), dtype=bool)
    with_masks, plain = tables(gram, reached=_own(gram, everywhere)), tables(gram)
    for name in ("pairs", "self_", "groups"):
        assert_same(getattr(with_masks, name), getattr(plain, name))


def test_the_common_share_of_an_expert_is_of_the_languages_that_reached_it() -> None:
    gram = gram_of(draw_vectors(3, groups=2))
    seen = np.ones((2, 3, 6), dtype=bool)
    seen[0, 0] = False
    seen[1, 1:] = False
    gram[0][0], gram[0][:, :, 0] = 0, 0
    found, plain = tables(gram, reached=_own(gram, seen)).groups, tables(gram[:, 1:, :, 1:]).groups
    assert found["common_share"][0] == pytest.approx(plain["common_share"][0])
    assert found["mixture_residual"][0] == pytest.approx(plain["mixture_residual"][0])
    assert np.isnan(found["common_share"][1])


def test_a_kernel_of_everything_by_its_general_formula_is_the_complete_one() -> None:
    from interfere.statistics import _missing

    block = gram_of(draw_vectors(5, groups=3))[:, 0, :, 1, :]
    everywhere = np.ones((3, 6), dtype=bool)
    general, complete = _missing._incomplete(block, everywhere, everywhere), kernel(block)
    np.testing.assert_allclose(general.mean, complete.mean, rtol=1e-12)
    np.testing.assert_allclose(general.rows, complete.rows, atol=1e-12)
    np.testing.assert_allclose(general.centred, complete.centred, atol=1e-10)


def _mean(block: np.ndarray, slots: list[int], seen_a: np.ndarray, seen_b: np.ndarray) -> float:
    """The mean of a kernel by a loop."""
    values = [block[k, j] for k, j in permutations(slots, 2) if seen_a[k] and seen_b[j]]
    return float(np.mean(values))


def test_mean_and_jackknife_are_those_of_deleting_slots_one_by_one() -> None:
    groups, slots = 6, 9
    gram = gram_of(draw_vectors(7, groups=groups, languages=2, slots=slots))
    seen = _masks(1, groups, 2, slots, 0.5)
    found = kernel_of_seen(gram[:, 0, :, 1, :], seen[:, 0], seen[:, 1])
    jackknife, _ = covariance(found, found)
    every = list(range(slots))
    for g in range(groups):
        block, a, b = gram[g, 0, :, 1, :], seen[g, 0], seen[g, 1]
        assert found.mean[g] == pytest.approx(_mean(block, every, a, b), rel=1e-10)
        left_out = np.array([_mean(block, [j for j in every if j != k], a, b) for k in every])
        expected = (slots - 1) / slots * ((left_out - found.mean[g]) ** 2).sum()
        assert jackknife[g] == pytest.approx(expected, rel=1e-9)


def test_self_similarity_is_over_the_chunks_that_are_there() -> None:
    gram = gram_of(draw_vectors(11, groups=4, languages=1, slots=10))
    seen = _masks(2, 4, 1, 10, 0.6)
    found = self_estimate_of_seen(gram[:, 0, :, 0, :], seen[:, 0])
    for g in range(4):
        own = np.flatnonzero(seen[g, 0])
        # The same as if there had never been other slots.
        alone = self_estimate(gram[g : g + 1, 0][:, own][:, :, 0][:, :, own])
        assert found.ratio[g] == pytest.approx(alone.ratio[0], rel=1e-10)
        assert found.mean_square[g] == pytest.approx(alone.mean_square[0], rel=1e-10)
        # The jackknife over all slots is larger by (K−1)/K over (n−1)/n, of which one part is taken off.
        assert found.ratio_variance is not None
        assert alone.ratio_variance is not None
        assert 0.8 < found.ratio_variance.total[g] / alone.ratio_variance.total[0] < 1.8


def test_a_copy_stays_a_copy() -> None:
    vectors = draw_vectors(13, groups=5, languages=2, slots=8)
    seen = _masks(3, 5, 1, 8, 0.6)
    vectors = np.repeat(vectors[:, :1], 2, axis=1) * seen[..., None]
    gram = gram_of(vectors)
    pairs = tables(gram, reached=_own(gram, np.repeat(seen, 2, axis=1))).pairs
    np.testing.assert_allclose(pairs["corrected"].astype(float), 1.0, atol=1e-9)


def test_disjoint_experts_are_unseen_and_not_neutral() -> None:
    # Two experts: a reached the first, b the second, c both. Were zeros counted, a and b would surely be at 0.
    vectors = draw_vectors(17, groups=2, languages=3, slots=8, share=0.95)
    seen = np.ones((2, 3, 8), dtype=bool)
    seen[1, 0] = seen[0, 1] = False
    gram = gram_of(vectors * seen[..., None])
    counted = tables(gram.sum(axis=0, keepdims=True))
    assert row(counted.pairs, a="l00", b="l01")["corrected"] == 0
    both = Reached(gram, [[0, 1]], seen)
    found = gram_tables(gram.sum(axis=0, keepdims=True), languages=names(3), groups=["experts"], reached=both)
    pair = row(found.pairs, a="l00", b="l01")
    assert pair["verdict"] == "undetermined"
    assert pair["reason"].startswith(UNSEEN)
    numbers = [c for c in found.pairs if c not in ("a", "b", "group", "metric", "verdict", "reason")]
    assert np.isnan(pair[numbers].astype(float)).all()
    # a and c are compared over the first expert alone.
    first = tables(gram[:1])
    for column in ("cosine", "corrected", "ci_low", "ci_high", "p_value", "transfer_ab", "magnitude_similarity"):
        expected = row(first.pairs, a="l00", b="l02")[column]
        assert row(found.pairs, a="l00", b="l02")[column] == pytest.approx(expected, rel=1e-9), column
    # What all languages ask of all experts is as it was.
    assert_same(found.groups.drop(columns="group"), counted.groups.drop(columns="group"))
    # And expert by expert, the one that a never saw says so.
    each = tables(gram, reached=_own(gram, seen)).pairs
    assert row(each, a="l00", b="l02", group="g1")["reason"] == (
        "unseen: l00 reached it in 0 of 8 chunks; 4 are needed"
    )
    assert row(each, a="l00", b="l02", group="g0")["reason"] == row(first.pairs, a="l00", b="l02")["reason"]


def test_three_chunks_are_too_few_and_four_are_enough() -> None:
    vectors = draw_vectors(19, groups=2, languages=2, slots=8)
    seen = np.ones((2, 2, 8), dtype=bool)
    seen[0, 0, 3:] = seen[1, 0, 4:] = False
    gram = gram_of(vectors * seen[..., None])
    found = tables(gram, reached=_own(gram, seen))
    few, enough = (row(found.pairs, group=g) for g in ("g0", "g1"))
    assert few["reason"] == "unseen: l00 reached it in 3 of 8 chunks; 4 are needed"
    assert np.isnan(row(found.self_, group="g0", language="l00")["self_similarity"])
    assert np.isfinite([enough["cosine"], enough["ci_low"], enough["p_value"]]).all()
    # Its share of the norm is of the gradient that a step takes, whatever was seen.
    shares = found.self_[found.self_["language"] == "l00"]["norm_share"]
    assert list(shares) == [1.0, 1.0]


def test_a_failed_language_is_still_only_that() -> None:
    vectors = draw_vectors(23, groups=2, languages=3, slots=6)
    gram = gram_of(vectors)
    gram[:, 2] = gram[:, :, :, 2] = np.nan
    seen = np.ones((2, 3, 6), dtype=bool)
    seen[:, 2] = False
    found = tables(gram, reached=_own(gram, seen), failed={"l02": "loss not finite"})
    assert set(found.pairs[found.pairs["b"] == "l02"]["reason"]) == {"loss not finite"}
    assert np.isfinite(row(found.pairs, a="l00", b="l01", group="g0")["cosine"])


def test_order_of_languages_and_slots_changes_nothing() -> None:
    vectors, seen = draw_vectors(29, groups=3, languages=2, slots=9), _masks(5, 3, 2, 9, 0.5)
    order = np.random.default_rng(0).permutation(9)
    one, two = (
        tables(gram, reached=_own(gram, mask))
        for gram, mask in (
            (gram_of(vectors * seen[..., None]), seen),
            (gram_of((vectors * seen[..., None])[:, :, order]), seen[:, :, order]),
        )
    )
    assert_same(one.pairs, two.pairs)
    swapped_gram = gram_of((vectors * seen[..., None])[:, ::-1])
    swapped = tables(swapped_gram, reached=_own(swapped_gram, seen[:, ::-1])).pairs
    for column in ("cosine", "corrected", "ci_low", "ci_high", "p_value"):
        np.testing.assert_allclose(one.pairs[column].astype(float), swapped[column].astype(float), atol=1e-9)


def _draw(
    cosine: float, shares: tuple[float, float], slots: int, groups: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Chunk vectors of two languages whose signals have a known cosine and that share half of their noise."""
    rng, size = np.random.default_rng(seed), 50
    signal = np.zeros((2, size))
    signal[0, 0], signal[1, :2] = 1.0, (cosine, np.sqrt(1 - cosine**2))
    common, own = rng.standard_normal((groups, 1, slots, size)), rng.standard_normal((groups, 2, slots, size))
    vectors = signal[None, :, None] + np.sqrt(1 / size) * (common + own) / np.sqrt(2)
    seen = rng.random((groups, 2, slots)) < np.array(shares)[None, :, None]
    return vectors * seen[..., None], seen


@pytest.mark.parametrize("cosine", [0.0, 0.4, 0.9])
@pytest.mark.parametrize(("shares", "slots"), [((0.8, 0.8), 8), ((0.5, 0.5), 16), ((0.35, 0.7), 16)])
def test_planted_cosines_come_out_without_bias_and_inside_their_intervals(
    cosine: float, shares: tuple[float, float], slots: int
) -> None:
    vectors, seen = _draw(cosine, shares, slots, groups=700, seed=41)
    gram = gram_of(vectors)
    pairs = tables(gram, reached=_own(gram, seen)).pairs
    pairs = pairs[~pairs["reason"].str.startswith(UNSEEN) & np.isfinite(pairs["ci_low"].astype(float))]
    assert len(pairs) > 400
    assert abs(pairs["corrected"].clip(-1.5, 1.5).mean() - cosine) < 0.01
    inside = (pairs["ci_low"] <= cosine) & (cosine <= pairs["ci_high"])
    # 0.95 less three standard errors of a share of 400.
    assert inside.mean() > 0.917
    if cosine == 0:
        assert (pairs["p_value"] < 0.05).mean() < 0.07
        assert (pairs["p_value"] < 0.001).mean() < 0.01


def test_over_shared_experts_alone_the_planted_cosine_comes_out() -> None:
    # Of six experts, two are a's alone and two b's alone; on the other two their signals have a cosine of 0.6.
    groups, slots = 200, 12
    shared, seen_shared = zip(*(_draw(0.6, (0.7, 0.9), slots, groups, seed) for seed in (1, 2)), strict=True)
    alone, _ = zip(*(_draw(0.0, (1.0, 1.0), slots, groups, seed) for seed in (3, 4, 5, 6)), strict=True)
    restricted, counted = [], []
    for g in range(groups):
        seen = np.zeros((6, 2, slots), dtype=bool)
        seen[0], seen[1] = seen_shared[0][g], seen_shared[1][g]
        seen[2:4, 0] = seen[4:, 1] = True
        vectors = np.stack([shared[0][g], shared[1][g], *(each[g] for each in alone)]) * seen[..., None]
        gram = gram_of(vectors)
        total = gram.sum(axis=0, keepdims=True)
        found = gram_tables(total, languages=["a", "b"], groups=["experts"], reached=Reached(gram, [range(6)], seen))
        restricted.append(found.pairs.iloc[0])
        counted.append(gram_tables(total, languages=["a", "b"], groups=["experts"]).pairs.iloc[0]["corrected"])
    assert np.mean([each["corrected"] for each in restricted]) == pytest.approx(0.6, abs=0.015)
    assert np.mean([each["ci_low"] <= 0.6 <= each["ci_high"] for each in restricted]) > 0.9
    # With zeros for what was not seen, the same languages look less alike the more experts they do not share.
    assert np.mean(counted) < 0.35


def test_the_error_of_a_sketch_is_that_of_the_experts_that_count() -> None:
    # Sketches of parts, many times: the spread of the cosine is what `sketch_error` says.
    rng = np.random.default_rng(3)
    slots, size, buckets, times = 8, 60, 30, 200
    signal = rng.standard_normal((2, 1, 1, size)) + rng.standard_normal((2, 2, 1, size))
    vectors = signal + 0.5 * rng.standard_normal((2, 2, slots, size))
    seen = np.ones((2, 2, slots), dtype=bool)
    seen[0, 0, 5:] = seen[0, 1, :2] = False
    seen[1, 1] = False
    vectors *= seen[..., None]
    exact = gram_of(vectors)
    values, errors = [], []
    for _ in range(times):
        signs = rng.choice([-1.0, 1.0], (2, size, 1)) * np.eye(buckets)[rng.integers(0, buckets, (2, size))]
        gram = gram_of(np.einsum("plkd,pdb->plkb", vectors, signs))
        sketch = SketchParts(gram, [[0, 1]], np.array([buckets, buckets]))
        options = {"languages": ["a", "b"], "groups": ["experts"], "reached": Reached(gram, [[0, 1]], seen)}
        pair = gram_tables(gram.sum(axis=0, keepdims=True), sketch=sketch, **options).pairs.iloc[0]
        values.append(pair["corrected"])
        errors.append(pair["sketch_error"])
    truth = gram_tables(
        exact.sum(axis=0, keepdims=True),
        languages=["a", "b"],
        groups=["experts"],
        reached=Reached(exact, [[0, 1]], seen),
    ).pairs.iloc[0]["corrected"]
    assert np.nanmean(values) == pytest.approx(truth, abs=0.05)
    assert np.nanmedian(errors) == pytest.approx(np.nanstd(values), rel=0.3)
