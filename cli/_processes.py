"""The processes that `torchrun` starts for one command."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from interfere.errors import RunError

if TYPE_CHECKING:
    from interfere.ranks import Ranks

_PATIENCE = timedelta(days=7)
"""How long a process waits for another one that is still computing; `torchrun` itself notices those that have died."""


def process_number() -> int:
    """The number of this process among those that `torchrun` has started; 0 without it."""
    return int(os.environ.get("RANK", "0")) if process_count() > 1 else 0


def process_count() -> int:
    """How many processes `torchrun` has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def processes() -> Iterator[Ranks]:
    """Join the others, if there are any, and end with a message when told to terminate."""
    from interfere.ranks import Ranks

    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        if process_count() == 1:
            yield Ranks()
        else:
            import torch

            # What is exchanged is small and in memory; the parts of a spread model are gathered where they lie.
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            torch.distributed.init_process_group(backend, timeout=_PATIENCE)
            try:
                yield Ranks.current()
            finally:
                torch.distributed.destroy_process_group()
    finally:
        signal.signal(signal.SIGTERM, before)


def own_device(device: str, *, shard: bool) -> str:
    """The device of this process where several share a machine with several GPUs; memory for a model to be spread."""
    if shard:
        return "cpu"
    if process_count() == 1 or device not in ("auto", "cuda"):
        return device
    from interfere.ranks import own_gpu

    return own_gpu() or device


def _terminated(*_: object) -> None:
    raise RunError("terminated from outside, as when another process of the run has died or its time is up")
