"""How much memory there is, how much is taken, and what of it a microbatch takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint import embedding_rows
from interfere.doctor._gaps import Reader
from interfere.engine import Group, LossPath, Microbatches, Projection, sum_gradients
from interfere.objectives import Example, TokenObjective
from interfere.objectives._targets_only import _OTHERWISE, LOGITS_AT_ONCE, ROWS_AT_LEAST
from interfere.settings import GradientSettings

_EVERY = 0.002
"""Seconds between two looks at how much memory this process has."""


@contextmanager
def watched_memory() -> Iterator[list[int]]:
    """The most bytes of memory that this process had meanwhile, as the one entry of a list, which is final afterwards.

    It is looked at again and again, since the highest mark that the system keeps is that of the whole life of the
    process, and to reset it would spoil it for others.
    """
    peaks = [resident()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY):
            peaks[0] = max(peaks[0], resident())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        done.set()
        watcher.join()
        peaks[0] = max(peaks[0], resident())


def activations(reader: Reader, examples: Sequence[Example], path: LossPath) -> int:
    """Bytes that one microbatch needs beside weights and gradients."""
    whole = Microbatches(batch_size=len(examples))

    def drop(_: str, gradient: torch.Tensor) -> None:
        """Gradients are counted elsewhere."""

    def run() -> None:
        sum_gradients(reader.model, reader.objective, examples, reader.parameters, whole, drop)

    if reader.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(reader.device)
        before = torch.cuda.memory_allocated(reader.device)
        run()
        return int(torch.cuda.max_memory_allocated(reader.device)) - int(before)
    with _saved(reader.model) as sizes:
        run()
    return sum(sizes.values()) + _logit_bytes(reader, examples, path)


@contextmanager
def _saved(model: Any) -> Iterator[dict[int, int]]:
    """Address → bytes of the storages that autograd keeps for the backward, parameters left out."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = max(storage.nbytes(), sizes.get(storage.data_ptr(), 0))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


def _logit_bytes(reader: Reader, examples: Sequence[Example], path: LossPath) -> int:
    """Bytes of two arrays of logits, which are there for a moment and which no backward keeps."""
    vocabulary = embedding_rows(reader.model)
    if vocabulary is None or not isinstance(reader.plain, TokenObjective):
        return 0
    rows = sum(example.predictions for example in examples)
    if path.name == "fast":
        rows = min(rows, max(ROWS_AT_LEAST, LOGITS_AT_ONCE.get(reader.device.type, _OTHERWISE) // vocabulary))
    return 2 * 4 * rows * vocabulary


def gradient_bytes(groups: Sequence[Group], projection: Projection, settings: GradientSettings, *, hold: bool) -> int:
    """Bytes of a chunk's gradient while it is summed, and of what a metric weighs it with."""
    numbers = sum(group.parameters for group in groups)
    weighed = 2 * numbers if {"adam", "per-tensor"} & set(settings.metrics) else 0
    if projection.sketch_size is None or hold:
        return 4 * (numbers + weighed)
    sketched = sum(len(group.tensors) for group in groups if not projection.is_exact(group))
    exact = sum(group.parameters for group in groups if projection.is_exact(group))
    sketches = sketched * projection.sketch_size * len(settings.metrics)
    return 4 * (exact + min(numbers, sketches) + weighed)


def resident() -> int:
    """Bytes of memory that this process has now; its highest so far where the system does not tell."""
    file = Path("/proc/self/statm")
    if file.exists():
        return int(file.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
        import sys
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_there(device: torch.device) -> int | None:
    """Bytes that the device has, or that the process may use; None where nothing says so."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    if device.type != "cpu":
        return None
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    words = limit.read_text(encoding="ascii").strip() if limit.exists() else "max"
    return min(found, int(words)) if words.isdecimal() else found
