"""One measurement in a process of its own: time of each chunk, and the peak of memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gradients import _peers
from benchmarks.gradients._loops import best_loop, users_loop
from benchmarks.gradients._scenarios import SCENARIOS
from interfere import analyze_gradients
from interfere.checkpoint import map_parameters, scoped_parameters
from interfere.corpus import deal_slots
from interfere.engine import plan_chunks
from interfere.objectives import make_objective
from interfere.ranks import Ranks

LOOPS = ("interfere", "user", "best")
PEERS = ("autojac", "autogram")


def work(scenario: str, way: str, quick: bool) -> dict[str, Any]:
    """Run one way over one scenario.

    Returns:
        seconds of each chunk, of all of it, bytes at the peak, and how often the model was run. What comes before the
        first chunk (for interfere: the comparison of its fast path with the plain one) counts in all of it.
    """
    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("gloo")
    case = SCENARIOS[scenario]
    settings = case.quick if quick else case.settings
    checkpoint, corpus = case.load()
    ranks = Ranks.current()
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    checkpoint.model.base_model.register_forward_hook(count)
    objective = make_objective("auto", checkpoint)
    chunks, _ = plan_chunks(
        objective, deal_slots(corpus, settings.chunks, settings.seed), settings.tokens_per_chunk, calibration=False
    )
    read = {key: chunk.examples for key, chunk in chunks.items()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    times: list[float] = []
    start = last = time.perf_counter()

    def finished(*_: object) -> None:
        nonlocal last
        now = time.perf_counter()
        times.append(now - last)
        last = now

    if way == "interfere":
        with tempfile.TemporaryDirectory() as folder:
            shared = Path(ranks.decide(lambda: folder))
            ranks.wait()
            start = last = time.perf_counter()
            analyze_gradients(checkpoint, corpus, settings=settings, workdir=shared, progress=finished)
            ranks.wait()
    elif way == "user":
        users_loop(checkpoint.model, read, objective.pad_id, finished)
    elif way in PEERS:
        getattr(_peers, way)(checkpoint.model, read, objective.pad_id, finished)
    else:
        names = list(scoped_parameters(map_parameters(checkpoint.model), settings.scope))
        best_loop(checkpoint.model, names, read, objective.pad_id, case.tuning, finished)
    return {
        "chunks": times,
        "seconds": time.perf_counter() - start,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "loaded": before,
        "passes": passes,
        "rank": ranks.rank,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    print(json.dumps(work(sys.argv[1], sys.argv[2], sys.argv[3] == "quick")))
