"""What to do when a microbatch does not fit into memory: try a smaller one, and remember it."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch

from interfere.engine._plan import Microbatches
from interfere.engine._store import write_json
from interfere.engine._work import OutOfMemoryError
from interfere.errors import RunError

_T = TypeVar("_T")
_FILES = "microbatches-*.json"


class FittingMicrobatches:
    """Microbatches that fit into memory, as far as is known; a resumed run starts from what an earlier sitting found.

    Args:
        folder: where what was found is kept.
        microbatches: to start with.
        process: a number of this process among those that share the folder.
        fixed: nothing smaller is tried, since other processes cut the same chunk and must cut it alike.
    """

    def __init__(self, folder: Path, microbatches: Microbatches, process: int = 0, *, fixed: bool = False) -> None:
        self._fixed = fixed
        self._file = folder / _FILES.replace("*", f"{process:04d}")
        self._now = microbatches
        self._steps = _read(self._file) if self._file.exists() else []
        if self._steps:
            self._now = Microbatches(**self._steps[-1]["to"])

    @property
    def now(self) -> Microbatches:
        """Those in use."""
        return self._now

    def one_by_one(self) -> None:
        """Use microbatches of one example from now on."""
        self._now = Microbatches(1)

    def run(self, what: str, work: Callable[[Microbatches], _T]) -> _T:
        """Do some work, with smaller microbatches from now on if memory does not suffice.

        Args:
            what: what is worked on, for messages.
            work: does it, from the start.

        Raises:
            RunError: a single example does not fit, or nothing smaller may be tried.
        """
        while True:
            # Tried again outside of the handler: the exception holds on to the memory of the failed try.
            try:
                return work(self._now)
            except OutOfMemoryError as error:
                smaller, rows, longest = self._now.smaller(error.rows, error.longest), error.rows, error.longest
            if self._fixed:
                raise RunError(
                    f"out of memory with {rows} examples of up to {longest} tokens ({what}): give a smaller "
                    "--batch-size or --max-length, or --gradient-checkpointing"
                )
            if smaller is None:
                raise RunError(
                    f"out of memory with a single example of {longest} tokens ({what}): give a smaller --max-length, "
                    "--gradient-checkpointing, or a device with more memory"
                )
            self._steps.append(
                {"what": what, "rows": rows, "longest": longest, "from": self._now.text, "to": asdict(smaller)}
            )
            write_json(self._file, self._steps)
            self._now = smaller
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def smaller_microbatches(folder: Path) -> list[str]:
    """What was done about memory in the run of a folder, in sentences."""
    return [
        f"Memory did not suffice for {step['rows']} examples of up to {step['longest']:,} tokens ({step['what']}): "
        f"microbatches of {step['from']} became microbatches of {Microbatches(**step['to']).text}. That changes "
        "rounding and nothing else."
        for file in sorted(folder.glob(_FILES))
        for step in _read(file)
    ]


def _read(file: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return steps
