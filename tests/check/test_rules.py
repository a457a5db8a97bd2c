from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interfere import InputError
from interfere.check import CheckReport, Outcome, Rule
from interfere.statistics import Crossed, gram_tables, paired_delta
from tests.check._runs import KINDS, hold, pairs_of
from tests.report._results import constant, layers, make_result
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment

NUMBERS = st.one_of(st.floats(-1, 1), st.none(), st.just(math.nan), st.sampled_from([-0.1, 0.0, 0.1]))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6)
BOUNDS = st.one_of(st.floats(-1, 1), st.sampled_from([-0.1, 0.0, 0.1]))
MODES = st.sampled_from(["surely", "estimate", "proven"])


def rule(**keys: Any) -> Rule:
    return Rule(**{"name": "r", "table": "pairs", "quantity": "corrected", **keys})


def only(report: CheckReport) -> Outcome:
    [outcome] = report.outcomes
    return outcome


@settings(max_examples=50)
@given(ROWS, BOUNDS, st.floats(0, 1), MODES, st.sampled_from(["at_least", "at_most"]), st.integers(0, 2))
def test_to_loosen_a_bound_never_breaks_a_rule(
    rows: list[Any], bound: float, by: float, mode: str, side: str, may_fail: int
) -> None:
    looser = bound - by if side == "at_least" else bound + by
    result = pairs_of(rows)
    keys: dict[str, Any] = {"uncertainty": mode, "may_fail": may_fail}
    tight, loose = (hold(result, rule(**{side: each}, **keys)) for each in (bound, looser))
    assert loose.passed or not tight.passed
    for a, b in zip(only(tight).judged, only(loose).judged, strict=True):
        assert b.status == "pass" or a.status != "pass"
        assert b.status != "fail" or a.status == "fail"


@settings(max_examples=50)
@given(ROWS, BOUNDS, BOUNDS)
def test_what_is_proven_passes_by_estimate_and_what_passes_by_estimate_is_not_surely_broken(
    rows: list[Any], one: float, two: float
) -> None:
    result, bounds = pairs_of(rows), {"at_least": min(one, two), "at_most": max(one, two)}
    passing = []
    for mode in ("proven", "estimate", "surely"):
        judged = only(hold(result, rule(**bounds, uncertainty=mode))).judged
        passing.append({i for i, each in enumerate(judged) if each.status == "pass"})
    assert passing[0] <= passing[1] <= passing[2]


