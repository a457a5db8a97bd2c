"""A run against a policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interfere.check._gate import Finding, run_findings
from interfere.check._policy import Policy, Rule
from interfere.check._read import read_policy
from interfere.check._rows import Selection, select_rows
from interfere.check._verdict import Level, Outcome, judge_rule
from interfere.comparison import compare_results
from interfere.errors import InputError
from interfere.results import Result


@dataclass(frozen=True)
class CheckReport:
    """What became of a policy.

    Args:
        kind: of the run.
        model: its model's name.
        policy: the policy's file.
        findings: on the run as a whole.
        outcomes: one for each rule.
        baseline: the model of the run that changes are counted from; None without one.
    """

    kind: str
    model: str
    policy: str
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    baseline: str | None = None

    def count(self, level: Level) -> int:
        """How many rules and findings are errors, or warnings."""
        levels = [each.level for each in self.findings] + [each.level for each in self.outcomes]
        return levels.count(level)

    @property
    def passed(self) -> bool:
        """Whether nothing fails it; warnings do not."""
        return not self.count("error")


def check_result(result: Result, policy: Policy | str | Path, baseline: Result | None = None) -> CheckReport:
    """Hold a run against a policy.

    Args:
        result: the run, of any kind.
        policy: from `read_policy`, or its file.
        baseline: an earlier run of the same analysis, for rules about changes.

    Raises:
        InputError: the policy is wrong or does not fit the run, a baseline is missing, not needed or cannot be
            compared with the run, or the run is damaged.
    """
    policy = policy if isinstance(policy, Policy) else read_policy(policy)
    about_changes = [rule for rule in policy.rules if rule.change]
    if about_changes and baseline is None:
        raise InputError(
            f"{policy.file}, rule {about_changes[0].name!r}: it is about a change, so it needs an earlier run: give "
            "--baseline"
        )
    if baseline is not None and not about_changes:
        raise InputError(f"{policy.file}: no rule has `change = true`, so --baseline would be ignored: leave it out")
    try:
        return _checked(result, policy, baseline)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A run may come from anyone, and its tables hold what JSON can hold.
        raise InputError(f"the run is damaged ({type(error).__name__}: {error})") from error


def _checked(result: Result, policy: Policy, baseline: Result | None) -> CheckReport:
    findings = run_findings(result, policy.run, baseline)
    changes, refused = None, ""
    if baseline is not None:
        try:
            compared = compare_results(baseline, result, names=("the baseline", "the run"))
        except InputError as error:
            # Of a run that is not whole, that is said first, and no surprise.
            if all(each.level != "error" for each in findings):
                raise
            refused = str(error)
        else:
            changes = compared.tables["changes"]
            if policy.run.warnings != "ignore":
                findings += [Finding("warning", f"of the comparison: {line}") for line in compared.warnings]

    def judge(rule: Rule) -> Outcome:
        return judge_rule(
            rule, Selection([], missing=refused) if rule.change and refused else select_rows(rule, result, changes)
        )

    try:
        outcomes = [judge(rule) for rule in policy.rules]
    except InputError as error:
        raise InputError(f"{policy.file}: {error}") from None
    return CheckReport(
        kind=result.kind,
        model=str(result.model.get("id")),
        policy=policy.file,
        findings=tuple(findings),
        outcomes=tuple(outcomes),
        baseline=None if baseline is None else str(baseline.model.get("id")),
    )
