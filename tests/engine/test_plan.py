from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interfere.engine import Microbatches


@given(st.lists(st.integers(1, 600), max_size=60), st.one_of(st.none(), st.integers(1, 9)), st.integers(1, 4096))
def test_every_example_once_longest_first_within_the_budget(
    lengths: list[int], batch_size: int | None, budget: int
) -> None:
    plan = Microbatches(batch_size, budget).plan(lengths)
    assert sorted(i for rows in plan for i in rows) == list(range(len(lengths)))
    flat = [lengths[i] for rows in plan for i in rows]
    assert flat == sorted(flat, reverse=True)
    for rows in plan:
        if batch_size is not None:
            assert len(rows) <= batch_size
        elif len(rows) > 1:
            assert len(rows) * max(lengths[i] for i in rows) <= budget


def test_batch_size_fills_batches() -> None:
    assert [len(rows) for rows in Microbatches(4).plan([5] * 10)] == [4, 4, 2]
