"""A policy to begin with, drafted from a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from interfere.check._drafts import DRAFTS, Bound, Change, Words
from interfere.check._gate import run_findings
from interfere.check._policy import Rule, RunDemands, Scalar
from interfere.check._rows import Row, select_rows
from interfere.check._toml import toml_value
from interfere.errors import InputError
from interfere.report import safe_text
from interfere.results import Result

_HEAD = """\
# A policy for `interfere check RUN --policy {file}`, drafted from a run of kind {kind}
# of {model}.
# Every bound is what that run has, with the room that the line above it states. Change what you know better.

schema = 1

[run]
kind = {kind_toml}  # runs of another kind are refused
languages = {languages}  # a run without one of these fails
warnings = "warn"  # the run's own warnings: "ignore" them, "warn", or "error" fails the check

# Of each rule:
#   table, quantity     a table of the run (TABLE.csv) and a column of it; what it is, the report explains
#   at_least, at_most   bounds of a number; of words, such as verdicts: allow = [...] or forbid = [...]
#   uncertainty         "surely" fails a row whose whole 95 % interval is beyond the bound, "estimate" one whose
#                       estimate is, "proven" one that is not wholly within it
#   simultaneous        true widens the intervals so that those of all rows hold at once
#   severity            "error" fails the check (exit code 1), "warn" does not
#   undetermined        rows that cannot be judged: "warn", or "fail"
#   where               columns and values, such as {{ group = "body" }}; text may have * and ?
#   languages, pairs    ["de", "en"] takes rows about these only; [["uk", "*"]] all pairs with uk
#   layers              ["encoder.*"]
#   may_fail            how many rows may fail
#   change              true judges the difference from --baseline instead of the value
# A rule that matches no row fails.
"""

_CHANGE = """
# Against an earlier run (interfere check RUN --policy {file} --baseline EARLIER_RUN):
#
# [[rule]]
# name = {name}
# table = {table}
# quantity = {quantity}
# where = {where}
# change = true
# {bound}
"""


def draft_policy(result: Result, file: str = "interfere-policy.toml") -> str:
    """A commented policy that the run passes, for its kind, with bounds taken from it.

    Args:
        result: a run that has numbers for all of its languages.
        file: what the policy will be called, for its first line.

    Returns:
        TOML.

    Raises:
        InputError: the run is not whole, or of a kind for which nothing is drafted.
    """
    wrong = [each.text for each in run_findings(result, RunDemands()) if each.level == "error"]
    if wrong:
        raise InputError(f"no policy is drafted from a run that would not pass any: {wrong[0]}")
    if result.kind not in DRAFTS:
        raise InputError(f"no policy is drafted from runs of kind {result.kind!r}")
    parts = [
        _HEAD.format(
            file=safe_text(file),
            kind=safe_text(result.kind),
            model=safe_text(str(result.model.get("id"))),
            kind_toml=toml_value(result.kind),
            languages=toml_value(list(result.languages)),
        )
    ]
    for draft in DRAFTS[result.kind]:
        if isinstance(draft, Change):
            parts.append(_change(draft, file))
        elif draft.table in result.tables:
            text = _bound(draft, result) if isinstance(draft, Bound) else _words(draft, result)
            parts += [text] if text else []
    return "".join(parts)


def _bound(draft: Bound, result: Result) -> str:
    # The bound itself plays no part in which rows there are.
    rule = Rule(
        draft.name, draft.table, draft.quantity, at_least=0.0, uncertainty="estimate", where=draft.where,
        layers=draft.layers,
    )  # fmt: skip
    values = [row.value for row in _rows(rule, result) if isinstance(row.value, float) and math.isfinite(row.value)]
    if not values:
        return ""
    low = draft.side == "at_least"
    bound = _outwards(draft.give(min(values) if low else max(values)), down=low)
    lines = {draft.side: toml_value(bound), "uncertainty": toml_value(draft.uncertainty)}
    if draft.severity == "warn":
        lines["severity"] = toml_value(draft.severity)
    extreme = f"{min(values) if low else max(values):.4g}"
    return _written(draft, draft.quantity, lines, {draft.side: f"{draft.room}, which is {extreme}"})


def _words(draft: Words, result: Result) -> str:
    rule = Rule(draft.name, draft.table, "verdict", forbid=(draft.forbid,), where=draft.where)
    rows = _rows(rule, result)
    if all(row.value is None for row in rows):
        return ""
    there = sum(row.value == draft.forbid for row in rows)
    return _written(
        draft,
        "verdict",
        {"forbid": toml_value([draft.forbid]), "may_fail": str(there)},
        {"may_fail": "as many as there are"},
    )


def _rows(rule: Rule, result: Result) -> Sequence[Row]:
    """The rows of a rule; none where this run has not what it is about."""
    missing = {rule.quantity, *rule.where} - set(result.tables[rule.table].columns)
    if missing or not len(result.tables[rule.table]):
        return []
    return select_rows(rule, result).rows


def _written(draft: Bound | Words, quantity: str, lines: Mapping[str, str], notes: Mapping[str, str]) -> str:
    out = [f"\n# {draft.about}", "[[rule]]", f"name = {toml_value(draft.name)}", f"table = {toml_value(draft.table)}"]
    out.append(f"quantity = {toml_value(quantity)}")
    if draft.where:
        out.append(f"where = {_where(draft.where)}")
    if isinstance(draft, Bound) and draft.layers:
        out.append(f"layers = {toml_value(list(draft.layers))}")
    out += [f"{key} = {value}" + (f"  # {notes[key]}" if key in notes else "") for key, value in lines.items()]
    return "\n".join(out) + "\n"


def _change(draft: Change, file: str) -> str:
    text = _CHANGE.format(
        file=safe_text(file),
        name=toml_value(draft.name),
        table=toml_value(draft.table),
        quantity=toml_value(draft.quantity),
        where=_where(draft.where),
        bound=draft.bound,
    )
    return text if draft.where else text.replace("# where = {}\n", "")


def _where(where: Mapping[str, Sequence[Scalar]]) -> str:
    inner = ", ".join(f"{column} = {toml_value(values[0])}" for column, values in where.items())
    return f"{{ {inner} }}" if inner else "{}"


def _outwards(value: float, *, down: bool) -> float:
    """Two significant digits, or two behind the point, whichever is finer, never further in."""
    if value == 0:
        return 0.0
    digits = min(12, max(2, 1 - math.floor(math.log10(abs(value)))))
    unit = 10.0**digits
    if not math.isfinite(value * unit):
        return value
    rounded = (math.floor(value * unit) if down else math.ceil(value * unit)) / unit
    return rounded if (rounded <= value if down else rounded >= value) else value
