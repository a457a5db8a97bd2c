from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfere import InputError
from interfere.check import check_result, draft_policy, parse_policy
from interfere.check._draft import _outwards
from tests.check._runs import HOSTILE, KINDS
from tests.report._importance import make_importance
from tests.report._results import constant, make_result
from tests.report.test_deltas_results import make_deltas

# What no file in UTF-8 can hold apart, a name may be anything.
NAMES = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=6), min_size=2, max_size=4, unique=True)


@pytest.mark.parametrize("name", KINDS)
def test_a_run_passes_the_policy_that_is_drafted_from_it(name: str) -> None:
    result = KINDS[name]()
    text = draft_policy(result)
    policy = parse_policy(text)
    assert len(policy.rules) >= 2
    assert policy.run.kind == result.kind
    assert list(policy.run.languages) == list(result.languages)
    report = check_result(result, policy)
    assert report.passed
    assert all(outcome.status == "pass" for outcome in report.outcomes)


@settings(max_examples=25)
@given(NAMES, st.floats(-2, 2), st.sampled_from(["conflict", "aligned", "undetermined"]), st.text(max_size=20))
def test_whatever_the_names_and_numbers_are(names: list[str], value: float, verdict: str, model: str) -> None:
    result = make_result(names, constant(value, verdict), ["encoder.0"], model_id=model)
    assert check_result(result, parse_policy(draft_policy(result, f"{model}.toml"))).passed


@settings(max_examples=25)
@given(st.floats(-1e3, 1e3), st.floats(0, 0.5))
def test_whatever_the_differences_are(value: float, width: float) -> None:
    result = make_deltas(["de", "en"], relative=lambda model, language: value / 1e4, width=width)
    assert check_result(result, parse_policy(draft_policy(result))).passed


def test_hostile_names_stay_inside_their_quotes() -> None:
    result = make_result(HOSTILE, model_id="m\n[[rule]]\nname = 'x'")
    text = draft_policy(result, "p\n.toml")
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert tomllib.loads(text)["run"]["languages"] == sorted(HOSTILE)
    assert check_result(result, parse_policy(text)).passed
    assert make_importance(HOSTILE)
    assert check_result(make_importance(HOSTILE), parse_policy(draft_policy(make_importance(HOSTILE)))).passed


def test_the_change_that_is_drafted_as_a_comment_is_a_rule() -> None:
    for name in ("gradients", "importance", "deltas"):
        lines = draft_policy(KINDS[name]()).splitlines()
        start = lines.index("# [[rule]]")
        own = [line.removeprefix("# ") for line in lines[start:] if line.startswith("# ")]
        [rule] = parse_policy("\n".join(["schema = 1", *own[: own.index("change = true") + 2]])).rules
        assert rule.change


def test_no_policy_is_drafted_from_a_run_that_is_not_whole() -> None:
    with pytest.raises(InputError, match="de has no numbers"):
        draft_policy(make_importance(["de", "en"], failed=["de"]))


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_bounds_are_rounded_outwards(value: float, down: bool) -> None:
    rounded = _outwards(value, down=down)
    assert rounded <= value if down else rounded >= value
    assert abs(rounded - value) <= max(0.11 * abs(value), 0.011)
