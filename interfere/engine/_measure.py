"""All chunks of a run, one file each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interfere.checkpoint import Expert
from interfere.engine._experts import SeenExperts
from interfere.engine._memory import FittingMicrobatches
from interfere.engine._metrics import MetricWeights
from interfere.engine._plan import Chunk, Microbatches, example_length
from interfere.engine._project import GradientSums, Group, Projection
from interfere.engine._store import SEEN_KEY, ChunkRecord, chunk_path, energy_key, read_record, vector_key, write_chunk
from interfere.engine._work import NonFiniteError, not_finite, sum_gradients
from interfere.objectives import Objective
from interfere.ranks import Ranks

_ALONE = Ranks()


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        phase: what is being done, in a word or two.
        done: work done, in tokens read (finished chunks of an earlier sitting not counted).
        total: work to be done in this sitting, in the same unit.
        detail: what is being worked on.
    """

    phase: str
    done: int
    total: int
    detail: str


ProgressCallback = Callable[[Progress], None]


def reading_cost(chunk: Chunk) -> int:
    """Tokens that a chunk reads."""
    return sum(len(e.input_ids) for e in chunk.examples)


Work = Callable[[Chunk, Microbatches], tuple[ChunkRecord, dict[str, torch.Tensor]]]
"""Computes one chunk: what is known of it, and what is kept."""


def compute_missing(
    chunks: Mapping[tuple[str, int], Chunk],
    work: Work,
    folder: Path,
    microbatches: FittingMicrobatches,
    *,
    phase: str,
    failed: Mapping[str, str],
    ranks: Ranks = _ALONE,
    together: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Compute the chunks whose files are missing in `folder`.

    Args:
        chunks: (language, slot) → what to read.
        work: what is done with a chunk.
        folder: an existing folder for the files.
        microbatches: how chunks are cut.
        phase: what is being done, for `progress`.
        failed: languages not to be computed, with the reason.
        ranks: the processes that share the work; this one computes its part and does not wait for the others.
        together: whether all of them compute every chunk, and the first one writes it.
        progress: called after each chunk.
    """
    languages = sorted({language for language, _ in chunks})
    broken = dict(failed)
    paths = {key: chunk_path(folder, languages.index(key[0]), key[1]) for key in chunks}
    for key, path in paths.items():
        if path.exists() and (reason := read_record(path).failed):
            broken[key[0]] = reason
    missing = ranks.decide(lambda: [key for key, path in paths.items() if not path.exists()])
    if not together:
        missing = ranks.share(missing, lambda key: reading_cost(chunks[key]))
    total = sum(reading_cost(chunks[key]) for key in missing)
    done = 0
    for key in missing:
        chunk = chunks[key]
        if chunk.language not in broken:
            record, tensors = microbatches.run(chunk.name, partial(work, chunk))
            if not together or ranks.rank == 0:
                write_chunk(paths[key], record, tensors)
            if record.failed:
                broken[chunk.language] = record.failed
        done += reading_cost(chunk)
        if progress is not None:
            progress(Progress(phase, done, total, chunk.name))


def failed_chunk(chunk: Chunk, reason: str) -> tuple[ChunkRecord, dict[str, torch.Tensor]]:
    """What is kept of a chunk that has no numbers."""
    return ChunkRecord(chunk.language, chunk.place, chunk.documents, 0, 0, float("nan"), reason), {}


def compute_chunks(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Mapping[tuple[str, int], Chunk],
    groups: Sequence[Group],
    projection: Projection,
    metrics: Sequence[MetricWeights],
    folder: Path,
    microbatches: FittingMicrobatches,
    *,
    failed: Mapping[str, str],
    experts: Sequence[Expert] = (),
    ranks: Ranks = _ALONE,
    shard: bool = False,
    hold: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Compute the vectors of the chunks whose files are missing in `folder`.

    Args:
        model: with gradients asked for `parameters` alone.
        objective: the loss.
        parameters: by name, in scope.
        chunks: (language, slot) → what to read.
        groups: how parameters are put together.
        projection: how a group's gradient becomes a vector.
        metrics: the inner products.
        folder: an existing folder for the files.
        microbatches: how chunks are cut.
        failed: languages not to be computed, with the reason.
        experts: those of which is noted whether a chunk reached them.
        ranks: the processes that share the work; this one computes its part and does not wait for the others.
        shard: whether the model is spread over the processes, so that all of them compute every chunk.
        hold: whether the gradient of a chunk with several microbatches may stand in memory as a whole.
        progress: called after each chunk.
    """
    together = ranks if shard else None

    def work(chunk: Chunk, cut: Microbatches) -> tuple[ChunkRecord, dict[str, torch.Tensor]]:
        return _compute(model, objective, chunk, parameters, groups, projection, metrics, experts, hold, together, cut)

    compute_missing(
        chunks,
        work,
        folder,
        microbatches,
        phase="gradients",
        failed=failed,
        ranks=ranks,
        together=shard,
        progress=progress,
    )


def _compute(
    model: Any,
    objective: Objective,
    chunk: Chunk,
    parameters: Mapping[str, torch.nn.Parameter],
    groups: Sequence[Group],
    projection: Projection,
    metrics: Sequence[MetricWeights],
    experts: Sequence[Expert],
    hold: bool,
    together: Ranks | None,
    cut: Microbatches,
) -> tuple[ChunkRecord, dict[str, torch.Tensor]]:
    """One chunk's vectors and what is known of it; why it has none where it has none."""
    several = len(cut.plan([example_length(e) for e in chunk.examples])) > 1
    sums = GradientSums(projection, groups, metrics, hold=several and hold)
    seen = SeenExperts(experts)

    def take(name: str, gradient: torch.Tensor) -> None:
        seen.take(name, gradient)
        sums.take(name, gradient)

    try:
        loss, predictions = sum_gradients(model, objective, chunk.examples, parameters, cut, take)
        if together is not None:
            sums.add_up(together, next(iter(parameters.values())).device)
            totals = together.sum(np.array([loss, predictions], dtype=np.float64))
            loss, predictions = float(totals[0]), int(totals[1])
        tensors: dict[str, torch.Tensor] = {}
        for weights in metrics:
            energies = dict.fromkeys(parameters, 0.0)
            for index, group in enumerate(groups):
                vector, squares = sums.vectors(group, weights, 1.0 / predictions)
                tensors[vector_key(weights.metric, index)] = vector
                for name, square in squares.items():
                    energies[name] += square
            if not all(math.isfinite(square) for square in energies.values()):
                if together is not None:
                    raise NonFiniteError(f"gradient not finite (sum over {chunk.name})")
                raise not_finite(model, objective, chunk, parameters)
            tensors[energy_key(weights.metric)] = torch.tensor(list(energies.values()), dtype=torch.float64)
        if experts:
            tensors[SEEN_KEY] = torch.from_numpy(seen.mask(together))
    except NonFiniteError as error:
        return failed_chunk(chunk, str(error))
    facts = (chunk.documents, predictions, chunk.covered_bytes, loss / predictions)
    return ChunkRecord(chunk.language, chunk.place, *facts), tensors
