"""From a measurement to a result: tables, counts, versions, warnings."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import torch

from interfere.checkpoint import OBJECTIVES, embedding_rows
from interfere.corpus import language_sha256
from interfere.engine import Chunk, Measurement
from interfere.gradients._run import Computed, Run
from interfere.gradients._tables import ChunkFacts, Parts, metric_tables, tensor_table
from interfere.gradients._warnings import result_warnings
from interfere.results import Result


def make_result(run: Run, computed: Computed, command: str) -> Result:
    """Put together all that a run has found.

    Args:
        run: what was run.
        computed: what its chunks say.
        command: how it was asked for.
    """
    measurement = computed.measurement
    settings = run.recorded_settings() | {"loss_path": computed.loss_path.name}
    if computed.loss_path.reason:
        settings["loss_path_reason"] = computed.loss_path.reason
    languages = measurement.languages
    facts = ChunkFacts(measurement.tokens, measurement.covered_bytes, measurement.documents, measurement.loss)
    sizes = [np.inf if run.projection.is_exact(g) else float(run.projection.width(g)) for g in run.groups]
    parts = Parts([g.name for g in run.groups], [g.parameters for g in run.groups], np.array(sizes))
    by_metric = [
        metric_tables(
            measurement.grams[metric],
            parts,
            facts,
            languages,
            metric,
            margin=run.settings.margin,
            mixture=run.settings.mixture,
            failed=measurement.failed,
        )
        for metric in run.settings.metrics
    ]
    tensors = [
        tensor_table(
            measurement.energies[metric],
            [p.name for p in run.scope],
            [p.layer for p in run.scope],
            [p.kind for p in run.scope],
            [p.parameters for p in run.scope],
            languages,
            metric,
        )
        for metric in run.settings.metrics
    ]
    tables = {
        "pairs": _concatenate([t.pairs for t in by_metric]),
        "self": _concatenate([t.self_ for t in by_metric]),
        "groups": _concatenate([t.groups for t in by_metric]),
        "tensors": _concatenate(tensors),
        "chunks": _chunks(run, measurement),
    }
    data = _data(run, measurement)
    return Result(
        kind="gradients",
        languages=list(languages),
        tables=tables,
        model=run.recorded_model(),
        data=data,
        settings=settings,
        environment=_environment(),
        warnings=[
            *result_warnings(
                tables["tensors"],
                data,
                settings,
                measurement.failed,
                {metric: energies.sum(axis=2) for metric, energies in measurement.energies.items()},
                {
                    language: [_lines(run.chunks[language, k]) for k in range(run.settings.chunks)]
                    for language in languages
                },
                _losses(measurement),
                _guessing(run),
            ),
            *computed.memory,
        ],
        command=command,
        arrays={f"{metric}/{run.settings.granularity}": gram for metric, gram in measurement.grams.items()},
        array_groups={run.settings.granularity: parts.names},
    )


def _concatenate(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    rows = [row for frame in frames for row in frame.to_dict(orient="records")]
    return pd.DataFrame(rows, columns=list(frames[0].columns))


def _data(run: Run, measurement: Measurement) -> dict[str, dict[str, Any]]:
    out = {}
    for row, language in enumerate(measurement.languages):
        own = [chunk for (name, _), chunk in run.chunks.items() if name == language]
        skipped = dict(run.corpus.skipped.get(language, {}))
        if empty := sum(chunk.empty for chunk in own):
            skipped["no token in it can be predicted"] = empty
        out[language] = {
            "origin": run.corpus.origin.get(language),
            "documents": int(measurement.documents[row].sum()),
            "documents_given": len(run.corpus.documents[language]),
            "unused": sum(chunk.unused for chunk in own),
            "cut": len({e.document.line for chunk in own for e in chunk.examples if e.cut}),
            "skipped": skipped,
            "tokens": int(measurement.tokens[row].sum()),
            "bytes": int(measurement.covered_bytes[row].sum()),
            "sha256": language_sha256(run.corpus, language),
        }
    return out


def _chunks(run: Run, measurement: Measurement) -> pd.DataFrame:
    """One row per chunk: what it read, and its loss."""
    rows = []
    for row, language in enumerate(measurement.languages):
        for slot in range(run.settings.chunks):
            chunk = run.chunks[language, slot]
            rows.append(
                {
                    "language": language,
                    "slot": slot,
                    "documents": int(measurement.documents[row, slot]),
                    "tokens": int(measurement.tokens[row, slot]),
                    "bytes": int(measurement.covered_bytes[row, slot]),
                    "loss": float(measurement.loss[row, slot]),
                    "lines": " ".join(str(line) for line in sorted({e.document.line for e in chunk.examples})),
                }
            )
    return pd.DataFrame(rows)


def _losses(measurement: Measurement) -> dict[str, float]:
    """Language → mean loss of a prediction; without languages that failed."""
    weights, losses = measurement.tokens, measurement.loss
    return {
        language: float((weights[row] * losses[row]).sum() / weights[row].sum())
        for row, language in enumerate(measurement.languages)
        if language not in measurement.failed
    }


def _guessing(run: Run) -> float | None:
    """The loss of guessing every token of the vocabulary alike; None for a loss of the user's own."""
    rows = embedding_rows(run.checkpoint.model)
    return math.log(rows) if rows and run.objective.name in OBJECTIVES else None


def _lines(chunk: Chunk) -> str:
    """The lines that a chunk's documents stand on, in words."""
    lines = sorted({example.document.line for example in chunk.examples})
    shown = ", ".join(map(str, lines[:12])) + (f" and {len(lines) - 12} more" if len(lines) > 12 else "")
    return f"line {shown}" if len(lines) == 1 else f"lines {shown}"


def _environment() -> dict[str, Any]:
    packages = ("interfere-nlp", "torch", "transformers", "numpy", "scipy", "pandas")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        **{package: version(package) for package in packages},
    }
