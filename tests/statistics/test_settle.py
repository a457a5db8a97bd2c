"""How many more tokens settle a pair: against a plain search, and against draws with that many slots."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics._kernels import Variance
from interfere.statistics._settle import Unsettled, slots_to_settle

from ._checks import Floats, draw_vectors, gram_of, tables


def search(
    corrected: float, spread: Variance, sketch: float, dots: Floats, spreads: list[Variance], extra: Floats, slots: int
) -> float:
    """The first K' by trying one after the other."""
    for k in range(slots + 1, 400):

        def error(v: Variance, s: float, k: int = k) -> float:
            return float(np.sqrt(v.linear[0] * slots / k + v.degenerate[0] * slots * (slots - 1) / (k * (k - 1)) + s))

        t = stats.t.ppf(0.975, k - 1)
        sure = all(dots[i] > t * error(spreads[i], extra[i]) for i in (1, 2))
        half = t * error(spread, sketch)
        found = 2 * stats.t.sf(abs(dots[0]) / error(spreads[0], extra[0]), k - 1) < 0.001
        if sure and (found or min(abs(corrected), 1) + half < 0.05) and (abs(corrected) <= 1 or half <= 0.5):
            return k
    return np.nan


@pytest.mark.parametrize("seed", range(16))
def test_against_a_plain_search(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def draw(scale: float) -> Variance:
        return Variance(scale * rng.random(1), scale * rng.random(1))

    corrected = rng.normal(0, 0.5)
    # Strong cosines and weak languages, so that each of the conditions is the last one in some of the cases.
    dots = np.array([corrected, *rng.choice([0.15, 1.0], 2)])
    spreads = [draw(0.1), draw(0.2), draw(0.2)]
    spread, sketch, extra = draw(0.1), 1e-5 * rng.random(), 1e-5 * rng.random(3)
    expected = search(corrected, spread, sketch, dots, spreads, extra, 6)
    rows = Unsettled(np.array([corrected]), spread, np.array([sketch]), dots[None],
                     (spreads[0], spreads[1], spreads[2]), extra[None])  # fmt: skip
    found = slots_to_settle(rows, slots=6, margin=0.05, confidence=0.95, threshold=0.001)[0]
    if np.isnan(expected):
        assert np.isnan(found) or found >= 400
    elif expected > 206:
        assert expected <= found <= np.ceil(1.02 * expected)
    else:
        assert found == expected


def test_only_undetermined_rows_have_a_number_and_it_is_never_zero() -> None:
    tokens = np.full((3, 8), 50)
    pairs = tables(gram_of(draw_vectors(0, groups=60, slots=8, share=0.3)), tokens=tokens).pairs
    undetermined = pairs["verdict"] == "undetermined"
    assert undetermined.any()
    assert not undetermined.all()
    assert pairs.loc[~undetermined, "tokens_to_settle"].isna().all()
    known = undetermined & pairs["corrected"].notna()
    assert (pairs.loc[known, "tokens_to_settle"] >= 50).all()
    assert (pairs.loc[known, "tokens_to_settle"] % 50 == 0).all()


def test_without_tokens_there_is_no_number() -> None:
    assert tables(gram_of(draw_vectors(0, groups=5))).pairs["tokens_to_settle"].isna().all()


def test_that_many_slots_settle_about_half_of_the_pairs() -> None:
    # An estimate that stays where it is would settle; estimates move, so about half do, and hardly any with none added.
    vectors = draw_vectors(1, groups=300, languages=2, slots=48, size=60, share=0.3)
    few = tables(gram_of(vectors[:, :, :8]), tokens=np.ones((2, 8))).pairs
    moderate = (few["verdict"] == "undetermined") & (few["tokens_to_settle"] <= 40)
    assert moderate.sum() > 50
    more = tables(gram_of(vectors)).pairs["verdict"][moderate]
    assert (more != "undetermined").mean() > 0.4
