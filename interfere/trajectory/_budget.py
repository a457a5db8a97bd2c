"""How much of a training's time may be spent on measuring, and how much was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from interfere.engine import Progress
from interfere.errors import InputError

MARGIN = 1.1
"""A measurement is begun where there is room for this many times what it is expected to take."""


class Budget:
    """A share of the time since the start of a training.

    Args:
        share: of all time, what is spent on measuring included; above 0 and below 1.
        clock: seconds from any beginning.

    Raises:
        InputError: the share is out of its range.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        if not 0 < share < 1:
            raise InputError(f"budget {share}: give a share of the training time between 0 and 1, such as 0.02")
        self.share = share
        self.spent = 0.0
        self._clock = clock
        self._began = clock()
        self._since: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the training."""
        return self._clock() - self._began

    @property
    def used(self) -> float:
        """Seconds that the measurement now running has taken; 0 where none is."""
        return 0.0 if self._since is None else self._clock() - self._since

    @property
    def share_spent(self) -> float:
        """Of all time so far, the share that was spent on measuring."""
        elapsed = self.elapsed
        return (self.spent + self.used) / elapsed if elapsed > 0 else 0.0

    @property
    def room(self) -> float:
        """Seconds that a measurement which began now could take: the x with spent + x = share · (elapsed + x)."""
        begun = self.elapsed - self.used
        return (self.share * begun - self.spent) / (1 - self.share)

    def allows(self, seconds: float) -> bool:
        """Whether a measurement that takes so long may begin now."""
        return MARGIN * seconds <= self.room

    def needed(self, seconds: float) -> float:
        """Of how long a training a measurement that takes so long is no more than the share."""
        return seconds / self.share

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """The time in between counts as spent."""
        self._since = self._clock()
        try:
            yield
        finally:
            self.spent += self._clock() - self._since
            self._since = None


class TooLongError(Exception):
    """A measurement will not fit the budget; it is expected to take so many seconds."""

    def __init__(self, expected: float) -> None:
        super().__init__(expected)
        self.expected = expected


class Watch:
    """Follows a measurement, and stops it once it will not fit the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._phase = ""
        self._first: tuple[float, int] = (0.0, 0)

    def __call__(self, progress: Progress) -> None:
        used = self._budget.used
        if progress.phase != self._phase:
            # What came before the first chunk of a phase is not to be counted for all of them.
            self._phase, self._first = progress.phase, (used, progress.done)
            expected = used
        else:
            began, done = self._first
            expected = used + (used - began) / max(progress.done - done, 1) * (progress.total - progress.done)
        if progress.done < progress.total and expected > self._budget.room:
            raise TooLongError(expected)
