"""What the chunks of a run say, read back from their files: counts, and the Gram matrices of their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from interfere.engine._project import Group
from interfere.engine._store import (
    ChunkRecord,
    chunk_path,
    gram_matrix,
    read_energies,
    read_record,
    read_seen,
    vector_key,
)
from interfere.ranks import Ranks

_ALONE = Ranks()


@dataclass(frozen=True)
class ChunkCounts:
    """What the chunks of a run have read.

    Args:
        languages: L languages.
        tokens: shape (L, K), predictions per chunk.
        covered_bytes: shape (L, K).
        documents: shape (L, K).
        loss: shape (L, K), mean per prediction, in nats.
        failed: language → why it has no numbers.
    """

    languages: tuple[str, ...]
    tokens: NDArray[np.int64]
    covered_bytes: NDArray[np.int64]
    documents: NDArray[np.int64]
    loss: NDArray[np.float64]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class Measurement:
    """What the chunks of a run say.

    Args:
        counts: what was read.
        grams: metric → shape (G, L, K, L, K); NaN for languages that failed.
        energies: metric → shape (L, K, T): squared norms, tensor by tensor.
        seen: shape (experts, L, K): which experts each chunk reached; nowhere for languages that failed.
    """

    counts: ChunkCounts
    grams: Mapping[str, NDArray[np.float64]]
    energies: Mapping[str, NDArray[np.float64]]
    seen: NDArray[np.bool_]


def collect(
    folder: Path,
    languages: Sequence[str],
    slots: int,
    groups: Sequence[Group],
    metrics: Sequence[str],
    tensors: int,
    failed: Mapping[str, str],
    ranks: Ranks = _ALONE,
    experts: int = 0,
) -> Measurement:
    """Read the files of a run back as Gram matrices.

    Args:
        folder: where `compute_chunks` wrote.
        languages: L names.
        slots: K.
        groups: G groups.
        metrics: names of the metrics.
        tensors: how many parameters are in scope.
        failed: languages that failed before any chunk of theirs was computed.
        ranks: the processes that sum up the Gram matrices, each a part of them, when all have computed their chunks.
        experts: how many experts the model has.
    """
    ranks.wait()
    counts = count_chunks(folder, languages, slots, failed)
    paths = finished_paths(folder, counts, slots)
    shape = (len(languages), slots)
    return Measurement(
        counts=counts,
        grams={
            metric: ranks.sum(
                np.stack(
                    [
                        gram_matrix(paths, vector_key(metric, i), ranks.rank, ranks.count).reshape(shape * 2)
                        for i in range(len(groups))
                    ]
                )
            )
            for metric in metrics
        },
        energies={metric: read_energies(paths, metric, tensors).reshape(*shape, tensors) for metric in metrics},
        seen=np.moveaxis(read_seen(paths, experts).reshape(*shape, experts), -1, 0),
    )


def count_chunks(folder: Path, languages: Sequence[str], slots: int, failed: Mapping[str, str]) -> ChunkCounts:
    """What the chunks whose files are in `folder` have read.

    Args:
        folder: where `compute_missing` wrote.
        languages: L names.
        slots: K.
        failed: languages that failed before any chunk of theirs was computed.
    """
    broken = dict(failed)
    shape = (len(languages), slots)
    records: dict[tuple[int, int], ChunkRecord] = {}
    for row, language in enumerate(languages):
        for slot in range(slots):
            path = chunk_path(folder, row, slot)
            if path.exists():
                records[row, slot] = read_record(path)
                if records[row, slot].failed:
                    broken.setdefault(language, records[row, slot].failed)

    def per_chunk(value: Callable[[ChunkRecord], float]) -> NDArray[np.float64]:
        out = np.zeros(shape)
        for key, record in records.items():
            out[key] = value(record)
        return out

    return ChunkCounts(
        languages=tuple(languages),
        tokens=per_chunk(lambda r: r.tokens).astype(np.int64),
        covered_bytes=per_chunk(lambda r: r.covered_bytes).astype(np.int64),
        documents=per_chunk(lambda r: r.documents).astype(np.int64),
        loss=per_chunk(lambda r: r.loss),
        failed=broken,
    )


def finished_paths(folder: Path, counts: ChunkCounts, slots: int) -> list[Path | None]:
    """The L·K files of a run, language by language; None where a language has no numbers."""
    return [
        None if language in counts.failed else chunk_path(folder, row, slot)
        for row, language in enumerate(counts.languages)
        for slot in range(slots)
    ]
