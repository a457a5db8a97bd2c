"""Gradient conflict of a real causal LM on real text, twice, on texts that share no page.

    python -m benchmarks.two_samples --output FOLDER

SmolLM2-135M reads the GNOME user documentation in eight languages. Its pages are split into two halves that have
nothing in common, each half is analysed by itself, and the two results are compared: how far do the numbers move when
the text is another one, and is that as far as their intervals say?
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.assets import gnome_text, smollm2
from interfere import Corpus, GradientSettings, Result, analyze_gradients, load_checkpoint, read_corpus
from interfere.engine import Progress
from interfere.report import terminal_report

BODY = "body"
LANGUAGES = ("de", "en", "es", "fr", "ko", "ru", "sv", "uk")


def half(corpus: Corpus, which: int) -> Corpus:
    """The documents of every second page, by a hash of the page's name."""
    return Corpus(
        {
            language: tuple(d for d in documents if hashlib.sha256(str(d.source).encode()).digest()[0] % 2 == which)
            for language, documents in corpus.documents.items()
        },
        origin=corpus.origin,
    )


def compare(first: pd.DataFrame, second: pd.DataFrame, where: str) -> dict[str, object]:
    """How far the corrected cosines of two samples agree, over the rows determined in both."""
    both = first.merge(second, on=["a", "b", "group", "metric"], suffixes=("_1", "_2"))
    sure = both[(both["verdict_1"] != "undetermined") & (both["verdict_2"] != "undetermined")]
    difference = (sure["corrected_1"] - sure["corrected_2"]).astype(float)
    # The interval of a difference of two independent estimates whose half widths are known.
    width = np.hypot(sure["ci_high_1"] - sure["ci_low_1"], sure["ci_high_2"] - sure["ci_low_2"]).astype(float) / 2
    return {
        "rows": where,
        "all": len(both),
        "determined in both": len(sure),
        "root mean square difference": round(float(np.sqrt((difference**2).mean())), 3),
        "largest difference": round(float(difference.abs().max()), 3),
        "correlation": round(float(np.corrcoef(sure["corrected_1"], sure["corrected_2"])[0, 1]), 3),
        "differences within their 95 % interval": round(float((difference.abs() <= width).mean()), 3),
        "same verdict": round(float((sure["verdict_1"] == sure["verdict_2"]).mean()), 3),
    }


def analyse(corpus: Corpus, arguments: argparse.Namespace) -> Iterator[Result]:
    """Analyse each half."""
    checkpoint = replace(load_checkpoint(smollm2()), id="SmolLM2-135M-Instruct")
    settings = GradientSettings(
        chunks=arguments.chunks,
        tokens_per_chunk=arguments.tokens_per_chunk,
        metrics=tuple(arguments.metrics.split(",")),
        sketch_size=arguments.sketch_size,
    )

    def show(progress: Progress) -> None:
        print(f"{progress.phase} {progress.done}/{progress.total}", end="\r", flush=True)

    for which in (0, 1):
        started = time.monotonic()
        yield analyze_gradients(checkpoint, half(corpus, which), settings=settings, progress=show)
        print(f"sample {which + 1}: {time.monotonic() - started:.0f} s", flush=True)


def agreement(results: list[Result]) -> pd.DataFrame:
    """How far two results agree: a column per metric, for the body and for the layers."""
    rows = []
    for metric in results[0].settings["metrics"]:
        first, second = (r.pairs[r.pairs["metric"] == metric] for r in results)
        for where, body in (("body", True), ("layers", False)):
            rows.append(
                compare(
                    first[(first["group"] == BODY) == body],
                    second[(second["group"] == BODY) == body],
                    f"{metric}, {where}",
                )
            )
    return pd.DataFrame(rows).set_index("rows").T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for run directories, tables and figures")
    parser.add_argument("--chunks", type=int, default=16)
    parser.add_argument("--tokens-per-chunk", type=int, default=512)
    parser.add_argument("--sketch-size", type=int, default=8192)
    parser.add_argument("--metrics", default="euclidean,adam")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gnome_text(LANGUAGES, Path(folder))
        corpus = read_corpus(folder)
    results = []
    for number, result in enumerate(analyse(corpus, arguments), start=1):
        result.save(arguments.output / f"sample{number}", overwrite=True)
        (arguments.output / f"sample{number}.txt").write_text(terminal_report(result), encoding="utf-8")
        results.append(result)
    table = agreement(results)
    print(table.to_string())
    table.to_csv(arguments.output / "agreement.csv")


if __name__ == "__main__":
    main()
