from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from interfere.statistics import (
    Damage,
    UnitGroup,
    ablation_tables,
    choose,
    judge_units,
    overlap_table,
    own_units_table,
    profile_table,
    shares,
)
from interfere.statistics._own_units import LEVEL
from interfere.statistics._units import top_count

GROUPS = [UnitGroup("encoder.0", "mlp", "neuron", 0, 40), UnitGroup("encoder.1", "mlp", "neuron", 40, 40)]
LANGUAGES = ["aa", "bb", "cc"]


def _scores(seed: int, slots: int = 16, languages: int = 3) -> np.ndarray:
    """Scores of units that all languages need alike, with noise of units, of slots and of languages' scales."""
    random = np.random.default_rng(seed)
    base = random.lognormal(size=80)
    scale = random.lognormal(size=(languages, slots, 1))
    return base * scale * random.lognormal(sigma=0.4, size=(languages, slots, 80))


def test_shares_sum_to_one_and_scale_does_not_matter():
    scores = _scores(0)
    found = shares(scores, GROUPS)
    np.testing.assert_allclose(found[..., :40].sum(-1), 1)
    np.testing.assert_allclose(shares(scores * 7, GROUPS), found)
    scores[1, :, :40] = 0
    assert (shares(scores, GROUPS)[1, :, :40] == 0).all()
    scores[2] = np.nan
    assert np.isnan(shares(scores, GROUPS)[2]).all()


def test_profiles_are_shares_with_jackknife_intervals():
    scores = _scores(1)
    table = profile_table(scores, GROUPS, LANGUAGES, "fisher")
    sums = np.stack([scores[..., :40].sum(-1), scores[..., 40:].sum(-1)], axis=-1)
    row = table[(table["language"] == "bb") & (table["layer"] == "encoder.1")].iloc[0]
    whole = sums[1].mean(0)[1] / sums[1].mean(0).sum()
    assert row["share"] == pytest.approx(whole)
    left_out = np.array([np.delete(sums[1], k, axis=0).mean(0) for k in range(16)])
    left_out = left_out[:, 1] / left_out.sum(1)
    half = stats.t.ppf(0.975, 15) * np.sqrt(15 / 16 * ((left_out - left_out.mean()) ** 2).sum())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((whole - half, whole + half))
    assert row["units"] == 40
    few = profile_table(scores[:, :3], GROUPS, LANGUAGES, "fisher")
    assert few["ci_low"].isna().all()
    assert few["share"].notna().all()


def test_overlaps_equal_scipy_across_halves():
    values = shares(_scores(2), GROUPS)
    table = overlap_table(values, GROUPS, LANGUAGES, "taylor", 0.1)
    row = table[(table["a"] == "aa") & (table["b"] == "cc") & (table["layer"] == "encoder.1")].iloc[0]
    first, second = values[:, ::2, 40:].mean(1), values[:, 1::2, 40:].mean(1)
    rank = (stats.spearmanr(first[0], second[2])[0] + stats.spearmanr(first[2], second[0])[0]) / 2
    assert row["rank"] == pytest.approx(rank)
    own = [stats.spearmanr(first[i], second[i])[0] for i in (0, 2)]
    assert row["rank_ceiling"] == pytest.approx(np.mean(own))

    def jaccard(a, b):
        one, two = set(np.argsort(-a)[:4]), set(np.argsort(-b)[:4])
        return len(one & two) / len(one | two)

    assert row["top"] == pytest.approx((jaccard(first[0], second[2]) + jaccard(first[2], second[0])) / 2)

    def cosine(a, b):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    assert row["cosine"] == pytest.approx((cosine(first[0], second[2]) + cosine(first[2], second[0])) / 2)
    same = table[table["a"] == table["b"]]
    np.testing.assert_allclose(same["rank"], same["rank_ceiling"])
    assert (table["rank_low"] < table["rank"]).all()
    assert len(table) == 2 * 6


def test_a_planted_unit_is_picked_judged_and_found():
    scores = _scores(3)
    scores[1, :, 45] *= 8
    values = shares(scores, GROUPS)
    chosen = choose(values, GROUPS, 0.1, ("neuron",))
    assert chosen.own[1, 45]
    assert not chosen.own[0, 45]
    table, counts = own_units_table(values, GROUPS, chosen, LANGUAGES, "fisher", logs=True)
    row = table[(table["language"] == "bb") & (table["layer"] == "encoder.1") & (table["unit"] == 5)].iloc[0]
    assert row["own"]
    second = np.log(values[:, 1::2, 40:] + 0.01 / 40)
    p_values = []
    for other in (0, 2):
        apart = second[1] - second[other]
        error = max(apart[:, 5].std(ddof=1), np.median(apart.std(axis=0, ddof=1))) / np.sqrt(8)
        p_values.append(stats.t.sf(apart[:, 5].mean() / error, 7))
    assert row["p_value"] == pytest.approx(max(p_values))
    np.testing.assert_allclose(table["q_value"], stats.false_discovery_control(table["p_value"]))
    assert counts.set_index("language")["picked"].tolist() == [8, 8, 8]
    assert (counts["again_by_chance"] == 8 * 0.1).all()
    assert (counts["own_by_chance"] == LEVEL * counts["own"]).all()


def test_the_core_is_what_every_language_needs():
    scores = _scores(4)
    scores[:, :, 7] *= 30
    scores[0, :, 3] *= 300
    scores[1:, :, 3] /= 100
    chosen = choose(shares(scores, GROUPS), GROUPS, 0.05, ("neuron",))
    assert chosen.core[7]
    assert not chosen.core[3]
    assert chosen.own[0, 3]
    assert chosen.core.sum() == 4


