"""Several processes that compute one run, as `torchrun` starts them: who does what, and what they tell each other.

They share a folder, in which every chunk is a file that one of them writes. Beside that they exchange a few numbers:
sums of Gram matrices, second moments of the calibration text, and what the first of them has decided.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from interfere.errors import InterfereError, RunError

if TYPE_CHECKING:
    import torch

_T = TypeVar("_T")
_Key = TypeVar("_Key")


def own_gpu() -> str | None:
    """The GPU of this process where several share a machine, in PyTorch's words; None where there is none."""
    import torch

    if not torch.cuda.is_available():
        return None
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, and which of them this is.

    Args:
        rank: this one's number.
        count: how many there are; with one nothing is exchanged.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """Those of PyTorch's default process group; one where there is none."""
        import torch

        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return cls()
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    def decide(self, decision: Callable[[], _T]) -> _T:
        """What the first process decides, told to all.

        Args:
            decision: run in the first process alone; what it returns must be picklable.

        Raises:
            InterfereError: the first process raised it; in all.
        """
        if self.count == 1:
            return decision()
        from torch import distributed

        told: list[Any] = [None]
        if self.rank == 0:
            try:
                told = [(decision(), None)]
            except InterfereError as error:
                told = [(None, error)]
        _talk(lambda: distributed.broadcast_object_list(told, src=0))
        value, failure = told[0]
        if failure is not None:
            failure.said = self.rank > 0
            raise failure
        return value  # type: ignore[no-any-return]

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            # Not a barrier of the backend, which would need devices: one number each.
            self.sum(np.zeros(1))

    def sum(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum over processes of an array that each of them has."""
        if self.count == 1:
            return numbers
        import torch

        return self.sum_tensor(torch.from_numpy(numbers)).numpy()

    def sum_tensor(self, numbers: torch.Tensor) -> torch.Tensor:
        """The same for a tensor, which stays on its device."""
        if self.count == 1:
            return numbers
        import torch

        # NCCL exchanges what is on its device, Gloo what is in memory.
        there = torch.device("cuda" if torch.distributed.get_backend() == "nccl" else "cpu")
        moved = numbers.to(there, copy=True)
        _talk(lambda: torch.distributed.all_reduce(moved))
        return moved.to(numbers.device)

    def gather(self, value: _T) -> list[_T]:
        """What each process has, told to all; in the order of their numbers."""
        if self.count == 1:
            return [value]
        from torch import distributed

        told: list[Any] = [None] * self.count
        _talk(lambda: distributed.all_gather_object(told, value))
        return told

    def share(self, keys: Sequence[_Key], cost: Callable[[_Key], float]) -> list[_Key]:
        """What this process does of some work, in its order; the dearest is dealt first, to whoever has least."""
        loads = [0.0] * self.count
        owner: dict[int, int] = {}
        for index in sorted(range(len(keys)), key=lambda i: (-cost(keys[i]), i)):
            least = loads.index(min(loads))
            loads[least] += cost(keys[index])
            owner[index] = least
        return [key for index, key in enumerate(keys) if owner[index] == self.rank]

    def require_shared(self, folder: Path) -> None:
        """Make sure that all processes see the same folder.

        Raises:
            RunError: they do not.
        """
        if self.count == 1:
            return
        mark = folder / "processes"
        self.decide(lambda: mark.write_text(str(self.count), encoding="utf-8"))
        seen = self.sum(np.array([float(mark.is_file())]))
        if seen[0] < self.count:
            raise RunError(
                f"{folder} is seen by {int(seen[0])} of {self.count} processes: all must see the same folder, so give "
                "an --output-dir on a file system that they share"
            )


def _talk(exchange: Callable[[], object]) -> None:
    """Exchange something; the only reason for which that fails is that another process is gone."""
    try:
        exchange()
    except RuntimeError as error:
        raise RunError(
            f"another process of this run has ended before its time ({str(error).splitlines()[0][:200]})"
        ) from error
