"""Chunks on disk: one file each, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

_BLOCK = 1 << 24
"""Numbers of a block in which Gram matrices are summed up, so that the float64 copies stay at some 100 MB."""

SEEN_KEY = "experts/seen"
"""The name, in a chunk's file, of which experts it reached."""


@dataclass(frozen=True)
class ChunkRecord:
    """What is known of a computed chunk beside its vectors.

    Args:
        language: the language.
        slot: the slot's number, from 0.
        documents: how many documents it read.
        tokens: how many predictions its loss sums.
        covered_bytes: UTF-8 bytes of the documents that the model read.
        loss: mean loss per prediction, in nats.
        failed: why there are no vectors; "" where there are.
    """

    language: str
    slot: int
    documents: int
    tokens: int
    covered_bytes: int
    loss: float
    failed: str = ""


def chunk_path(folder: Path, language: int, slot: int) -> Path:
    """Where a chunk's file lies; numbered, since a language's name need not be a file's name."""
    return folder / f"chunk-{language:04d}-{slot:04d}.safetensors"


def vector_key(metric: str, group: int) -> str:
    """The name of a vector in a chunk's file."""
    return f"vector/{metric}/{group}"


def energy_key(metric: str) -> str:
    """The name of the squared norms, tensor by tensor, in a chunk's file."""
    return f"energy/{metric}"


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file so that it is either complete or absent."""
    part = path.with_name(path.name + ".tmp")
    try:
        save_file(dict(tensors), part, metadata=dict(metadata))
    except SafetensorError as error:
        # It wraps what the system said, such as that the disk is full.
        raise OSError(f"cannot write {path}: {error}") from error
    part.replace(path)


def write_json(path: Path, document: object) -> None:
    """Write a JSON file so that it is either complete or absent."""
    part = path.with_name(path.name + ".tmp")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.replace(path)


def write_chunk(path: Path, record: ChunkRecord, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write a chunk's vectors and its record."""
    write_tensors(path, tensors, {"record": json.dumps(asdict(record))})


def read_record(path: Path) -> ChunkRecord:
    """The record of a chunk that was written before."""
    with safe_open(path, "pt") as file:
        return ChunkRecord(**json.loads(file.metadata()["record"]))


def gram_matrix(paths: list[Path | None], key: str, part: int = 0, parts: int = 1) -> NDArray[np.float64]:
    """Inner products of one vector of several files.

    Args:
        paths: N files, read block by block; None for a vector that is missing.
        key: which vector.
        part: which of `parts` equal parts of the vectors is read; the matrices of all parts add up to the whole.
        parts: see `part`.

    Returns:
        float64, shape (N, N); NaN where one of the two is missing. Products and sums are float64, since a corrected
        cosine is a ratio of small differences of such sums.
    """
    present = [i for i, path in enumerate(paths) if path is not None]
    files = [path for path in paths if path is not None]
    out = np.full((len(paths), len(paths)), np.nan)
    if not files:
        return out
    with safe_open(files[0], "pt") as file:
        width = file.get_slice(key).get_shape()[0]
    total = torch.zeros(len(files), len(files), dtype=torch.float64)
    columns = max(1, _BLOCK // len(files))
    begin, end = width * part // parts, width * (part + 1) // parts
    for first in range(begin, end, columns):
        # One file open at a time: many languages have more chunks than a process may have open files.
        last = min(first + columns, end)
        block = torch.empty(len(files), last - first, dtype=torch.float64)
        for row, path in enumerate(files):
            with safe_open(path, "pt") as file:
                block[row] = file.get_slice(key)[first:last]
        total += block @ block.T
    out[np.ix_(present, present)] = total.numpy()
    return out


def read_energies(paths: list[Path | None], metric: str, tensors: int) -> NDArray[np.float64]:
    """Squared norms of N chunks, tensor by tensor: shape (N, tensors), NaN where a chunk is missing."""
    out = np.full((len(paths), tensors), np.nan)
    for row, path in enumerate(paths):
        if path is not None:
            with safe_open(path, "pt") as file:
                out[row] = file.get_tensor(energy_key(metric)).numpy()
    return out


def read_seen(paths: list[Path | None], experts: int) -> NDArray[np.bool_]:
    """Which experts N chunks reached: shape (N, experts), none where a chunk is missing."""
    out = np.zeros((len(paths), experts), dtype=bool)
    for row, path in enumerate(paths):
        if experts and path is not None:
            with safe_open(path, "pt") as file:
                out[row] = file.get_tensor(SEEN_KEY).numpy()
    return out
