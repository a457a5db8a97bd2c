"""Rules about what changed since a baseline, on real runs of the bundled checkpoint and of one with other weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from interfere import (
    GradientSettings,
    InputError,
    analyze_gradients,
    checkpoint_from_model,
    compare_results,
    read_policy,
)
from interfere.bundled import bundled_checkpoint, bundled_corpus
from interfere.check import CheckReport, Policy, Rule, check_result
from interfere.results import Result
from tests.comparison.results import some_deltas

ROOT = Path(__file__).parents[2]
WORSE = "No language gets worse"
SETTINGS = GradientSettings(chunks=6, tokens_per_chunk=48, mask_passes=1)


def gradients(noise: float, languages: list[str]) -> Result:
    checkpoint = bundled_checkpoint()
    model = checkpoint.model
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += noise * parameter.std(correction=0) * torch.randn_like(parameter)
    corpus = {name: [d.text for d in bundled_corpus().documents[name]][:60] for name in languages}
    return analyze_gradients(checkpoint_from_model(model, checkpoint.tokenizer), corpus, settings=SETTINGS)


@pytest.fixture(scope="module")
def before() -> Result:
    return gradients(0.0, ["de", "en", "ru"])


@pytest.fixture(scope="module")
def after() -> Result:
    return gradients(0.5, ["de", "en", "ru"])


def rule(**keys: Any) -> Rule:
    return Rule(**{"name": "r", "table": "pairs", "quantity": "corrected", "change": True, **keys})


def check(before: Result, after: Result, *rules: Rule) -> CheckReport:
    return check_result(after, Policy(list(rules)), before)


def test_a_run_against_itself_has_not_changed(before: Result) -> None:
    report = check(before, before, rule(at_least=0.0, at_most=0.0, uncertainty="estimate"))
    [outcome] = report.outcomes
    assert report.passed
    assert {each.row.value for each in outcome.judged} == {0.0}


def test_rows_intervals_and_verdicts_are_those_of_the_comparison(before: Result, after: Result) -> None:
    changes = compare_results(before, after).tables["changes"]
    own = changes[(changes["table"] == "pairs") & (changes["quantity"] == "corrected") & (changes["group"] == "body")]
    bound = float(own["ci_high"].astype(float).min()) + 1e-6
    numbers = rule(at_least=bound, where={"group": ["body"]})
    words = rule(name="w", forbid=["lower"], where={"group": ["body"]})
    outcome, verdicts = check(before, after, numbers, words).outcomes
    assert len(outcome.judged) == len(own) == 3
    for judged, row in zip(outcome.judged, own.to_dict("records"), strict=True):
        assert judged.row.place == f"{row['a']}–{row['b']}, body"
        assert (judged.row.value, judged.row.low, judged.row.high) == (row["difference"], row["ci_low"], row["ci_high"])
    assert outcome.status == "fail"
    assert len(outcome.failing) == (own["ci_high"].astype(float) < bound).sum()
    assert len(verdicts.failing) == (own["verdict"] == "lower").sum()


def test_one_direction_of_transfer(before: Result, after: Result) -> None:
    changes = compare_results(before, after).tables["changes"]
    body = changes[(changes["quantity"] == "transfer_ba") & (changes["group"] == "body")]
    wanted = body[(body["a"] == "de") & (body["b"] == "ru")]["difference"].iloc[0]
    one = rule(quantity="transfer", at_least=-99.0, where={"group": ["body"], "source": ["ru"], "target": ["de"]})
    [outcome] = check(before, after, one).outcomes
    assert [(each.row.place, each.row.value) for each in outcome.judged] == [("ru → de, body", wanted)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"table": "tensors", "quantity": "norm_share"}, "nothing of table 'tensors' is compared"),
        ({"quantity": "p_value"}, "'p_value' of table 'pairs' is not compared"),
        ({"where": {"width": [16]}}, "no column 'width'"),
        ({"where": {"method": ["taylor"]}}, "no column 'method'"),
    ],
)
def test_what_is_not_compared_is_an_error(before: Result, keys: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check(before, before, rule(at_least=0.0, **keys))


def test_a_baseline_goes_with_rules_about_changes(before: Result) -> None:
    with pytest.raises(InputError, match=r"rule 'r': it is about a change.*--baseline"):
        check_result(before, Policy([rule(at_least=0.0)]))
    with pytest.raises(InputError, match="no rule has `change = true`"):
        check(before, before, rule(at_least=0.0, change=False))
    with pytest.raises(InputError, match=r"'lowr' is no verdict.*did you mean 'lower'"):
        check(before, before, rule(forbid=["lowr"]))


def test_a_language_that_the_baseline_has_and_the_run_lacks_fails(before: Result) -> None:
    report = check(before, gradients(0.0, ["de", "en"]), rule(at_least=-9.0))
    assert not report.passed
    assert [finding.text for finding in report.findings if finding.level == "error"] == [
        "the run lacks the language 'ru', which the baseline has"
    ]
    [outcome] = report.outcomes
    assert outcome.judged or "cannot be compared" in outcome.missing


def test_a_run_without_numbers_is_not_compared_and_says_so(before: Result) -> None:
    empty = replace(before, languages=[], tables={name: table.iloc[:0] for name, table in before.tables.items()})
    report = check(before, empty, rule(at_least=-9.0))
    assert not report.passed
    [outcome] = report.outcomes
    assert outcome.status == "no match"
    assert "the baseline and the run cannot be compared" in outcome.missing


def test_runs_that_cannot_be_compared_are_an_error(before: Result) -> None:
    from tests.report.test_deltas_results import make_deltas

    other = make_deltas(["de", "en", "ru"])
    with pytest.raises(InputError, match="the baseline and the run cannot be compared"):
        check(before, other, Rule("r", "quality", "bits_per_byte", at_most=0.01, change=True))


@pytest.mark.parametrize(("drift", "worse"), [(0.0, []), (0.005, []), (0.2, ["de, multilingual"]), (-0.2, [])])
def test_no_language_worse_than_the_baseline_by_more_than_so_many_bits(drift: float, worse: list[str]) -> None:
    def run(drift: float) -> Result:
        result = some_deltas(drift=drift)
        result.tables["quality"]["lost_share"] = 0.0
        return result

    policy = read_policy(ROOT / "docs" / "examples" / "check-deltas.toml")
    report = check_result(run(drift), policy, run(0.0))
    outcomes = {outcome.rule.name: outcome for outcome in report.outcomes}
    surely, proven = (outcomes[name] for name in (WORSE, "German and English are proven not to get worse"))
    assert [each.row.place for each in surely.failing] == worse
    assert len(surely.judged) == 3
    assert [each.row.place for each in proven.failing] == worse