@settings(max_examples=50)
@given(ROWS, BOUNDS, MODES, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[Any], bound: float, mode: str, random: Any) -> None:
    result = pairs_of(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = replace(result, tables={**result.tables, "pairs": result.pairs.iloc[order].reset_index(drop=True)})
    one, two = (only(hold(each, rule(at_least=bound, uncertainty=mode))) for each in (result, shuffled))
    assert (one.status, one.level) == (two.status, two.level)
    assert {(j.row.place, j.status, j.reason) for j in one.judged} == {
        (j.row.place, j.status, j.reason) for j in two.judged
    }


@pytest.mark.parametrize(
    ("row", "mode", "status"),
    [
        ((-0.3, -0.4, -0.2), "surely", "fail"),
        ((-0.2, -0.4, 0.0), "surely", "pass"),
        ((-0.2, -0.4, 0.0), "estimate", "fail"),
        ((-0.2, -0.4, 0.0), "proven", "undetermined"),
        ((0.0, -0.2, 0.2), "proven", "undetermined"),
        ((0.2, 0.1, 0.3), "proven", "pass"),
        ((0.2, None, None), "proven", "undetermined"),
        ((-0.2, None, None), "surely", "undetermined"),
        ((0.2, None, None), "surely", "pass"),
        ((None, None, None), "surely", "undetermined"),
        ((None, None, None), "estimate", "undetermined"),
        ((math.inf, -1.0, math.inf), "estimate", "undetermined"),
        ((-0.1, -0.2, 0.0), "estimate", "pass"),
        ((-0.3, -0.4, -0.1), "surely", "pass"),
    ],
)
def test_what_an_interval_says_of_a_bound(row: Any, mode: str, status: str) -> None:
    outcome = only(hold(pairs_of([row, (0.5, 0.4, 0.6)]), rule(at_least=-0.1, uncertainty=mode)))
    assert outcome.judged[0].status == status
    mirrored = tuple(None if v is None else -v for v in (row[0], row[2], row[1]))
    same = only(hold(pairs_of([mirrored, (-0.5, -0.6, -0.4)]), rule(at_most=0.1, uncertainty=mode)))
    if row[0] != math.inf:
        assert same.judged[0].status == status


def test_what_cannot_be_judged_never_passes_in_silence() -> None:
    some, none = pairs_of([(0.5, 0.4, 0.6), (None, None, None)]), pairs_of([(None, None, None)])
    report = hold(some, rule(at_least=0.0))
    assert report.passed
    assert (only(report).status, only(report).level) == ("undetermined", "warning")
    assert only(report).judged[1].reason == "no signal"
    assert not hold(some, rule(at_least=0.0, undetermined="fail")).passed
    assert not hold(some, rule(at_least=0.0, uncertainty="proven")).passed
    assert not hold(none, rule(at_least=0.0)).passed
    assert hold(none, rule(at_least=0.0, severity="warn")).passed
    assert hold(some, rule(at_least=0.0, undetermined="fail", may_fail=1)).passed


def test_severity_and_rows_that_may_fail() -> None:
    result = pairs_of([(-0.5, -0.6, -0.4), (-0.4, -0.5, -0.3), (0.1, 0.0, 0.2)])
    assert not hold(result, rule(at_least=0.0, may_fail=1)).passed
    assert hold(result, rule(at_least=0.0, may_fail=2)).passed
    warned = hold(result, rule(at_least=0.0, severity="warn"))
    assert warned.passed
    assert (only(warned).status, only(warned).level, warned.count("warning")) == ("fail", "warning", 1)
    worst = only(warned).worst
    assert worst is not None
    assert worst.row.value == -0.5


def test_words() -> None:
    result = make_result(["de", "en", "uk"], constant(-0.5, "conflict"), [])
    assert not hold(result, rule(quantity="verdict", forbid=["conflict"])).passed
    assert hold(result, rule(quantity="verdict", allow=["conflict"])).passed
    assert hold(result, rule(quantity="verdict", forbid=["conflict"], may_fail=3)).passed
    with pytest.raises(InputError, match=r"'conflic' is no verdict.*did you mean 'conflict'"):
        hold(result, rule(quantity="verdict", forbid=["conflic"]))
    with pytest.raises(InputError, match="is text: give allow or forbid"):
        hold(result, rule(quantity="verdict", at_most=1.0, uncertainty="estimate"))
    empty = result.pairs.assign(verdict=None)
    assert only(
        hold(replace(result, tables={**result.tables, "pairs": empty}), rule(quantity="verdict", forbid=["conflict"]))
    ).rows("undetermined")


def places(result: Any, **keys: Any) -> list[str]:
    keys = {"at_least": -9.0, "uncertainty": "estimate", **keys}
    return [each.row.place for each in only(hold(result, rule(**keys))).judged]


def test_the_scope_of_a_rule() -> None:
    result = make_result(["de", "en", "uk", "zh[tw]"], groups=[*layers(2), "encoder.1/attention"])
    assert len(places(result)) == 6 * 4
    assert places(result, where={"group": ["body"]}, languages=["de", "en"]) == ["de–en, body"]
    assert places(result, layers=["encoder.0"], pairs=[("uk", "*")]) == [
        f"{pair}, encoder.0" for pair in ("de–uk", "en–uk", "uk–zh[tw]")
    ]
    assert places(result, where={"group": ["body"]}, pairs=[("en", "de"), ("zh[tw]", "uk")]) == [
        "de–en, body",
        "uk–zh[tw], body",
    ]
    assert len(places(result, layers=["*"])) == 6 * 3
    assert len(places(result, layers=["encoder.1"])) == 6 * 2
    assert len(places(result, layers=["encoder.?/att*"])) == 6


def test_a_direction_is_two_rows_a_pair() -> None:
    result = make_result(["de", "en", "uk"], groups=[])
    result.pairs["transfer_ab"], result.pairs["transfer_ba"] = [0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]
    judged = only(hold(result, rule(quantity="transfer", at_least=0.0, uncertainty="estimate"))).judged
    found = {each.row.place: each.row.value for each in judged}
    assert found == {
        "de → en, body": 0.1, "en → de, body": -0.1, "de → uk, body": 0.2, "uk → de, body": -0.2,
        "en → uk, body": 0.3, "uk → en, body": -0.3,
    }  # fmt: skip
    assert places(result, quantity="transfer", where={"target": ["uk"]}) == ["de → uk, body", "en → uk, body"]
    assert len(places(result, quantity="transfer_ba")) == 3


def test_mixtures_of_an_experiment() -> None:
    result = make_experiment(["de", "en", "uk"])
    keys: dict[str, Any] = {"table": "deltas", "quantity": "relative"}
    assert places(result, **keys, where={"kind": ["pair"]}, pairs=[("uk", "de")]) == [
        "de with uk, de+uk, pair",
        "uk with de, de+uk, pair",
    ]
    assert all(place.startswith("de with") for place in places(result, **keys, languages=["de"]))
    assert places(result, **keys, where={"kind": ["half"]}, pairs=[("de", "de/half")])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"where": {"group": ["encoder.9"]}}, "where.group = 'encoder.9' is in no row; there are body, encoder.0"),
        ({"where": {"group": ["body", "encoder.9"]}}, "'encoder.9' is in no row"),
        ({"layers": ["encoder.0", "decoder.*"]}, "layers: no row is in 'decoder.*'; there are encoder.0"),
        ({"layers": ["body"]}, "layers: no row is in 'body'"),
        ({"pairs": [("de", "de")]}, "pairs: no row is about 'de' and 'de'"),
        ({"languages": ["de"]}, "languages: no row is about de only"),
        ({"languages": ["x*"]}, "languages: no row is about 'x*'"),
        ({"layers": ["*"], "where": {"group": ["body"]}}, "no row has all of them"),
    ],
)
def test_a_rule_that_matches_nothing_fails_even_as_a_warning(keys: Any, said: str) -> None:
    result = make_result(["de", "en", "uk"])
    report = hold(result, rule(at_least=-9.0, severity="warn", **keys))
    assert not report.passed
    assert only(report).status == "no match"
    assert said in only(report).missing.replace("'body', 'encoder.0'", "body, encoder.0")


