"""Time and memory of `interfere gradients`, beside the loops that it replaces, as ratios.

    python -m benchmarks.gradients [--quick] [--rounds 3] [--only NAME ...]

Every measurement is a process of its own; the ways of a comparison take turns, round by round, so that a machine that
slows down slows all of them. What is written to ``benchmarks/results`` are medians over rounds with their range.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.gradients._scenarios import SCENARIOS
from benchmarks.gradients._work import LOOPS, PEERS
from interfere import analyze_gradients
from interfere.engine import Progress

RESULTS = Path(__file__).parent.parent / "results"
PATIENCE = 600
"""Seconds after which a measurement is given up."""

Row = dict[str, Any]


def run(scenario: str, way: str, quick: bool, *, cores: Sequence[int] = (), processes: int = 1) -> Row | None:
    """One measurement in a process of its own; None where it was killed, as for lack of memory, or took too long."""
    arguments = ["-m", "benchmarks.gradients._work", scenario, way, "quick" if quick else "full"]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    if cores:
        environment |= {"OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, *(launcher if processes > 1 else []), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            text=True,
            env=environment,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        print(f"  {scenario}, {way}: not ended after {PATIENCE} s", flush=True)
        return None
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    row = next((r for r in found if r["rank"] == 0), None)
    if row is not None:
        print(f"  {scenario}, {way}: {row['seconds']:.1f} s, {row['peak'] / 1e9:.2f} GB", flush=True)
    else:
        print(f"  {scenario}, {way}: ended with {done.returncode}", flush=True)
    return row


def spread(values: Sequence[float]) -> str:
    """The median and the range, in words."""
    return f"{median(values):.2f}" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")


def ratios(scenario: str, rounds: int, quick: bool) -> Row:
    """Interfere against the user's loop and the hand-written one."""
    rows: dict[str, list[Row]] = {way: [] for way in LOOPS}
    for number in range(rounds):
        for way in (*LOOPS[number % 3 :], *LOOPS[: number % 3]):
            row = run(scenario, way, quick)
            if row is None:
                raise SystemExit(f"{scenario}, {way} did not end")
            rows[way].append(row)

    def ratio(what: Callable[[Row], float], to: str) -> str:
        return spread([what(a) / what(b) for a, b in zip(rows["interfere"], rows[to], strict=True)])

    def steady(row: Row) -> float:
        return median(row["chunks"])

    return {
        "what": SCENARIOS[scenario].what,
        "time / user's loop": ratio(lambda r: r["seconds"], "user"),
        "time / hand-written loop": ratio(lambda r: r["seconds"], "best"),
        "time of a chunk / user's loop": ratio(steady, "user"),
        "time of a chunk / hand-written loop": ratio(steady, "best"),
        "peak memory / user's loop": ratio(lambda r: r["peak"], "user"),
        "peak memory / hand-written loop": ratio(lambda r: r["peak"], "best"),
        "seconds": {way: spread([r["seconds"] for r in rows[way]]) for way in LOOPS},
        "GB": {way: spread([r["peak"] / 1e9 for r in rows[way]]) for way in LOOPS},
    }


def peers(quick: bool) -> Row:
    """Interfere against TorchJD."""
    own = run("peers", "interfere", quick)
    out: Row = {"what": SCENARIOS["peers"].what}
    for way in PEERS:
        other = run("peers", way, quick)
        if own is None or other is None:
            out[way] = f"did not end: not enough memory, more than {PATIENCE} s, or TorchJD is not installed"
            continue
        out[f"time / {way}"] = f"{own['seconds'] / other['seconds']:.2f}"
        out[f"peak memory / {way}"] = f"{own['peak'] / other['peak']:.2f}"
        out[f"seconds of {way}"] = f"{other['seconds']:.1f}"
        out[f"GB of {way}"] = f"{other['peak'] / 1e9:.2f}"
    return out


def memory(quick: bool) -> Row:
    """Peak memory with many languages and chunks against few."""
    few, many = run("few-chunks", "interfere", quick), run("many-chunks", "interfere", quick)
    if few is None or many is None:
        raise SystemExit("a run did not end")
    return {
        "what": f"{SCENARIOS['many-chunks'].what}, against {SCENARIOS['few-chunks'].what}",
        "peak memory, many / few": f"{many['peak'] / few['peak']:.3f}",
        "GB": {"few": f"{few['peak'] / 1e9:.2f}", "many": f"{many['peak'] / 1e9:.2f}"},
    }


def resumed(quick: bool) -> Row:
    """How often the model is run after a run was interrupted."""
    case = SCENARIOS["peers"]
    settings = case.quick if quick else case.settings
    checkpoint, corpus = case.load()
    counted = [0]
    checkpoint.model.base_model.register_forward_hook(lambda *_: counted.__setitem__(0, counted[0] + 1))

    def passes(folder: Path, stop_after: int | None = None) -> int:
        counted[0], chunks = 0, 0

        def progress(_: Progress) -> None:
            nonlocal chunks
            chunks += 1
            if chunks == stop_after:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            analyze_gradients(checkpoint, corpus, settings=settings, workdir=folder, progress=progress)
        return counted[0]

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole, first, second = passes(Path(one)), passes(Path(two), 5), passes(Path(two))
    return {
        "what": f"{case.what}, stopped after 5 chunks",
        "passes uninterrupted": whole,
        "passes before": first,
        "passes after": second,
        "computed twice": first + second - whole,
    }


def ranks(quick: bool) -> Row:
    """Two processes on two cores against one on one core."""
    one = run("ranks", "interfere", quick, cores=[0])
    two = run("ranks", "interfere", quick, cores=[0, 1], processes=2)
    if one is None or two is None:
        raise SystemExit("a run did not end")
    return {
        "what": SCENARIOS["ranks"].what,
        "two processes on two cores / one on one, speed": f"{one['seconds'] / two['seconds']:.2f}",
        "seconds": {"one": f"{one['seconds']:.1f}", "two": f"{two['seconds']:.1f}"},
    }


def startup() -> Row:
    """What a user waits for before anything is done."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import interfere": [sys.executable, "-c", "import interfere"],
        "interfere --help": [str(Path(sys.executable).parent / "interfere"), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(10):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    nothing = times["python -c pass"]
    return {
        "what": "median of 10",
        "seconds": {name: f"{median(own):.3f}" for name, own in times.items()},
        "ratio to python -c pass": {
            name: spread([a / b for a, b in zip(own, nothing, strict=True)]) for name, own in times.items()
        },
    }


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = ("xlm-r-base", "smollm2", "gemma", "peers", "memory", "resume", "ranks", "startup")
    parser.add_argument("--quick", action="store_true", help="fewer chunks and one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    rounds = 1 if quick else arguments.rounds
    jobs: dict[str, Callable[[], Row]] = {
        "xlm-r-base": lambda: ratios("xlm-r-base", rounds, quick),
        "smollm2": lambda: ratios("smollm2", rounds, quick),
        "gemma": lambda: ratios("gemma", rounds, quick),
        "peers": lambda: peers(quick),
        "memory": lambda: memory(quick),
        "resume": lambda: resumed(quick),
        "ranks": lambda: ranks(quick),
        "startup": startup,
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("gradients-quick.json" if quick else "gradients.json")
    found: Row = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name in arguments.only:
        print(name, flush=True)
        cores = len(os.sched_getaffinity(0))
        machine = f"{cores} cores, Python {platform.python_version()}, torch {torch.__version__}"
        found[name] = {**jobs[name](), "rounds": rounds, "machine": machine}
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(json.dumps(found[name], indent=1, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
