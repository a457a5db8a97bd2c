"""What a result records of the text that was read and of the machine that read it."""

from __future__ import annotations

import math
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch

from interfere.checkpoint import OBJECTIVES, embedding_rows
from interfere.corpus import language_sha256
from interfere.engine import ChunkCounts
from interfere.objectives import Classification
from interfere.runs._reading import Reading


def data_facts(reading: Reading, counts: ChunkCounts) -> dict[str, dict[str, Any]]:
    """Language → what was read of it, and what was left out and why."""
    out = {}
    for row, language in enumerate(counts.languages):
        own = [chunk for (name, _), chunk in reading.chunks.items() if name == language]
        skipped = dict(reading.corpus.skipped.get(language, {}))
        if empty := sum(chunk.empty for chunk in own):
            skipped["no token in it can be predicted"] = empty
        out[language] = {
            "origin": reading.corpus.origin.get(language),
            "documents": int(counts.documents[row].sum()),
            "documents_given": len(reading.corpus.documents[language]),
            "unused": sum(chunk.unused for chunk in own),
            "cut": len({e.document.line for chunk in own for e in chunk.examples if e.cut}),
            "skipped": skipped,
            "tokens": int(counts.tokens[row].sum()),
            "bytes": int(counts.covered_bytes[row].sum()),
            "sha256": language_sha256(reading.corpus, language),
        }
    return out


def chunk_table(reading: Reading, counts: ChunkCounts) -> pd.DataFrame:
    """One row per chunk: what it read, and its loss."""
    rows = []
    for row, language in enumerate(counts.languages):
        for slot in range(reading.slots):
            chunk = reading.chunks[language, slot]
            rows.append(
                {
                    "language": language,
                    "slot": slot,
                    "documents": int(counts.documents[row, slot]),
                    "tokens": int(counts.tokens[row, slot]),
                    "bytes": int(counts.covered_bytes[row, slot]),
                    "loss": float(counts.loss[row, slot]),
                    "lines": " ".join(str(line) for line in sorted({e.document.line for e in chunk.examples})),
                }
            )
    return pd.DataFrame(rows)


def mean_losses(counts: ChunkCounts) -> dict[str, float]:
    """Language → mean loss of a prediction; without languages that failed."""
    return {
        language: float((counts.tokens[row] * counts.loss[row]).sum() / counts.tokens[row].sum())
        for row, language in enumerate(counts.languages)
        if language not in counts.failed
    }


def guessing_loss(reading: Reading) -> float | None:
    """The loss of guessing every token of the vocabulary, or every label, alike; None for a loss of the user's own."""
    if isinstance(reading.objective, Classification):
        return math.log(reading.objective.classes)
    rows = embedding_rows(reading.checkpoint.model)
    return math.log(rows) if rows and reading.objective.name in OBJECTIVES else None


def environment_facts() -> dict[str, Any]:
    """When, where, and with which versions."""
    packages = ("interfere-nlp", "torch", "transformers", "numpy", "scipy", "pandas")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        **{package: version(package) for package in packages},
    }
