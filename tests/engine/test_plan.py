from __future__ import annotations

from collections.abc import Iterator

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


def test_padding_is_weighed_against_another_microbatch() -> None:
    lengths = [100, 100, 10, 10, 10]
    assert Microbatches(None, 2048, overhead=64).plan(lengths) == [[0, 1], [2, 3, 4]]
    assert Microbatches(None, 2048, overhead=300).plan(lengths) == [[0, 1, 2, 3, 4]]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=7), st.integers(1, 200), st.integers(0, 80))
def test_no_other_way_to_cut_is_cheaper(lengths: list[int], budget: int, overhead: int) -> None:
    def cost(batches: list[list[int]]) -> int:
        return sum(len(rows) * lengths[rows[0]] + overhead for rows in batches)

    def ways(order: list[int]) -> Iterator[list[list[int]]]:
        if not order:
            yield []
        for end in range(1, len(order) + 1):
            if end == 1 or end * lengths[order[0]] <= budget:
                for rest in ways(order[end:]):
                    yield [order[:end], *rest]

    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    assert cost(Microbatches(None, budget, overhead).plan(lengths)) == min(cost(way) for way in ways(order))


def test_smaller_microbatches_have_half_the_rows_until_one_is_left() -> None:
    cut = Microbatches(None, 2048)
    assert len(cut.plan([128] * 16)) == 1
    assert (smaller := cut.smaller(16, 128)) is not None
    assert [len(rows) for rows in smaller.plan([128] * 16)] == [8, 8]
    assert (smaller := Microbatches(5).smaller(5, 128)) is not None
    assert smaller.batch_size == 2
    assert Microbatches(5).smaller(1, 128) is None