@pytest.mark.parametrize("names", [2, 3])
def test_one_language_under_several_names_has_no_units_of_its_own(names):
    """In at most 5 % of runs, up to chance: 11 or fewer of 200 has a probability of 0.7 where 5 % is the rate."""
    runs = 200
    wrong = 0
    for seed in range(runs):
        values = shares(_scores(1000 + seed, languages=names), GROUPS)
        chosen = choose(values, GROUPS, 0.1, ("neuron",))
        table, _ = own_units_table(values, GROUPS, chosen, LANGUAGES[:names], "fisher", logs=True)
        wrong += bool(table["own"].any())
    assert stats.binomtest(wrong, runs, LEVEL, alternative="greater").pvalue > 0.001


@pytest.mark.parametrize("method", ["activation", "fisher"])
@pytest.mark.parametrize("firings", [0.3, 3.0])
def test_units_that_are_hardly_ever_used_are_nobodys_with_few_slots(method, firings):
    """Counts of few firings have no spread by luck, and some are 0 in all slots."""
    groups = [UnitGroup("encoder.0", "mlp", "neuron", 0, 1000)]
    wrong = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        rates = random.lognormal(np.log(firings), 1, 1000)
        scores = random.poisson(rates, (2, 8, 1000)) / 500
        if method == "fisher":
            scores = scores * random.lognormal(sigma=0.3, size=scores.shape)
        table, _ = judge_units(scores, groups, LANGUAGES[:2], method, 0.1)
        wrong += bool(table["own"].any())
    assert stats.binomtest(wrong, 40, LEVEL, alternative="greater").pvalue > 0.001


def test_damage_beyond_random_and_specificity_in_closed_form():
    random = np.random.default_rng(0)
    base = random.normal(4, 0.1, (3, 8))
    drawn = base + random.normal(0.05, 0.01, (5, 3, 8))
    own = base + random.normal(0.05, 0.01, (3, 3, 8))
    for i in range(3):
        own[i, i] += 0.4 * (i < 2) + random.normal(0, 0.02, 8)
    core = base + 1.0
    table, specific = ablation_tables(Damage(base, own, core, drawn), LANGUAGES)
    row = table[(table["removed"] == "aa") & (table["language"] == "bb")].iloc[0]
    effect = own[0, 1] - base[1]
    assert row["damage"] == pytest.approx(effect.mean())
    low, high = stats.t.interval(0.95, 7, effect.mean(), stats.sem(effect))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
    assert row["beyond_random"] == pytest.approx((own[0, 1] - drawn[:, 1].mean(0)).mean())
    beyond = own[0] - drawn.mean(0)
    apart = beyond[0] - beyond[1:].mean(0)
    first = specific.set_index("language").loc["aa"]
    assert first["specificity"] == pytest.approx(apart.mean())
    both = [stats.ttest_1samp(values, 0, alternative="greater").pvalue for values in (apart, beyond[0])]
    assert first["p_value"] == pytest.approx(max(both))
    assert specific["verdict"].tolist() == ["specific", "specific", "not shown"]
    assert table[table["removed"] == "core"]["damage"].tolist() == pytest.approx([1.0] * 3)


def test_units_whose_removal_only_spares_a_language_are_not_specific():
    random = np.random.default_rng(1)
    base = random.normal(4, 0.1, (3, 8))
    own = base + random.normal(0.5, 0.01, (3, 3, 8))
    own[0, 0] = base[0] + random.normal(0, 0.01, 8)
    own[1, 1] += 0.3
    drawn = base + random.normal(0.1, 0.01, (4, 3, 8))
    own[2, [0, 1]] -= 0.6
    own[2, 2] = base[2] + 0.1 + random.normal(0, 0.01, 8)
    _, specific = ablation_tables(Damage(base, own, base, drawn), LANGUAGES)
    # The third hurts its own language as random units do, and helps the others.
    assert specific["verdict"].tolist() == ["not shown", "specific", "not shown"]
    assert specific["specificity"].iloc[2] > 0.05


def test_a_language_without_numbers_does_not_spoil_the_others():
    scores = _scores(5)
    scores[1] = np.nan
    values = shares(scores, GROUPS)
    chosen = choose(values, GROUPS, 0.1, ("neuron",))
    assert not chosen.own[1].any()
    assert chosen.core.sum() == 8
    table, _ = own_units_table(values, GROUPS, chosen, LANGUAGES, "fisher", logs=True)
    assert set(table["language"]) == {"aa", "cc"}
    assert table["p_value"].notna().all()
    base = np.full((3, 8), 4.0)
    base[1] = np.nan
    own = np.broadcast_to(base, (3, 3, 8)) + np.random.default_rng(0).normal(0, 0.1, (3, 3, 8))
    _, specific = ablation_tables(Damage(base, own, base + 1, base + np.zeros((2, 3, 8))), LANGUAGES)
    assert specific.set_index("language")["verdict"]["bb"] == "undetermined"
    assert specific.set_index("language")["specificity"].notna().tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("count", "q", "expected"), [(12, 0.1, 1), (4, 0.1, 0), (256, 0.1, 26), (2, 0.9, 1), (1, 0.9, 0)]
)
def test_how_many_units_are_the_top(count, q, expected):
    assert top_count(count, q) == expected
