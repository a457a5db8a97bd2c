"""The gates of every language, half of the text and sparsity, one file each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from interfere.engine import ChunkCounts, FittingMicrobatches, NonFiniteError, Progress, ProgressCallback, write_tensors
from interfere.errors import RunError
from interfere.importance._gates import train_gates
from interfere.importance._record import Gates, Run
from interfere.objectives import Objective
from interfere.ranks import Ranks
from interfere.statistics import halves


def train_all_gates(
    run: Run,
    counts: ChunkCounts,
    objective: Objective,
    microbatches: FittingMicrobatches,
    folder: Path,
    ranks: Ranks,
    progress: ProgressCallback | None,
) -> Gates:
    """Train the gates whose files are missing in `folder`, and read all of them.

    Args:
        run: what is read.
        counts: which languages have numbers.
        objective: the loss.
        microbatches: how examples are cut.
        folder: an existing folder for the files.
        ranks: the processes that share the work.
        progress: called after each training.

    Raises:
        RunError: a loss or a gate is no finite number.
    """
    languages, settings = counts.languages, run.settings
    parts = halves(settings.chunks)
    keys = [
        (row, half, step)
        for step in range(len(settings.gate_sparsity))
        for half in range(2)
        for row, language in enumerate(languages)
        if language not in counts.failed
    ]

    def path_of(key: tuple[int, int, int]) -> Path:
        return folder / f"gates-{key[0]:04d}-{key[1]}-{key[2]:02d}.safetensors"

    missing = ranks.decide(lambda: [key for key in keys if not path_of(key).exists()])
    mine = ranks.share(missing, lambda _: 1.0)
    for done, key in enumerate(mine, start=1):
        row, half, step = key
        examples = [e for slot in parts[half] for e in run.reading.chunks[languages[row], int(slot)].examples]
        name = f"{languages[row]}, half {'ab'[half]}"
        try:
            trained = microbatches.run(
                name,
                lambda cut, examples=examples, step=step, half=half: train_gates(  # type: ignore[misc]
                    run.reading.checkpoint.model,
                    objective,
                    run.index,
                    examples,
                    cut,
                    sparsity=settings.gate_sparsity[step],
                    steps=settings.gate_steps,
                    rate=settings.gate_rate,
                    seed=settings.seed + half,
                ),
            )
        except NonFiniteError as error:
            raise RunError(f"{name}: {error}") from error
        write_tensors(path_of(key), {"keep": trained.keep}, {"loss": json.dumps(trained.loss)})
        if progress is not None:
            progress(Progress("gates", done, len(mine), name))
    ranks.wait()
    shape = (len(settings.gate_sparsity), len(languages), 2)
    keep, loss = np.full((*shape, len(run.index)), np.nan), np.full(shape, np.nan)
    for row, half, step in keys:
        with safe_open(path_of((row, half, step)), "pt") as file:
            keep[step, row, half] = file.get_tensor("keep").numpy()
            loss[step, row, half] = json.loads(file.metadata()["loss"])
    return Gates(keep, loss)
