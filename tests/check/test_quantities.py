"""What is declared of tables is what results have; that those made by hand look like real ones is tested with them."""

from __future__ import annotations

import numpy as np
import pytest

from interfere import InputError
from interfere.check import INTERVALS, Rule
from interfere.check._quantities import MAIN, WORDS
from tests.check._runs import ALL, hold


@pytest.mark.parametrize("name", ALL)
def test_every_end_of_an_interval_is_that_of_one_quantity(name: str) -> None:
    result = ALL[name]()
    for table, frame in result.tables.items():
        declared = INTERVALS[result.kind].get(table, {})
        claimed = [column for interval in declared.values() for column in (interval.low, interval.high)]
        ends = [c for c in frame.columns if str(c).endswith(("_low", "_high"))]
        assert sorted(claimed) == sorted(ends) or not len(frame), table
        for quantity, interval in declared.items() if len(frame) else ():
            numbers = frame[[interval.low, quantity, interval.high]].astype(float).dropna()
            assert (np.diff(numbers.to_numpy(), axis=1) >= 0).all(), (table, quantity)
            assert len(numbers), (table, quantity)
            if interval.freedom in ("sources", "seeds"):
                assert interval.freedom in frame.columns


def test_every_declared_table_is_seen_above() -> None:
    seen: dict[str, set[str]] = {}
    for make in ALL.values():
        result = make()
        seen.setdefault(result.kind, set()).update(name for name, frame in result.tables.items() if len(frame))
    for kind, tables in seen.items():
        assert set(INTERVALS[kind]) <= tables
        assert MAIN[kind][0] in tables


@pytest.mark.parametrize("name", ALL)
def test_verdicts_of_results_are_declared(name: str) -> None:
    result = ALL[name]()
    for table, frame in result.tables.items():
        if "verdict" in frame.columns:
            assert set(frame["verdict"]) <= set(WORDS[result.kind][table])


@pytest.mark.parametrize("name", ALL)
def test_any_quantity_of_any_kind_can_be_judged(name: str) -> None:
    result = ALL[name]()
    for table, frame in result.tables.items():
        for column in frame.columns if len(frame) else ():
            numeric = frame[column].map(lambda v: isinstance(v, int | float | np.number)).all()
            condition = {"at_most": 1e12, "uncertainty": "estimate"} if numeric else {"forbid": ["no such word"]}
            if column == "verdict":
                with pytest.raises(InputError, match="no such word"):
                    hold(result, Rule("r", table, column, forbid=["no such word"]))
                continue
            [outcome] = hold(result, Rule("r", table, column, **condition)).outcomes
            assert len(outcome.judged) == len(frame)
            assert not outcome.failing
