"""Every quantity against a computation by explicit loops over vectors, slots and deleted slots."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import GROUP_COLUMNS, PAIR_COLUMNS, SELF_COLUMNS
from interfere.statistics._corrected import corrected_cosine
from interfere.statistics._kernels import combine, covariance, kernel, strict_variance, variance
from interfere.statistics._verdicts import next_threshold, q_values

from . import _checks
from ._checks import Floats, draw_vectors, gram_of, names, row, tables


def dot(x: Floats, y: Floats) -> float:
    """Mean inner product over different slots, by loops; x and y are (K, D)."""
    return float(np.mean([x[k] @ y[n] for k, n in permutations(range(len(x)), 2)]))


def without(x: Floats, slot: int) -> Floats:
    return np.delete(x, slot, axis=0)


@pytest.fixture(scope="module")
def vectors() -> Floats:
    return draw_vectors(0, groups=2, languages=3, slots=6)


def test_the_columns_are_the_promised_ones(vectors: Floats) -> None:
    result = tables(gram_of(vectors))
    assert tuple(result.pairs.columns) == PAIR_COLUMNS
    assert tuple(result.self_.columns) == SELF_COLUMNS
    assert tuple(result.groups.columns) == GROUP_COLUMNS
    assert [len(result.pairs), len(result.self_), len(result.groups)] == [6, 6, 2]
    assert list(result.pairs["a"][:3]) == ["l00", "l00", "l01"]
    assert list(result.pairs["group"]) == ["g0"] * 3 + ["g1"] * 3


def test_pairs_by_loops(vectors: Floats) -> None:
    rng = np.random.default_rng(1)
    tokens, bytes_ = rng.integers(50, 100, (3, 6)), rng.integers(200, 400, (3, 6))
    result = tables(gram_of(vectors), tokens=tokens, bytes_=bytes_)
    per_byte = tokens.sum(axis=1) / bytes_.sum(axis=1)
    for g in range(2):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            x, y = vectors[g, a], vectors[g, b]
            found = row(result.pairs, group=f"g{g}", a=names(3)[a], b=names(3)[b])
            xx, yy, xy = dot(x, x), dot(y, y), dot(x, y)
            unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y)]
            assert found["cosine"] == pytest.approx(dot(*unit))
            assert found["transfer_ab"] == pytest.approx(xy / yy)
            assert found["transfer_ba"] == pytest.approx(xy / xx)
            # Per byte: both gradients times their tokens per byte, then the same ratio.
            bx, by = x * per_byte[a], y * per_byte[b]
            assert found["transfer_bytes_ab"] == pytest.approx(dot(bx, by) / dot(by, by))
            assert found["transfer_bytes_ba"] == pytest.approx(dot(bx, by) / dot(bx, bx))
            assert found["magnitude_similarity"] == pytest.approx(2 * np.sqrt(xx * yy) / (xx + yy))
            # The correction for bias is a small part of the interval.
            half = (found["ci_high"] - found["ci_low"]) / 2
            assert abs(found["corrected"] - xy / np.sqrt(xx * yy)) < 0.5 * half
            assert (found["ci_high"] + found["ci_low"]) / 2 == pytest.approx(found["corrected"])


def test_the_ratio_below_the_bias_correction(vectors: Floats) -> None:
    gram = gram_of(vectors)
    a, b, ab = (kernel(gram[:, i, :, j]) for i, j in ((0, 0), (1, 1), (0, 1)))
    plain = corrected_cosine(a, b, ab, debias=False)
    for g in range(2):
        x, y = vectors[g, 0], vectors[g, 1]
        expected = dot(x, y) / np.sqrt(dot(x, x) * dot(y, y))
        assert plain.value[g] == pytest.approx(expected)
        assert corrected_cosine(a, b, ab).plain[g] == pytest.approx(expected)


def test_the_jackknife_by_deleting_slots(vectors: Floats) -> None:
    gram = gram_of(vectors)
    x, y = vectors[0, 0], vectors[0, 1]
    xx, xy = kernel(gram[:, 0, :, 0]), kernel(gram[:, 0, :, 1])
    slots = len(x)
    left = np.array([dot(without(x, k), without(y, k)) for k in range(slots)])
    right = np.array([dot(without(x, k), without(x, k)) for k in range(slots)])
    expected = (slots - 1) / slots * ((left - left.mean()) * (right - right.mean())).sum()
    assert covariance(xy, xx)[0][0] == pytest.approx(expected)
    expected = (slots - 1) / slots * ((left - left.mean()) ** 2).sum()
    assert covariance(xy, xy)[0][0] == pytest.approx(expected)


def test_p_values_from_the_jackknife(vectors: Floats) -> None:
    result = tables(gram_of(vectors))
    for g in range(2):
        x, y = vectors[g, 0], vectors[g, 1]
        slots = len(x)
        left = np.array([dot(without(x, k), without(y, k)) for k in range(slots)])
        # The jackknife's (K−1)/K times the test's K/(K−1).
        error = np.sqrt(((left - left.mean()) ** 2).sum())
        expected = 2 * stats.t.sf(abs(dot(x, y)) / error, slots - 1)
        assert row(result.pairs, group=f"g{g}", a="l00", b="l01")["p_value"] == pytest.approx(expected)


def test_the_variance_is_the_jackknife_of_the_ratio_where_slots_are_many() -> None:
    # With slight noise the ratio is linear in it, and deleting slots from the ratio itself must agree.
    x, y = draw_vectors(3, languages=2, slots=40, share=0.95)[0]
    gram = gram_of(np.stack([x, y])[None])
    found = row(tables(gram).pairs, a="l00", b="l01")
    ratios = []
    for k in range(40):
        u, v = without(x, k), without(y, k)
        ratios.append(dot(u, v) / np.sqrt(dot(u, u) * dot(v, v)))
    error = np.sqrt(39 / 40 * np.sum((np.array(ratios) - np.mean(ratios)) ** 2))
    half = (found["ci_high"] - found["ci_low"]) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, 39) * error, rel=0.06)


def test_u_centring_is_unbiased_for_the_noise_part() -> None:
    # Products of pure noise in D dimensions: h(k,k') = <x_k, x_k'>, whose variance is D.
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20_000, 5, 3)) + np.array([0.7, 0.0, 0.0])
    blocks = np.einsum("gkd,gnd->gkn", x, x)
    _, degenerate = covariance(kernel(blocks), kernel(blocks))
    expected = 2 * 3 / (5 * 4)
    spread = degenerate.std() / np.sqrt(len(degenerate))
    assert degenerate.mean() == pytest.approx(expected, abs=4 * spread)
    # And the whole: the variance of dot(l,l) is 4 zeta1/K + 2 zeta2/(K(K-1)), with zeta1 = |mu|^2.
    parts = kernel(blocks)
    jackknife, _ = covariance(parts, parts)
    spread = jackknife.std() / np.sqrt(len(jackknife))
    assert jackknife.mean() == pytest.approx(4 * 0.49 / 5 + 4 * 3 / (5 * 3), abs=4 * spread)
    assert parts.mean.var() == pytest.approx(4 * 0.49 / 5 + expected, rel=0.05)


def test_variances_are_ordered(vectors: Floats) -> None:
    h = kernel(gram_of(vectors)[:, 0, :, 1])
    jackknife, degenerate = covariance(h, h)
    np.testing.assert_allclose(variance(h).total, np.maximum(jackknife - degenerate, degenerate))
    np.testing.assert_allclose(strict_variance(h).total, 6 / 5 * np.maximum(jackknife, degenerate))


def test_kernels_add_up(vectors: Floats) -> None:
    gram = gram_of(vectors)
    x, y = gram[:, 0, :, 1], gram[:, 1, :, 2]
    weight = np.array([2.0, -3.0])
    together = combine((weight, kernel(x)), (0.5, kernel(y)))
    expected = kernel(weight[:, None, None] * x + 0.5 * y)
    np.testing.assert_allclose(together.mean, expected.mean)
    np.testing.assert_allclose(together.rows, expected.rows, atol=1e-12)
    assert together.centred is not None
    np.testing.assert_allclose(together.centred, expected.centred, atol=1e-12)


def test_self_table_by_loops(vectors: Floats) -> None:
    rng = np.random.default_rng(2)
    tokens, loss, documents = rng.integers(5, 50, (3, 6)), rng.random((3, 6)), rng.integers(1, 4, (3, 6))
    reference = np.array([2.0, 5.0, 40.0])
    result = tables(gram_of(vectors), tokens=tokens, loss=loss, documents=documents, reference=reference)
    for g in range(2):
        for a in range(3):
            x = vectors[g, a]
            found = row(result.self_, group=f"g{g}", language=names(3)[a])
            squares = (x**2).sum(axis=1)
            assert found["self_similarity"] == pytest.approx(dot(x, x) / squares.mean())
            assert found["norm"] == pytest.approx(np.sqrt(dot(x, x)))
            assert found["norm_share"] == pytest.approx(squares.mean() / reference[a])
            assert found["loss"] == pytest.approx(np.average(loss[a], weights=tokens[a]))
            assert found["tokens"] == tokens[a].sum()
            assert found["documents"] == documents[a].sum()
            assert found["ci_low"] < found["self_similarity"] < found["ci_high"]
    assert tables(gram_of(vectors)).self_["norm_share"].eq(1).all()


def test_group_table_by_loops(vectors: Floats) -> None:
    mixture = np.array([3.0, 1.0, 0.0])
    result = tables(gram_of(vectors), mixture=mixture, parameters=[10, 20])
    for g in range(2):
        dots = np.array([[dot(x, y) for y in vectors[g]] for x in vectors[g]])
        w = mixture / 4
        assert result.groups["common_share"][g] == pytest.approx(dots.mean() / np.diag(dots).mean())
        assert result.groups["mixture_residual"][g] == pytest.approx((w @ dots @ w) / (w @ np.diag(dots)))
        centring = np.eye(3) - 1 / 3
        centred = centring @ dots @ centring
        for a, b in ((0, 1), (0, 2), (1, 2)):
            expected = centred[a, b] / np.sqrt(centred[a, a] * centred[b, b])
            found = row(result.pairs, group=f"g{g}", a=names(3)[a], b=names(3)[b])
            assert found["centred"] == pytest.approx(expected)
    assert list(result.groups["parameters"]) == [10, 20]
    assert result.groups["sketch_size"].isna().all()
    assert result.groups["sketch_error"].eq(0).all()


def test_q_values_are_benjamini_hochberg() -> None:
    p = np.random.default_rng(0).random(50) ** 3
    p[[4, 9]] = np.nan
    tested = p[np.isfinite(p)]
    q = q_values(p)
    assert np.isnan(q[[4, 9]]).all()
    np.testing.assert_allclose(q[np.isfinite(p)], stats.false_discovery_control(tested))
    # Step-up by its definition: the largest i with p_(i) <= alpha i/m.
    ordered = np.sort(tested)
    passing = [i + 1 for i in range(48) if ordered[i] <= 0.05 * (i + 1) / 48]
    assert (q <= 0.05).sum() == max(passing, default=0)
    assert next_threshold(q, 0.05) == pytest.approx(0.05 * (max(passing, default=0) + 1) / 48)


def test_one_call_is_one_family(vectors: Floats) -> None:
    pairs = tables(gram_of(vectors)).pairs
    np.testing.assert_allclose(pairs["q_value"], stats.false_discovery_control(pairs["p_value"]))


@pytest.mark.parametrize("seed", range(3))
def test_properties(seed: int) -> None:
    gram = gram_of(draw_vectors(seed, groups=3, languages=4, slots=8, share=0.3))
    _checks.check_slots_are_exchangeable(gram)
    _checks.check_languages_are_exchangeable(gram)
    _checks.check_scale_is_free(gram)
    _checks.check_language_scale_is_free(gram)
