"""`python -m benchmarks.deltas [passes] [training]`: what evaluation in passes and matched training cost."""

from __future__ import annotations

import argparse

import torch

from benchmarks.deltas._passes import compare_passes, passes_table
from benchmarks.deltas._training import compare_training, training_line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["passes", "training"], default=["passes", "training"])
    parser.add_argument("--documents", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=600)
    given = parser.parse_args()
    if "passes" in given.what:
        torch.set_num_threads(1)
        print(passes_table(*compare_passes(given.documents)))
    if "training" in given.what:
        print(training_line(compare_training(given.rounds, given.updates)))


if __name__ == "__main__":
    main()
