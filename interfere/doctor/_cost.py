"""What a run would need, from one microbatch that is measured."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from interfere.checkpoint import ParameterInfo, find_experts, recomputed_layers
from interfere.doctor._gaps import Reader
from interfere.doctor._memory import activations, gradient_bytes, memory_there, watched_memory
from interfere.doctor._text import Plan
from interfere.doctor._types import Check, Cost
from interfere.engine import (
    GradientSums,
    Group,
    LossPath,
    Microbatches,
    Projection,
    euclidean,
    example_length,
    group_with_experts,
    sum_gradients,
    write_tensors,
)
from interfere.gradients._analyze import _HELD, _choose_gram
from interfere.objectives import Example
from interfere.settings import GradientSettings

_PART = 1 << 16
_FULL = 0.8
"""A warning is due when a run would need this share of the memory there is."""


def estimate_cost(
    reader: Reader,
    path: LossPath,
    scope: Sequence[ParameterInfo],
    planned: Plan,
    languages: int,
    settings: GradientSettings,
) -> Cost:
    """Time and memory of `interfere gradients`, from the microbatch that needs most.

    Time: seconds for each padded token of that microbatch, times the padded tokens of all chunks, with projecting and
    writing a chunk's vectors and the products of all vectors, each measured in small. Memory: on a CPU
    the most that this process had while it read that microbatch, with what another metric would add; on a GPU weights,
    gradients, and the peak that its allocator saw for the microbatch. The microbatch's part is on a CPU what autograd
    saves, counted, and its logits.

    Args:
        reader: the model.
        path: how the loss is computed.
        scope: parameters in scope.
        planned: what a run would read.
        languages: how many languages there are.
        settings: as given.
    """
    experts = find_experts(reader.model, {info.name: info for info in scope})
    groups = group_with_experts(scope, experts, settings.granularity).parts
    gram = _choose_gram(settings, groups, languages)
    projection = Projection(settings.sketch_size if gram == "sketch" else None, settings.seed)
    cut = microbatches(settings, reader.device)
    every = [*planned.chunks.values(), *planned.calibration.values()]
    cuts = [(chunk, rows) for chunk in every for rows in cut.plan([example_length(e) for e in chunk.examples])]
    chunk, rows = max(cuts, key=lambda item: _padded([item[0].examples[i] for i in item[1]]))
    examples = [chunk.examples[i] for i in rows]
    hold = 4 * sum(group.parameters for group in groups) <= settings.memory_budget * _HELD
    width = sum(projection.width(group) for group in groups) * len(settings.metrics)

    with ExitStack() as stack:
        if settings.gradient_checkpointing:
            stack.enter_context(recomputed_layers(reader.model))
        kept = activations(reader, examples, path)
        with watched_memory() as peaks:
            reading, writing = _time(reader, examples, groups, projection, hold=hold)
    tokens = sum(_padded([chunk.examples[i] for i in rows]) for chunk, rows in cuts)
    vectors = languages * settings.chunks
    seconds = (
        reading * tokens / _padded(examples)
        + writing * vectors * len(settings.metrics)
        + _products(vectors) * width / _PART
    )
    weights = sum(t.numel() * t.element_size() for t in (*reader.model.parameters(), *reader.model.buffers()))
    gradients = gradient_bytes(groups, projection, settings, hold=hold) + 4 * width
    memory = weights + gradients + kept
    if reader.device.type == "cpu":
        # What was measured has one metric that weighs nothing.
        plain = replace(settings, metrics=("euclidean",), adam_state=None)
        seen = gradient_bytes(groups, projection, plain, hold=hold) + 4 * width // len(settings.metrics)
        memory = max(memory, peaks[0] + gradients - seen)
    return Cost(
        device=reader.device.type,
        gram=gram,
        chunks=len(every),
        tokens=tokens,
        seconds=seconds,
        memory=memory,
        weights=weights,
        gradients=gradients,
        activations=kept,
        rest=memory - weights - gradients - kept,
        disk=4 * vectors * width,
    )


def microbatches(settings: GradientSettings, device: torch.device) -> Microbatches:
    """How a run would cut its chunks."""
    size = None if settings.batch_size == "auto" else int(settings.batch_size)
    return Microbatches.for_device(size, device.type)


def cost_checks(cost: Cost, settings: GradientSettings, device: torch.device) -> Iterator[Check]:
    """Which Gram, whether memory suffices, and how long it would take."""
    why = (
        "all gradients fit --memory-budget"
        if cost.gram == "exact"
        else f"whole gradients do not fit --memory-budget {size_text(settings.memory_budget)}"
    )
    yield Check(
        "gram",
        "ok",
        f"--gram {cost.gram}: " + (why if settings.gram == "auto" else "as asked for") + f"; {size_text(cost.disk)} of "
        "vectors on disk during the run.",
        float(cost.disk),
    )
    there = memory_there(device)
    text = (
        f"About {size_text(cost.memory)} at the peak ({cost.device}): weights {size_text(cost.weights)}, gradients "
        f"{size_text(cost.gradients)}, a microbatch {size_text(cost.activations)}"
        + (f", libraries, text and the rest {size_text(cost.rest)}" if cost.rest else "")
    )
    if there is not None and cost.memory > _FULL * there:
        yield Check(
            "memory",
            "fail" if cost.memory > there else "warn",
            f"{text}; the machine has {size_text(there)}. Use a smaller --max-length or --batch-size, "
            "--gradient-checkpointing, --gram sketch or --dtype bfloat16.",
            float(cost.memory),
            float(there),
        )
    else:
        has = "" if there is None else f" of {size_text(there)}"
        yield Check("memory", "ok", f"{text}{has}. An estimate.", float(cost.memory), None if there is None else there)
    yield Check(
        "time",
        "ok",
        f"About {time_text(cost.seconds)} for {cost.chunks:,} chunks of {cost.tokens / cost.chunks:,.0f} tokens, with "
        "this device as busy as now; loading and drawing come on top.",
        cost.seconds,
    )


def size_text(size: float) -> str:
    """Bytes in words."""
    for unit, power in (("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f} {unit}"
    return f"{size:.0f} bytes"


def time_text(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _padded(examples: Sequence[Example]) -> int:
    return len(examples) * max(len(e.input_ids) for e in examples)


def _time(
    reader: Reader, examples: Sequence[Example], groups: Sequence[Group], projection: Projection, *, hold: bool
) -> tuple[float, float]:
    """Seconds to form and sum the gradients of a microbatch, and to project and write a chunk's vectors."""
    plain = euclidean({name: parameter.numel() for name, parameter in reader.parameters.items()})
    sums = GradientSums(projection, groups, [plain], hold=hold)
    whole = Microbatches(batch_size=len(examples))
    started = _now(reader.device)
    sum_gradients(reader.model, reader.objective, examples, reader.parameters, whole, sums.take)
    read = _now(reader.device)
    vectors = {str(i): sums.vectors(group, plain, 1.0)[0] for i, group in enumerate(groups)}
    with tempfile.TemporaryDirectory(prefix="interfere-") as folder:
        write_tensors(Path(folder) / "chunk.safetensors", vectors, {})
    return read - started, _now(reader.device) - read


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _products(vectors: int) -> float:
    """Seconds to form the inner products of so many vectors of `_PART` numbers."""
    block = torch.ones(vectors, max(1, _PART // 16), dtype=torch.float64)
    torch.mm(block, block.T)
    started = time.perf_counter()
    torch.mm(block.float().double(), block.T)
    return 16 * (time.perf_counter() - started)
