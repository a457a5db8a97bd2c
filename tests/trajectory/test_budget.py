from __future__ import annotations

import random

import pytest

from interfere.engine import Progress
from interfere.errors import InputError
from interfere.trajectory._budget import Budget, TooLongError, Watch


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("share", [0.0, 1.0, -1, 2])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(InputError, match="share"):
        Budget(share)


@pytest.mark.parametrize("share", [0.01, 0.02, 0.3])
def test_measurements_that_are_allowed_stay_within_the_share(share: float) -> None:
    # Whatever the steps take, and though a measurement takes up to a tenth longer than the last one did.
    random_ = random.Random(int(1000 * share))
    clock = Clock()
    budget = Budget(share, clock)
    measured = 0
    for _ in range(3000):
        clock.now += random_.uniform(0.1, 2)
        if budget.allows(5.0):
            with budget.measuring():
                clock.now += random_.uniform(4.5, 5.5)
            measured += 1
        assert budget.share_spent <= share + 1e-12
    assert measured > 0.8 * share * clock.now / 5.5


def test_room_is_what_a_measurement_may_take_that_begins_now() -> None:
    clock = Clock()
    budget = Budget(0.1, clock)
    clock.now += 90
    assert budget.room == pytest.approx(10)
    with budget.measuring():
        clock.now += 4
        assert budget.used == pytest.approx(4)
        assert budget.room == pytest.approx(10)
        clock.now += 6
    assert budget.share_spent == pytest.approx(0.1)
    assert budget.room == pytest.approx(0)
    assert budget.needed(10) == pytest.approx(100)


def test_a_measurement_that_fails_has_taken_its_time() -> None:
    clock = Clock()
    budget = Budget(0.5, clock)
    clock.now += 10

    def fail() -> None:
        with budget.measuring():
            clock.now += 3
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert budget.spent == pytest.approx(3)
    assert budget.used == 0


def test_a_measurement_is_stopped_when_what_is_left_does_not_fit() -> None:
    def chunks(count: int, seconds: float) -> float:
        """A measurement after 90 s at a share of 0.1, which leaves 10 s; how long it took."""
        clock = Clock()
        budget = Budget(0.1, clock)
        clock.now += 90
        with budget.measuring():
            watch = Watch(budget)
            clock.now += 2  # before the first chunk
            for done in range(1, count + 1):
                clock.now += seconds
                watch(Progress("gradients", done, count, ""))
            return budget.used

    assert chunks(8, 1.0) == pytest.approx(10)
    with pytest.raises(TooLongError) as stopped:
        chunks(20, 1.0)
    # The second chunk tells how long one takes: 4 s so far, and 18 chunks to come.
    assert stopped.value.expected == pytest.approx(22)
