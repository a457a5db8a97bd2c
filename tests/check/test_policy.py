from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfere import InputError
from interfere.check import Policy, Rule, parse_policy, read_policy
from interfere.check._read import _RULE
from interfere.check._toml import toml_value

RULE = '[[rule]]\nname = "r"\ntable = "pairs"\nquantity = "corrected"\nat_least = -0.1\n'


def test_a_policy_is_read(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    text = (
        'schema = 1\n[run]\nkind = "gradients"\nlanguages = ["de"]\nwarnings = "error"\n'
        + RULE
        + 'where = { group = "body", width = [16, 32], zero_shot = false }\npairs = [["de", "*"]]\nseverity = "warn"\n'
    )
    file.write_bytes(text.replace("\n", "\r\n").encode())
    policy = read_policy(file)
    assert (policy.run.kind, policy.run.languages, policy.run.warnings) == ("gradients", ("de",), "error")
    [rule] = policy.rules
    assert rule.where == {"group": ("body",), "width": (16, 32), "zero_shot": (False,)}
    assert rule.pairs == (("de", "*"),)
    assert (rule.at_least, rule.severity, rule.uncertainty) == (-0.1, "warn", None)


def test_every_field_of_a_rule_is_a_key() -> None:
    assert set(_RULE) == {each.name for each in fields(Rule)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["schema is missing"]),
        ("schema = 2\n" + RULE, ["schema = 2"]),
        ("schema = true\n" + RULE, ["schema = True"]),
        ("schema = 1\n", ["no [[rule]]"]),
        ("schema = 1\nrule = 3\n", ["[[rule]]"]),
        ("schema = 1\nrule = [3]\n", ["rule 1", "keys and values"]),
        ("schema = 1\nrun = 3\n" + RULE, ["[run]"]),
        ("schema = 1\n[rul]\n", ["'rul'", "did you mean 'rule'?"]),
        ("schema = 1\n[run]\nwarnings = 'eror'\n" + RULE, ["[run]", "'eror'", "did you mean 'error'?"]),
        ("schema = 1\n" + RULE + "at_lest = 1\n", ["rule 1 ('r')", "'at_lest'", "did you mean 'at_least'?"]),
        ("schema = 1\n" + RULE + "at_most = '1'\n", ["rule 1", "at_most", "a number"]),
        ("schema = 1\n" + RULE + "at_most = true\n", ["at_most", "a number"]),
        ("schema = 1\n" + RULE + "at_most = nan\n", ["at_most", "finite"]),
        ("schema = 1\n" + RULE + "at_most = inf\n", ["at_most", "finite"]),
        ("schema = 1\n" + RULE + "at_most = 1" + "0" * 400 + "\n", ["at_most", "too large"]),
        ("schema = 1\n" + RULE + "at_most = -1\n", ["at least -0.1 and at most -1"]),
        ("schema = 1\n" + RULE + "uncertainty = 'sure'\n", ["'sure'", "'surely'"]),
        ("schema = 1\n" + RULE + "severity = 'warning'\n", ["severity", "'warn'"]),
        ("schema = 1\n" + RULE + "languages = 'de'\n", ["languages", "list of texts"]),
        ("schema = 1\n" + RULE + "languages = []\n", ["languages is empty"]),
        ("schema = 1\n" + RULE + "pairs = [['de']]\n", ["pairs", "list of pairs"]),
        ("schema = 1\n" + RULE + "where = { group = [] }\n", ["where.group is empty"]),
        ("schema = 1\n" + RULE + "where = { group = 2020-01-01 }\n", ["where.group"]),
        ("schema = 1\n" + RULE + "may_fail = -1\n", ["may_fail"]),
        ("schema = 1\n" + RULE + "may_fail = 0.5\n", ["may_fail", "whole number"]),
        ("schema = 1\n" + RULE + "forbid = ['conflict']\n", ["give one kind"]),
        ("schema = 1\n" + RULE.replace("at_least = -0.1\n", ""), ["at_least or at_most"]),
        ("schema = 1\n" + RULE + "simultaneous = true\nuncertainty = 'estimate'\n", ["simultaneous"]),
        ("schema = 1\n" + RULE + "simultaneous = true\nchange = true\n", ["simultaneous", "q-values"]),
        ("schema = 1\n" + RULE + "undetermined = 'warn'\nuncertainty = 'proven'\n", ["proven"]),
        ("schema = 1\n" + RULE + RULE, ["two rules have the name 'r'"]),
        ("schema = 1\n" + RULE.replace('name = "r"\n', ""), ["rule 1", "name is missing"]),
        ("schema = 1\n" + RULE.replace('"r"', '""'), ["name is empty"]),
        ("schema = \n", ["not valid TOML", "line 1"]),
        ("a = " + "[" * 5000, ["not valid TOML"]),
    ],
)
def test_mistakes_are_named(text: str, said: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        parse_policy(text, "p.toml")
    for part in ("p.toml", *said):
        assert part in str(raised.value)


def test_a_file_that_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--init"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_policy(tmp_path)
    (tmp_path / "b.toml").write_bytes(b"schema = 1\n\xff")
    with pytest.raises(InputError, match="UTF-8"):
        read_policy(tmp_path / "b.toml")


SCALARS = st.one_of(
    st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=4), st.sampled_from(["surely", "*"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)
KEYS = st.sampled_from([*sorted(_RULE), "schema", "other"])


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_value(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return toml_value(value)  # type: ignore[arg-type]


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=3), st.dictionaries(KEYS, VALUES, max_size=3))
def test_any_document_is_a_policy_or_a_message(rules: list[dict[str, object]], run: dict[str, object]) -> None:
    text = f"schema = 1\nrun = {_toml(run)}\nrule = {_toml(rules)}\n"
    said = ""
    try:
        assert isinstance(parse_policy(text, "p.toml"), Policy)
    except InputError as error:
        said = str(error)
    assert not said or said.startswith("p.toml")
    assert "not valid TOML" not in said
