"""`python -m benchmarks.footguns [NAME…]`: what goes wrong in measuring interference, in numbers of real runs.

Without names all but `seeds`; those of SmolLM2 fetch the model and its text, and take minutes. `seeds` reads a run of
`python -m benchmarks.experiment main`, given as `--experiment`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.footguns._noise import chance, noise, randomness
from benchmarks.footguns._padding import padding
from benchmarks.footguns._quality import lost_text, pieces, tokens
from benchmarks.footguns._scope import embeddings, moment, translations
from benchmarks.footguns._trained import seeds
from benchmarks.footguns._units import units

FOOTGUNS: dict[str, Callable[[], pd.DataFrame]] = {
    "noise": noise,
    "chance": chance,
    "randomness": randomness,
    "moment": moment,
    "padding": padding,
    "embeddings": embeddings,
    "translations": translations,
    "tokens": tokens,
    "lost-text": lost_text,
    "pieces": pieces,
    "units": units,
}
"""Name → what makes its table."""


def markdown(table: pd.DataFrame) -> str:
    """A table as docs/footguns.md has it."""
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footguns", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(FOOTGUNS)} and seeds; default: all but seeds")
    parser.add_argument("--experiment", type=Path, help="of seeds: the run directory")
    given = parser.parse_args(arguments)
    known = dict(FOOTGUNS)
    if given.experiment is not None:
        known["seeds"] = partial(seeds, given.experiment)
    names = given.name or list(known)
    for name in names:
        if name not in known:
            parser.error(f"{name!r}: give one of {', '.join(known)}" + "; seeds wants --experiment" * (name == "seeds"))
    for name in names:
        began = time.monotonic()
        about = seeds.__doc__ if name == "seeds" else FOOTGUNS[name].__doc__
        print(f"## {name}\n\n{about}\n\n{markdown(known[name]())}\n", flush=True)
        print(f"{time.monotonic() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