def test_a_rule_on_an_empty_table_matches_nothing() -> None:
    result = make_experiment(["de", "en"], conflict=False)
    empty = replace(
        result, tables={**result.tables, "conflict": pd.DataFrame(columns=["a", "b", "corrected", "ci_low", "ci_high"])}
    )
    report = hold(empty, rule(table="conflict", at_least=-1.0))
    assert not report.passed
    assert only(report).missing == "the table conflict is empty"


SHARE = {"table": "groups", "quantity": "common_share", "uncertainty": "estimate"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"table": "pair"}, "table 'pair' is not in this run of kind gradients; did you mean 'pairs'"),
        ({"quantity": "correct"}, "no quantity 'correct'; did you mean 'corrected'"),
        ({"quantity": "centred"}, "'centred' has no interval in table 'pairs'"),
        ({"quantity": "centred", "uncertainty": "proven"}, 'uncertainty = "estimate"'),
        ({"where": {"grup": ["body"]}}, "no column 'grup'; did you mean 'group'"),
        ({"languages": ["ed"]}, "language 'ed' is not in the run"),
        ({"pairs": [("de", "uk2")]}, "language 'uk2' is not in the run; did you mean 'uk'"),
        ({**SHARE, "languages": ["de"]}, "about no language"),
        ({"table": "self", "quantity": "self_similarity", "pairs": [("de", "en")]}, "about no pair"),
        ({"table": "chunks", "quantity": "loss"}, "'chunks' is not in this run"),
    ],
)
def test_a_rule_that_does_not_fit_the_run_is_an_error(keys: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        hold(make_result(["de", "en", "uk"]), rule(at_least=-1.0, **keys))
    assert said in str(raised.value)
    assert "rule 'r'" in str(raised.value)


def test_a_column_that_holds_no_numbers_is_damage() -> None:
    result = pairs_of([(0.5, 0.4, 0.6)])
    broken = result.pairs.assign(corrected=[[1]])
    with pytest.raises(InputError, match="damaged"):
        hold(replace(result, tables={**result.tables, "pairs": broken}), rule(at_least=0.0))


def test_simultaneous_intervals_of_gradients_are_those_of_a_higher_level() -> None:
    rng = np.random.default_rng(0)
    languages, slots = ["de", "en", "uk"], 12
    vectors = rng.normal(size=(3, slots, 300)) + 2 * rng.normal(size=(3, 1, 300))
    gram = np.einsum("lkv,mnv->lkmn", vectors, vectors)[None]
    tables = [
        gram_tables(gram, languages=languages, groups=["body"], confidence=level) for level in (0.95, 1 - 0.05 / 3)
    ]
    result = replace(
        make_result(languages), settings={"chunks": slots}, tables={"pairs": tables[0].pairs, "self": tables[0].self_}
    )
    for table, quantity, wide in (
        ("pairs", "corrected", tables[1].pairs),
        ("self", "self_similarity", tables[1].self_),
    ):
        judged = only(hold(result, rule(table=table, quantity=quantity, at_least=-9.0, simultaneous=True))).judged
        np.testing.assert_allclose([each.row.low for each in judged], wide["ci_low"].astype(float), rtol=1e-9)
        np.testing.assert_allclose([each.row.high for each in judged], wide["ci_high"].astype(float), rtol=1e-9)


def test_simultaneous_intervals_of_deltas_are_those_of_a_higher_level() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(50, 200, 40).astype(float)
    bits, other = sizes * rng.normal(2.0, 0.2, 40), sizes * rng.normal(1.8, 0.2, 40)
    sources = np.arange(40)
    result = make_deltas(["de", "en", "uk", "zh"])
    for quantity, which in (("delta", 0), ("relative", 1)):
        plain, wide = (paired_delta(bits, sizes, other, sizes, sources, level)[which] for level in (0.95, 1 - 0.05 / 4))
        low, high = ("ci_low", "ci_high") if quantity == "delta" else ("relative_ci_low", "relative_ci_high")
        frame = result.tables["deltas"].assign(
            **{quantity: plain.value, low: plain.low, high: plain.high, "sources": 40}
        )
        own = replace(result, tables={**result.tables, "deltas": frame})
        row = only(hold(own, rule(table="deltas", quantity=quantity, at_most=9.0, simultaneous=True))).judged[0].row
        assert (row.low, row.high) == pytest.approx((wide.low, wide.high), rel=1e-9)


def test_simultaneous_intervals_over_seeds_and_documents_are_on_the_safe_side() -> None:
    rng = np.random.default_rng(2)
    parts = Crossed.of(rng.normal(size=(4, 1)) * 0.3 + rng.normal(size=(1, 50)) + rng.normal(size=(4, 50)))
    factor = stats.t.isf(0.025 / 7, 3) / stats.t.isf(0.025, 3)
    assert parts.half_width(0.05) * factor >= parts.half_width(0.05 / 7)
    result = make_experiment(["de", "en", "uk"], ["half", "clone", "all"])
    plain, wide = (
        only(hold(result, rule(table="deltas", quantity="delta", at_most=9.0, simultaneous=both))).judged
        for both in (False, True)
    )
    widening = stats.t.isf(0.025 / len(plain), 2) / stats.t.isf(0.025, 2)
    for a, b in zip(plain, wide, strict=True):
        assert isinstance(a.row.value, float)
        assert b.row.high - a.row.value == pytest.approx((a.row.high - a.row.value) * widening)


def test_simultaneous_is_refused_where_degrees_of_freedom_are_not_known() -> None:
    with pytest.raises(InputError, match="degrees of freedom"):
        hold(
            KINDS["deltas"](),
            rule(table="quality", quantity="bits_per_byte", at_most=9.0, simultaneous=True),
        )
