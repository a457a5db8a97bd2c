"""What scores of single documents cost, beside a plain forward and backward pass over the same documents.

    python -m benchmarks.importance [--rounds 3] [--only bundled smollm2] [--output F]

Three ways over the same documents, in turn, in one process: `plain` is the loss and one backward pass for each batch,
with a gradient for every parameter of the body; `scores` is what `interfere importance` does for taylor, fisher and
activation of all units; `loop` is what one writes for per-document gradients: a backward pass for each document, its
gradients squared and added. All three use the same objective and the same loss path.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.assets import gnome_text, smollm2
from interfere import Checkpoint, Corpus, bundled_corpus, load_checkpoint, read_corpus
from interfere.bundled import checkpoint_directory
from interfere.checkpoint import find_units, map_parameters, scoped_parameters
from interfere.corpus import deal_slots
from interfere.engine import Chunk, Microbatches, example_length, only_gradients_of, plan_chunks
from interfere.importance import Batched, UnitIndex, score_chunk
from interfere.objectives import collate, make_objective, targets_only

WAYS = ("plain", "scores", "loop")


def bundled() -> tuple[Checkpoint, Corpus, int]:
    """The bundled masked LM and four languages of the bundled corpus, chunks of 200 predictions."""
    return load_checkpoint(checkpoint_directory()), read_corpus(bundled_corpus(), ["de", "en", "ru", "zh"]), 200


def smollm2_on_gnome() -> tuple[Checkpoint, Corpus, int]:
    """SmolLM2-135M and GNOME's user documentation in two languages, chunks of 512 tokens."""
    with tempfile.TemporaryDirectory() as folder:
        gnome_text(("de", "ru"), Path(folder))
        return load_checkpoint(smollm2()), read_corpus(folder), 512


CASES: dict[str, Callable[[], tuple[Checkpoint, Corpus, int]]] = {"bundled": bundled, "smollm2": smollm2_on_gnome}


def measure(case: str, rounds: int) -> dict[str, Any]:
    """Seconds of each way over the same chunks, and their ratios to the plain pass."""
    checkpoint, corpus, tokens = CASES[case]()
    model = checkpoint.model
    objective = make_objective("auto", checkpoint)
    fast = targets_only(objective, model)
    chunks, _ = plan_chunks(objective, deal_slots(corpus, 4, 0), tokens, calibration=False)
    read = list(chunks.values())
    index = UnitIndex.of(model, find_units(model))
    cut = Microbatches()
    device = torch.device("cpu")
    names = list(scoped_parameters(map_parameters(model)))
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with only_gradients_of(model, names) as parameters:

        def backward(rows: Sequence[int], chunk: Chunk) -> None:
            batch = collate([chunk.examples[i] for i in rows], objective.pad_id, device)
            fast.loss(model, batch).total.backward()  # type: ignore[no-untyped-call]

        def plain(chunk: Chunk) -> None:
            for rows in cut.plan([example_length(e) for e in chunk.examples]):
                backward(rows, chunk)
            model.zero_grad(set_to_none=True)

        def scores(chunk: Chunk) -> None:
            score_chunk(Batched(model, index, parameters), fast, index, device, chunk, cut)

        def loop(chunk: Chunk) -> None:
            sums = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
            for row in range(len(chunk.examples)):
                backward([row], chunk)
                for name, parameter in parameters.items():
                    if parameter.grad is not None:
                        sums[name] += parameter.grad.square()
                model.zero_grad(set_to_none=True)

        ways = {"plain": plain, "scores": scores, "loop": loop}
        for number in range(rounds + 1):
            for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):
                for parameter in parameters.values():
                    parameter.requires_grad_(way != "scores")
                start = time.perf_counter()
                for chunk in read:
                    ways[way](chunk)
                if number:
                    seconds[way].append(time.perf_counter() - start)
                    print(f"  {case}, {way}: {seconds[way][-1]:.1f} s", flush=True)
    documents = sum(len(chunk.examples) for chunk in read)

    def ratio(way: str) -> str:
        found = [a / b for a, b in zip(seconds[way], seconds["plain"], strict=True)]
        return f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"

    return {
        "what": (CASES[case].__doc__ or "").strip(),
        "documents": documents,
        "mean tokens": round(sum(example_length(e) for chunk in read for e in chunk.examples) / documents, 1),
        "units": len(index),
        "time of scores / plain pass": ratio("scores"),
        "time of a loop over documents / plain pass": ratio("loop"),
        "seconds": {way: f"{median(own):.1f}" for way, own in seconds.items()},
    }


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    found: dict[str, Any] = {
        "machine": f"{cores} cores, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    }
    for case in arguments.only:
        found[case] = measure(case, arguments.rounds)
        print(json.dumps(found[case], indent=1, ensure_ascii=False), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
