"""From a measurement to a result: tables, counts, versions, warnings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.engine import Chunk
from interfere.gradients._run import Computed, Run
from interfere.gradients._tables import ChunkFacts, Parts, group_grams, metric_tables, tensor_table
from interfere.gradients._warnings import result_warnings
from interfere.head import head_warnings
from interfere.objectives import Classification
from interfere.results import Result
from interfere.runs import (
    chunk_table,
    data_facts,
    environment_facts,
    expert_overlap_table,
    expert_table,
    guessing_loss,
    mean_losses,
    unshared_warnings,
)


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
    parts = _parts(run, computed)
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
    pairs = _concatenate([t.pairs for t in by_metric])
    if isinstance(reading.objective, Classification):
        # How long a text is has nothing to do with how many labels it has.
        pairs[["transfer_bytes_ab", "transfer_bytes_ba"]] = np.nan
    tables = {
        "pairs": pairs,
        "self": _concatenate([t.self_ for t in by_metric]),
        "groups": _concatenate([t.groups for t in by_metric]),
        "tensors": _concatenate(tensors),
        "chunks": chunk_table(reading, counts),
    }
    if run.grouping.experts:
        good = [i for i, language in enumerate(languages) if language not in counts.failed]
        seen, named = measurement.seen[:, good], [languages[i] for i in good]
        tables["experts"] = expert_table(run.grouping.experts, seen, named)
        tables["expert_overlap"] = expert_overlap_table(run.grouping.experts, seen, named)
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
            *head_warnings(reading),
            *reading.signal_warnings(),
            *(unshared_warnings(tables["expert_overlap"]) if "expert_overlap" in tables else []),
            *computed.memory,
        ],
        command=command,
        arrays=_arrays(run, computed, parts),
        array_groups={run.settings.granularity: parts.names},
    )


def _parts(run: Run, computed: Computed) -> Parts:
    """The groups, with the parts that they are the sum of and which chunks reached these."""
    grouping = run.grouping
    sizes = [np.inf if run.projection.is_exact(g) else float(run.projection.width(g)) for g in grouping.parts]
    names, parameters = [g.name for g in grouping.reported], [g.parameters for g in grouping.reported]
    if not any(place is not None for place in grouping.expert_of):
        return Parts(names, parameters, np.array(sizes))
    seen = np.stack(
        [
            np.ones(computed.measurement.seen.shape[1:], dtype=bool)
            if place is None
            else computed.measurement.seen[place]
            for place in grouping.expert_of
        ]
    )
    return Parts(names, parameters, np.array(sizes), grouping.members, seen)


def _arrays(run: Run, computed: Computed, parts: Parts) -> dict[str, NDArray[np.float64]]:
    """The Gram matrices of the groups; and of their parts, where chunks reached only some."""
    level = run.settings.granularity
    out = {}
    for metric, gram in computed.measurement.grams.items():
        out[f"{metric}/{level}"] = group_grams(gram, parts.members)
        if parts.seen is not None:
            out[f"{metric}/parts"] = gram
    if parts.seen is not None and parts.members is not None:
        group_of = np.zeros(len(parts.seen))
        for group, members in enumerate(parts.members):
            group_of[list(members)] = group
        out |= {"parts/group": group_of, "parts/seen": parts.seen.astype(np.float64), "parts/sizes": parts.sizes}
    return out


def _concatenate(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    rows = [row for frame in frames for row in frame.to_dict(orient="records")]
    return pd.DataFrame(rows, columns=list(frames[0].columns))


def _lines(chunk: Chunk) -> str:
    """The lines that a chunk's documents stand on, in words."""
    lines = sorted({example.document.line for example in chunk.examples})
    shown = ", ".join(map(str, lines[:12])) + (f" and {len(lines) - 12} more" if len(lines) > 12 else "")
    return f"line {shown}" if len(lines) == 1 else f"lines {shown}"
