"""Two real models, each analysed twice with other seeds: how stable importance is.

    python -m benchmarks.importance_runs FOLDER [--only bundled smollm2]

Writes the runs MODEL-SEED below FOLDER and prints how two seeds, which deal the text into other slots, agree, next to
how the two halves of one run do.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.assets import gnome_text, smollm2
from interfere import (
    Checkpoint,
    Corpus,
    ImportanceSettings,
    Result,
    analyze_importance,
    bundled_checkpoint,
    bundled_corpus,
    load_checkpoint,
    load_result,
    own_units,
    read_corpus,
)
from interfere.engine import Progress

LANGUAGES = ("de", "en", "fr", "ko", "ru", "uk")
SETTINGS = {
    "bundled": ImportanceSettings(mask_passes=5, tokens_per_chunk=384, top=0.1, ablate=True),
    "smollm2": ImportanceSettings(tokens_per_chunk=128, top=0.02, ablate=True, draws=4),
}


def load(model: str) -> tuple[Checkpoint, Corpus]:
    """A model and its text."""
    if model == "bundled":
        return replace(bundled_checkpoint(), id="the bundled model"), bundled_corpus()
    with tempfile.TemporaryDirectory() as folder:
        gnome_text(LANGUAGES, Path(folder))
        return replace(load_checkpoint(smollm2()), id="SmolLM2-135M"), read_corpus(folder)


def run(model: str, seed: int, folder: Path) -> Result:
    """One analysis, or what an earlier one has written."""
    directory = folder / f"{model}-{seed}"
    if directory.exists():
        return load_result(directory)
    checkpoint, corpus = load(model)

    def progress(now: Progress) -> None:
        print(f"\r{model} {seed}: {now.phase} {100 * now.done // now.total} %   ", end="", flush=True)

    result = analyze_importance(
        checkpoint,
        corpus,
        settings=replace(SETTINGS[model], seed=seed),
        workdir=folder / f"{model}-{seed}.work",
        progress=progress,
        command=f"python -m benchmarks.importance_runs (seed {seed})",
    )
    print()
    result.save(directory)
    return result


def agreement(a: Result, b: Result) -> dict[str, Any]:
    """How two runs of one model agree."""
    out: dict[str, Any] = {}
    for method in a.settings["methods"]:
        for kind in ("head", "neuron"):
            seeds, halves = [], []
            for group in a.tables["units"].to_dict(orient="records"):
                if group["kind"] != kind or group["units"] < 3:
                    continue
                where = slice(group["start"], group["start"] + group["units"])
                for row in range(len(a.languages)):
                    one, two = (r.arrays[method][row][:, where] for r in (a, b))
                    if np.isfinite(one).all():
                        seeds.append(stats.spearmanr(one.mean(0), two.mean(0))[0])
                        halves.append(stats.spearmanr(one[::2].mean(0), one[1::2].mean(0))[0])
            if seeds:
                out[f"{method}, {kind}: rank correlation of two seeds"] = round(float(np.mean(seeds)), 3)
                out[f"{method}, {kind}: rank correlation of two halves"] = round(float(np.mean(halves)), 3)
        found = [own_units(result, method).query("own") for result in (a, b)]
        own = [{tuple(row) for row in rows[_UNIT].to_numpy().tolist()} for rows in found]
        out[f"{method}: units of a language's own, with either seed"] = [len(units) for units in own]
        out[f"{method}: of these with both"] = len(own[0] & own[1])
    for name, result in (("first", a), ("second", b)):
        rows = result.tables["specificity"]
        out[f"specificity, {name} seed"] = {
            row["language"]: f"{row['specificity']:.3f} ({row['ci_low']:.3f} to {row['ci_high']:.3f})"
            for row in rows.to_dict(orient="records")
        }
    return out


_UNIT = ["language", "layer", "kind", "unit"]


def main() -> None:
    """Run and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(SETTINGS), default=list(SETTINGS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for model in arguments.only:
        found = agreement(*(run(model, seed, arguments.folder) for seed in (0, 1)))
        print(json.dumps({model: found}, indent=1, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
