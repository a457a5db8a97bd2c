"""A policy: what a run has to be, and rules on its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from interfere.check._names import meant
from interfere.errors import InputError

Uncertainty = Literal["surely", "estimate", "proven"]
Severity = Literal["error", "warn"]
Undetermined = Literal["warn", "fail"]
Warnings = Literal["ignore", "warn", "error"]
Scalar = str | int | float | bool

CHOICES = {
    "uncertainty": ("surely", "estimate", "proven"),
    "severity": ("error", "warn"),
    "undetermined": ("warn", "fail"),
    "warnings": ("ignore", "warn", "error"),
}


@dataclass(frozen=True)
class Rule:
    """A condition on one quantity in some rows of one table.

    Args:
        name: what it is called in every report; no two rules of a policy share one.
        table: of results.json.
        quantity: a column of it, or `transfer` and `transfer_bytes`, which have a direction.
        at_least: what it has to reach.
        at_most: what it may not exceed.
        allow: of words, such as verdicts: those that may stand there.
        forbid: those that may not.
        uncertainty: a row fails only where its estimate and its whole interval are beyond the bound (`surely`), where
            its estimate is (`estimate`), or wherever they are not wholly within it (`proven`).
        simultaneous: whether intervals are widened so that all rows of the rule hold at once at 95 % (Bonferroni).
        severity: whether a broken rule fails the check or is a warning.
        undetermined: whether rows without the number that is needed count as failing, or are a warning.
        where: column → values, of which a row has to have one; text may have `*`, `?` and `[…]`.
        languages: rows about these only.
        pairs: rows about one of these pairs, in either order.
        layers: rows of these groups or layers; `encoder.3` is also `encoder.3/attention`, and the body is none.
        may_fail: how many rows may fail.
        change: whether the difference from the baseline is judged instead of the value.

    Raises:
        InputError: the keys do not go together; the message does not name the rule.
    """

    name: str
    table: str
    quantity: str
    at_least: float | None = None
    at_most: float | None = None
    allow: Sequence[str] | None = None
    forbid: Sequence[str] | None = None
    uncertainty: Uncertainty | None = None
    simultaneous: bool = False
    severity: Severity = "error"
    undetermined: Undetermined | None = None
    where: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    languages: Sequence[str] | None = None
    pairs: Sequence[tuple[str, str]] | None = None
    layers: Sequence[str] | None = None
    may_fail: int = 0
    change: bool = False

    def __post_init__(self) -> None:
        for key in ("name", "table", "quantity"):
            if not getattr(self, key):
                raise InputError(f"{key} is empty")
        for key in ("uncertainty", "severity", "undetermined"):
            _choice(key, getattr(self, key))
        for key in ("at_least", "at_most"):
            value = getattr(self, key)
            if value is not None and not math.isfinite(value):
                raise InputError(f"{key} = {value}: give a finite number")
        for key in ("allow", "forbid", "languages", "pairs", "layers"):
            if getattr(self, key) is not None and not len(getattr(self, key)):
                raise InputError(f"{key} is empty: leave it out, or name something")
        for column, values in self.where.items():
            if not len(values):
                raise InputError(f"where.{column} is empty: leave it out, or name something")
        if self.may_fail < 0:
            raise InputError(f"may_fail = {self.may_fail}: give 0 or more")
        self._check_condition()

    def _check_condition(self) -> None:
        if self.of_words and (self.at_least is not None or self.at_most is not None):
            raise InputError("at_least and at_most are for numbers, allow and forbid for words: give one kind")
        if not self.of_words and self.at_least is None and self.at_most is None:
            raise InputError("there is nothing to hold: give at_least or at_most, or for words allow or forbid")
        if self.allow is not None and self.forbid is not None:
            raise InputError("allow names all words that may be there, forbid those that may not: give one of them")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise InputError(f"nothing is at least {self.at_least:g} and at most {self.at_most:g}")
        if self.of_words and (self.uncertainty is not None or self.simultaneous):
            raise InputError("uncertainty and simultaneous are for intervals, and words such as verdicts have none")
        if self.simultaneous and self.uncertainty == "estimate":
            raise InputError('simultaneous widens intervals, which uncertainty = "estimate" does not look at')
        if self.simultaneous and self.change:
            raise InputError(
                "simultaneous is not for changes, whose table has q-values: forbid their verdicts 'higher' or 'lower'"
            )
        if self.uncertainty == "proven" and self.undetermined == "warn":
            raise InputError('uncertainty = "proven" fails what is undetermined: leave undetermined out')

    @property
    def of_words(self) -> bool:
        """Whether it is about words rather than numbers."""
        return self.allow is not None or self.forbid is not None

    @property
    def fails_undetermined(self) -> bool:
        """Whether rows that cannot be judged count as failing."""
        return self.undetermined == "fail" or self.uncertainty == "proven"


@dataclass(frozen=True)
class RunDemands:
    """What the run as a whole has to be.

    Args:
        kind: of result; None: any.
        languages: that have to be in it.
        warnings: whether the run's own warnings are left out, are shown, or fail the check.
    """

    kind: str | None = None
    languages: Sequence[str] = ()
    warnings: Warnings = "warn"

    def __post_init__(self) -> None:
        _choice("warnings", self.warnings)


@dataclass(frozen=True)
class Policy:
    """Rules, and what they are about.

    Args:
        rules: in the order in which they are reported.
        run: what the run as a whole has to be.
        file: where they were read, for messages.
    """

    rules: Sequence[Rule]
    run: RunDemands = field(default_factory=RunDemands)
    file: str = "the policy"

    def __post_init__(self) -> None:
        if not self.rules:
            raise InputError(f"{self.file}: there is no [[rule]]: a policy without rules would let everything pass")
        names: set[str] = set()
        for rule in self.rules:
            if rule.name in names:
                raise InputError(f"{self.file}: two rules have the name {rule.name!r}")
            names.add(rule.name)


def _choice(key: str, value: str | None) -> None:
    if value is not None and value not in CHOICES[key]:
        raise InputError(f"{key} = {value!r}: {meant(value, CHOICES[key])}")
