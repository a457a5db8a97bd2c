"""`python -m benchmarks.experiment NAME --output DIR`: run one of the documented experiments, or `null`.

`python -m benchmarks.experiment check-scout --output SCOUT --full MAIN` holds short runs against full ones.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.assets import gnome_text
from benchmarks.experiment._check import check_scout
from benchmarks.experiment._designs import DESIGNS, LANGUAGES, Design
from benchmarks.experiment._null import null_coverage, table
from interfere import ExperimentSettings, run_experiment
from interfere.corpus import read_corpus
from interfere.deltas import source_numbers
from interfere.engine import Progress
from interfere.experiment import plan_jobs, prepare_text, process_pool, run_jobs, split_text
from interfere.report import write_run
from interfere.results import RunDirectory

_NULL = ExperimentSettings(mixtures=("mono",), widths=(16,), updates=400, seeds=30, checkpoints=1, conflict_chunks=0)
_COMPARISONS = 2000
_OF_NULL = ("de", "fr", "ko", "ru")


def _say(began: float, progress: Progress) -> None:
    print(
        f"{time.monotonic() - began:6.0f} s  {progress.phase} {progress.done}/{progress.total}  {progress.detail}",
        flush=True,
    )


def _run(design: Design, output: Path, workers: int) -> None:
    texts = output.with_name(output.name + ".text")
    gnome_text(LANGUAGES, texts)
    run = RunDirectory.check(output, resume=output.with_name(output.name + ".part").exists()).open()
    began = time.monotonic()
    with process_pool(workers) as pool:
        result = run_experiment(
            read_corpus(texts, design.languages),
            design.settings,
            executor=pool,
            models=run.path / "models",
            workdir=run.work,
            progress=partial(_say, began),
            command=shlex.join(["python", "-m", "benchmarks.experiment", *sys.argv[1:]]),
        )
    write_run(result, run.path)
    run.finish()
    print(f"{time.monotonic() - began:.0f} s: {output}")


def _null(output: Path, workers: int) -> None:
    """Models that differ in nothing but the seed, compared with each other."""
    from interfere.evaluation import draw_documents
    from interfere.experiment import MeasureSpec, measure_model, read_measures, write_documents

    texts = output.with_name(output.name + ".text")
    gnome_text(_OF_NULL, texts)
    split = split_text(read_corpus(texts), _NULL.held_out, _NULL.seed)
    prepared = prepare_text(split, _NULL, output / "text")
    specs = plan_jobs(_NULL, prepared, output / "models")
    held_out = draw_documents(split.held_out, _NULL.documents, _NULL.seed)
    write_documents(output / "held-out.json", held_out)
    file = str((output / "held-out.json").resolve())
    began = time.monotonic()
    with process_pool(workers) as pool:
        run_jobs(specs, pool, partial(_say, began))
        wanted = [
            MeasureSpec(spec, file, file, str((output / "measured" / spec.name).resolve()), 7, 0, 1, 0)
            for spec in specs
        ]
        measures = [read_measures(path) for path in pool.map(measure_model, wanted)]
    rows = []
    for language in _OF_NULL:
        own = [
            m.bits[spec.updates, language]
            for spec, m in zip(specs, measures, strict=True)
            if spec.members[0].name == language
        ]
        bits, sizes, _ = np.moveaxis(np.stack(own), 1, 0)
        known = np.isfinite(bits).all(axis=0)
        sources = source_numbers(held_out[language])[known]
        for seeds in (3, 5):
            random = np.random.default_rng([seeds, len(rows)])
            found = null_coverage(bits[:, known], sizes[:, known], sources, seeds, _COMPARISONS, random)
            rows.append((language, found))
    print(table(rows))
    (output / "null.json").write_text(
        json.dumps([{"language": name, **vars(found)} for name, found in rows], indent=1) + "\n", encoding="utf-8"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*DESIGNS, "null", "check-scout"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, help="another number of seeds than the design's")
    parser.add_argument("--full", type=Path, help="of check-scout: the full run")
    given = parser.parse_args()
    if given.name == "check-scout":
        print(check_scout(given.output, given.full))
        return
    if given.name == "null":
        _null(given.output, given.workers)
        return
    design = DESIGNS[given.name]
    if given.seeds:
        design = replace(design, settings=replace(design.settings, seeds=given.seeds))
    _run(design, given.output, given.workers)


if __name__ == "__main__":
    main()
