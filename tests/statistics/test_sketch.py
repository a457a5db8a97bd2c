"""The sketch variance against sketches that the test draws by itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import SketchParts
from interfere.statistics._sketch import SketchVariance

from ._checks import Floats, draw_vectors, gram_of, row, tables

SEEDS = 2000
SIZES = (150.0, 90.0, np.inf)
SPLIT = (40, 65)


def count_sketch(rng: np.random.Generator, vectors: Floats, buckets: int) -> Floats:
    """(..., D) vectors in `buckets` buckets: one random bucket and sign a coordinate."""
    size = vectors.shape[-1]
    matrix = np.zeros((size, buckets))
    matrix[np.arange(size), rng.integers(buckets, size=size)] = rng.choice([-1.0, 1.0], size=size)
    return vectors @ matrix


@pytest.fixture(scope="module")
def vectors() -> Floats:
    """(2, 5, 80): two languages, five slots; coordinates 0–39, 40–64, 65–79 are three parts."""
    return draw_vectors(4, languages=2, slots=5, size=80, share=0.4)[0]


@pytest.fixture(scope="module")
def sketched(vectors: Floats) -> Floats:
    """(3 parts, seeds, L, K, L, K) Grams after sketching, the third part exact."""
    rng = np.random.default_rng(0)
    grams = []
    for part, size in zip(np.split(vectors, SPLIT, axis=-1), SIZES, strict=True):
        if np.isfinite(size):
            grams.append(gram_of(np.stack([count_sketch(rng, part, int(size)) for _ in range(SEEDS)])))
        else:
            grams.append(np.repeat(gram_of(part[None]), SEEDS, axis=0))
    return np.stack(grams)


def off_mean(block: Floats) -> Floats:
    slots = block.shape[-1]
    return (block.sum(axis=(-1, -2)) - np.einsum("...kk->...", block)) / (slots * (slots - 1))


def test_sketches_are_unbiased_and_their_variance_is_the_reported_one(vectors: Floats, sketched: Floats) -> None:
    exact = gram_of(vectors[None])
    total = sketched.sum(axis=0)
    # The variance is asked for once with the exact Grams of the parts, so that it is a number and not an estimate.
    parts = np.concatenate([gram_of(p[None]) for p in np.split(vectors, SPLIT, axis=-1)])
    reported = SketchVariance(SketchParts(parts, [[0, 1, 2]], np.array(SIZES)))
    pair = reported.pair(0, 1)
    weights = (0.3, -1.0, 0.7)
    blocks = [(0, 0), (0, 1), (1, 1)]
    statistic = sum(w * off_mean(total[:, i, :, j]) for w, (i, j) in zip(weights, blocks, strict=True))
    truth = sum(w * off_mean(exact[:, i, :, j])[0] for w, (i, j) in zip(weights, blocks, strict=True))
    expected = pair.of(*weights)[0]
    assert np.mean(statistic) == pytest.approx(truth, abs=4 * np.sqrt(expected / SEEDS))
    # The standard error of a variance from 2,000 draws is 3 %; three of them, and the dropped −2Σx²y² of the formula.
    assert np.var(statistic) == pytest.approx(expected, rel=0.12)
    for w, (i, j) in zip(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), blocks, strict=True):
        assert np.var(off_mean(total[:, i, :, j])) == pytest.approx(pair.of(*w)[0], rel=0.12)
    squares = np.einsum("gkk->gk", total[:, 0, :, 0]).mean(axis=1)
    square = np.einsum("kk->k", exact[0, 0, :, 0]).mean()
    ratio = off_mean(exact[:, 0, :, 0]) / square
    variance = reported.self_similarity(0, ratio, np.array([square]))[0]
    assert np.var(off_mean(total[:, 0, :, 0]) / squares) == pytest.approx(variance, rel=0.15)


def test_the_reported_error_of_the_corrected_cosine_is_honest(vectors: Floats, sketched: Floats) -> None:
    groups = SEEDS
    flat = np.concatenate(list(sketched))
    members = [[g, groups + g, 2 * groups + g] for g in range(groups)]
    sizes = np.repeat(SIZES, groups)
    result = tables(sketched.sum(axis=0), sketch=SketchParts(flat, members, sizes))
    exact = tables(gram_of(vectors[None])).pairs["corrected"][0]
    error = result.groups["sketch_error"].to_numpy()
    z = (result.pairs["corrected"].to_numpy() - exact) / error
    assert 0.93 <= np.mean(np.abs(z) <= stats.norm.ppf(0.975)) <= 0.97
    assert result.groups["sketch_size"].eq(90).all()


def test_the_sketch_widens_intervals_and_weakens_tests(vectors: Floats) -> None:
    gram = gram_of(vectors[None])
    plain = tables(gram)
    wide = tables(gram, sketch=SketchParts(gram, [[0]], np.array([40.0])))
    exact = tables(gram, sketch=SketchParts(gram, [[0]], np.array([np.inf])))
    assert wide.pairs["ci_high"][0] - wide.pairs["ci_low"][0] > plain.pairs["ci_high"][0] - plain.pairs["ci_low"][0]
    assert wide.pairs["p_value"][0] > plain.pairs["p_value"][0]
    assert (wide.self_["ci_high"] - wide.self_["ci_low"] > plain.self_["ci_high"] - plain.self_["ci_low"]).all()
    # The half width is t √(v + sketch variance): Pythagoras.
    quantile = stats.t.ppf(0.975, 4)
    halves = [(t.pairs["ci_high"][0] - t.pairs["ci_low"][0]) / 2 / quantile for t in (plain, wide)]
    assert halves[1] ** 2 == pytest.approx(halves[0] ** 2 + wide.groups["sketch_error"][0] ** 2)
    assert exact.pairs.equals(plain.pairs)
    assert exact.groups["sketch_error"][0] == 0
    assert np.isnan(exact.groups["sketch_size"][0])


def test_the_error_is_zero_where_it_cancels() -> None:
    # A clone's cosine is 1 in any sketch.
    vectors = draw_vectors(0, languages=2, slots=6, share=0.9)
    vectors[:, 1] = 2 * vectors[:, 0]
    gram = gram_of(vectors)
    result = tables(gram, sketch=SketchParts(gram, [[0]], np.array([200.0])))
    assert row(result.groups, group="g0")["sketch_error"] == pytest.approx(0, abs=1e-7)


def test_groups_use_their_own_parts() -> None:
    gram = gram_of(draw_vectors(0, groups=3, languages=3, slots=6))
    sizes = np.array([50.0, 200.0, np.inf])
    whole = np.concatenate([gram, gram.sum(axis=0, keepdims=True)])
    result = tables(whole, sketch=SketchParts(gram, [[0], [1], [2], [0, 1, 2]], sizes))
    alone = tables(gram[1:2], sketch=SketchParts(gram[1:2], [[0]], sizes[1:2]))
    assert result.groups["sketch_error"][1] == pytest.approx(alone.groups["sketch_error"][0])
    np.testing.assert_array_equal(result.groups["sketch_size"], [50, 200, np.nan, 50])
    assert result.groups["sketch_error"][2] == 0


def test_a_language_without_sure_signal_does_not_own_the_error() -> None:
    vectors = draw_vectors(0, languages=3, slots=6)
    vectors[:, 2] = np.random.default_rng(1).standard_normal(vectors[:, 2].shape)
    gram = gram_of(vectors)
    both = tables(gram[:, :2, :, :2], sketch=SketchParts(gram[:, :2, :, :2], [[0]], np.array([100.0])))
    result = tables(gram, sketch=SketchParts(gram, [[0]], np.array([100.0])))
    assert result.pairs["verdict"][1:].eq("undetermined").all()
    assert result.pairs["sketch_error"][1:].isna().all()
    assert result.groups["sketch_error"][0] == pytest.approx(both.groups["sketch_error"][0])


def test_a_failed_language_leaves_no_error() -> None:
    gram = gram_of(draw_vectors(0, languages=3, slots=6))
    gram[:, 0] = gram[:, :, :, 0] = np.nan
    result = tables(gram, failed={"l00": "x"}, sketch=SketchParts(gram, [[0]], np.array([100.0])))
    assert result.groups["sketch_error"][0] > 0


def test_parts_that_do_not_fit_are_named() -> None:
    gram = gram_of(draw_vectors(0))
    with pytest.raises(ValueError, match="sketch"):
        tables(gram, sketch=SketchParts(gram, [[0], [0]], np.array([10.0])))
    with pytest.raises(ValueError, match="sketch"):
        tables(gram, sketch=SketchParts(gram[:, :2], [[0]], np.array([10.0])))
