"""From a measurement to a result: tables, counts, versions, warnings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interfere.engine import Chunk
from interfere.gradients._run import Computed, Run
from interfere.gradients._tables import ChunkFacts, Parts, metric_tables, tensor_table
from interfere.gradients._warnings import result_warnings
from interfere.results import Result
from interfere.runs import chunk_table, data_facts, environment_facts, guessing_loss, mean_losses


def make_result(run: Run, computed: Computed, command: str) -> Result:
    """Put together all that a run has found.

    Args:
        run: what was run.
        computed: what its chunks say.
        command: how it was asked for.
    """
    measurement, reading = computed.measurement, run.reading
    counts = measurement.counts
    settings = run.recorded_settings() | {"loss_path": computed.loss_path.name}
    if computed.loss_path.reason:
        settings["loss_path_reason"] = computed.loss_path.reason
    if computed.loss_path.alone:
        settings["alone_reason"] = computed.loss_path.alone
    languages = counts.languages
    facts = ChunkFacts(counts.tokens, counts.covered_bytes, counts.documents, counts.loss)
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
            failed=counts.failed,
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
        "chunks": chunk_table(reading, counts),
    }
    data = data_facts(reading, counts)
    return Result(
        kind="gradients",
        languages=list(languages),
        tables=tables,
        model=reading.recorded_model(),
        data=data,
        settings=settings,
        environment=environment_facts(),
        warnings=[
            *result_warnings(
                tables["tensors"],
                data,
                settings,
                counts.failed,
                {metric: energies.sum(axis=2) for metric, energies in measurement.energies.items()},
                {
                    language: [_lines(reading.chunks[language, k]) for k in range(run.settings.chunks)]
                    for language in languages
                },
                mean_losses(counts),
                guessing_loss(reading),
            ),
            *reading.signal_warnings(),
            *computed.memory,
        ],
        command=command,
        arrays={f"{metric}/{run.settings.granularity}": gram for metric, gram in measurement.grams.items()},
        array_groups={run.settings.granularity: parts.names},
    )


def _concatenate(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    rows = [row for frame in frames for row in frame.to_dict(orient="records")]
    return pd.DataFrame(rows, columns=list(frames[0].columns))


def _lines(chunk: Chunk) -> str:
    """The lines that a chunk's documents stand on, in words."""
    lines = sorted({example.document.line for example in chunk.examples})
    shown = ", ".join(map(str, lines[:12])) + (f" and {len(lines) - 12} more" if len(lines) > 12 else "")
    return f"line {shown}" if len(lines) == 1 else f"lines {shown}"
