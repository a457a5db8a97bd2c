"""How far lower precision moves corrected cosines.

    python -m benchmarks.precision [--checkpoint bundled smollm2]

The same text is read by the same model in float32 and in another precision of weights and activations; gradients are
summed, and Gram matrices formed, in float32 and float64 as always.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.assets import gnome_text, smollm2
from interfere import Corpus, GradientSettings, Result, analyze_gradients, bundled_corpus, load_checkpoint, read_corpus
from interfere.bundled import checkpoint_directory

PRECISIONS = ("bfloat16", "float16")
CASES = {
    "bundled": GradientSettings(mask_passes=3, tokens_per_chunk=200, seed=1),
    "smollm2": GradientSettings(chunks=6, tokens_per_chunk=256, seed=1),
}


def text(case: str) -> Corpus:
    if case == "bundled":
        return bundled_corpus()
    with tempfile.TemporaryDirectory() as folder:
        gnome_text(("de", "en", "ko", "ru"), Path(folder))
        return read_corpus(folder)


def compare(exact: Result, other: Result) -> dict[str, object]:
    """How the rows of two results differ, over those that are determined in float32."""
    both = exact.pairs.merge(other.pairs, on=["a", "b", "group", "metric"], suffixes=("", "_other"))
    sure = both[both["verdict"] != "undetermined"]
    apart = (sure["corrected_other"] - sure["corrected"]).astype(float)
    half = ((sure["ci_high"] - sure["ci_low"]) / 2).astype(float)
    return {
        "rows": len(sure),
        "root mean square difference": f"{np.sqrt((apart**2).mean()):.4f}",
        "largest": f"{apart.abs().max():.4f}",
        "largest, in half widths of the interval": f"{(apart.abs() / half).max():.2f}",
        "other verdicts": int((both["verdict"] != both["verdict_other"]).sum()),
        "of": len(both),
        "loss path": other.settings["loss_path"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", nargs="*", choices=list(CASES), default=list(CASES))
    for case in parser.parse_args().checkpoint:
        corpus = text(case)
        folder = checkpoint_directory() if case == "bundled" else smollm2()
        exact = analyze_gradients(load_checkpoint(folder), corpus, settings=CASES[case])
        for precision in PRECISIONS:
            other = analyze_gradients(load_checkpoint(folder, dtype=precision), corpus, settings=CASES[case])
            print(case, precision, compare(exact, other), flush=True)


if __name__ == "__main__":
    main()
