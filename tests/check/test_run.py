"""Whether a run is whole, before any rule."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfere import InputError
from interfere.check import Policy, Rule, RunDemands, check_result, junit_xml, markdown_summary
from interfere.results import Result
from tests.check._runs import KINDS
from tests.report._importance import make_importance
from tests.report._results import make_result
from tests.report.test_deltas_results import make_deltas

PASSES = Rule("r", "pairs", "corrected", at_least=-9.0)


def findings(result: Result, rule: Rule = PASSES, **demands: object) -> list[tuple[str, str]]:
    report = check_result(result, Policy([rule], RunDemands(**demands)))  # type: ignore[arg-type]
    assert report.passed == (not any(finding.level == "error" for finding in report.findings))
    return [(finding.level, finding.text) for finding in report.findings]


def test_a_whole_run_has_no_findings() -> None:
    assert findings(make_result(["de", "en"]), kind="gradients", languages=["de"]) == []


def test_a_language_without_numbers_fails_whatever_the_rules_say() -> None:
    warned = make_result(
        ["de", "en", "uk"],
        rho=lambda i: float("nan") if i == 1 else 0.5,
        warnings=["en has no numbers: the loss of document 3 is not finite."],
    )
    found = findings(warned, Rule("r", "pairs", "verdict", forbid=["conflict"], may_fail=99))
    assert ("error", "en has no numbers: the loss of document 3 is not finite") in found
    shares = Rule("r", "layers", "share", at_most=1.0)
    assert findings(make_importance(["de", "en"], failed=["de"]), shares) == [("error", "de has no numbers")]
    quality = Rule("r", "quality", "bits_per_byte", at_most=99.0)
    assert ("error", "uk has no numbers") in findings(make_deltas(["de", "uk"], failed=["uk"]), quality)


def test_a_language_that_is_asked_for_and_missing_fails() -> None:
    [(level, text)] = findings(make_result(["de", "en"]), languages=["de", "uk"])
    assert level == "error"
    assert "'uk'" in text


def test_warnings_of_the_run() -> None:
    result = make_result(["de", "en"], warnings=["text is short"])
    assert findings(result) == [("warning", "text is short")]
    assert findings(result, warnings="error") == [("error", "text is short")]
    assert findings(result, warnings="ignore") == []


def test_a_run_of_another_kind_is_an_error() -> None:
    with pytest.raises(InputError, match="'deltas', and the run is of kind 'gradients'"):
        findings(make_result(["de", "en"]), kind="deltas")
    with pytest.raises(InputError, match="did you mean 'gradients'"):
        findings(make_result(["de", "en"]), kind="gradient")
    with pytest.raises(InputError, match="'poems' cannot be checked"):
        findings(replace(make_result(["de", "en"]), kind="poems"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(-2, 2) | st.sampled_from(["de", "body", "x", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
RULES = [
    PASSES,
    Rule("w", "pairs", "verdict", forbid=["conflict"], where={"group": ["body"], "cosine": [0.5]}),
    Rule("l", "pairs", "corrected", at_most=0.0, layers=["*"], pairs=[("de", "*")], simultaneous=True),
    Rule("t", "pairs", "transfer", at_most=0.0, uncertainty="estimate", languages=["de", "en"]),
]


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(["a", "group", "corrected", "ci_low", "verdict", "reason", "cosine"]), JSON), JSON
)
def test_a_run_that_holds_anything_is_judged_or_an_error(cells: dict[str, object], chunks: object) -> None:
    whole = make_result(["de", "en", "uk"])
    pairs = whole.pairs.astype(object)
    for column, value in cells.items():
        pairs.at[1, column] = value
    run = replace(whole, tables={**whole.tables, "pairs": pairs}, settings={"chunks": chunks})
    with contextlib.suppress(InputError):
        report = check_result(run, Policy(RULES))
        assert markdown_summary(report)
        assert junit_xml(report)


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_run_fails_and_a_damaged_one_is_an_error(name: str) -> None:
    whole = KINDS[name]()
    table = "quality" if whole.kind in ("deltas", "experiment") else next(iter(whole.tables))
    column = next(c for c in whole.tables[table].columns if "score" in c or c in ("bits_per_byte", "corrected"))
    rule = Rule("r", table, column, at_most=9e9, uncertainty="estimate")
    assert all(level == "warning" for level, _ in findings(whole, rule))
    empty = replace(whole, tables={key: frame.iloc[:0] for key, frame in whole.tables.items()})
    assert ("error", "the run is empty: no language was measured") in findings(empty, rule)
    with pytest.raises(InputError, match="damaged"):
        findings(replace(whole, tables={}), rule)
    without = {key: frame.drop(columns=["ci_low"], errors="ignore") for key, frame in whole.tables.items()}
    with pytest.raises(InputError, match=r"no 'ci_low' in its table .* damaged"):
        findings(replace(whole, tables=without), rule)
