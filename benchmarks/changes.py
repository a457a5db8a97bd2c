"""How often the intervals of `interfere compare` hold the true difference: planted gradients, planted scores.

Two checkpoints with two languages each: signals with planted cosines, noise of which a part is the same in both
checkpoints, since both read the same text. For every cell, each statistic's interval is compared with the planted
difference (for raw cosines and for units: with the mean over all draws).

    python -m benchmarks.changes            minutes
    python -m benchmarks.changes --quick    300 draws a cell
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from interfere.statistics import GramStatistics, UnitGroup, change, overlap_changes, share_changes

DIMENSIONS = (30, 100)
SLOTS = (8, 16)
SHARES = (0.2, 0.5)
SHARED = (0.0, 0.9)
STEPS = (((0.3, 0.3), 1.0), ((0.1, 0.6), 1.3))
"""((cosine before, cosine after), length of the signal after)."""

UNITS = (8, 16, 50, 300)


def grams(rng: np.random.Generator, runs: int, size: int, slots: int, share: float, shared: float,
          cosines: tuple[float, float], length: float) -> Iterator[np.ndarray]:  # fmt: skip
    """The Gram matrices of both checkpoints, (runs, 2, K, 2, K)."""
    u, v = rng.standard_normal((2, runs, size))
    u /= np.linalg.norm(u, axis=-1, keepdims=True)
    v -= (u * v).sum(-1, keepdims=True) * u
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    noise = rng.standard_normal((3, runs, 2, slots, size)) / np.sqrt(size)
    for run, cosine in enumerate(cosines):
        signal = np.stack([u, cosine * u + np.sqrt(1 - cosine**2) * v], axis=1) * (length if run else 1.0)
        own = np.sqrt(shared) * noise[0] + np.sqrt(1 - shared) * noise[1 + run]
        vectors = np.sqrt(share) * signal[:, :, None] + np.sqrt(1 - share) * own
        yield np.einsum("glkd,gmnd->glkmn", vectors, vectors, optimize=True)


def gradient_cells(runs: int, seed: int) -> Iterator[dict[str, object]]:
    cells = product(DIMENSIONS, SLOTS, SHARES, SHARED, STEPS)
    for index, (size, slots, share, shared, (cosines, length)) in enumerate(cells):
        rng = np.random.default_rng([seed, index])
        both, sure = [], np.ones(runs, dtype=bool)
        for gram in grams(rng, runs, size, slots, share, shared, cosines, length):
            own = GramStatistics(gram)
            both.append({**own.pair(0, 1)[0], **own.own(0), **own.common({"common_share": np.ones(2) / 2})[0]})
            sure &= own.sure.all(axis=1)
        step = cosines[1] - cosines[0]
        rho = [share * n**2 / (share * n**2 + 1 - share) for n in (1.0, length)]
        truth = {"corrected": step, "transfer_ab": step, "transfer_ba": step, "common_share": step / 2,
                 "self_similarity": rho[1] - rho[0], "norm": np.log(length)}  # fmt: skip
        for name in both[0]:
            found = change(both[0][name], both[1][name])
            value = truth.get(name, found.difference.mean())
            inside = (found.low <= value) & (value <= found.high)
            yield {
                "quantity": name, "size": size, "slots": slots, "share": share, "shared": shared, "step": step,
                "known": sure.mean(), "coverage": inside[sure].mean(), "error": found.difference[sure].mean() - value,
                "width": (found.high - found.low)[sure].mean(), "found": (found.p_value <= 0.05)[sure].mean(),
            }  # fmt: skip


def unit_cells(runs: int, seed: int) -> Iterator[dict[str, object]]:
    for index, (units, slots, noise) in enumerate(product(UNITS, SLOTS, (0.5, 2.0))):
        rng = np.random.default_rng([seed, 99, index])
        before = rng.standard_normal((2, units))
        before[1] = 0.6 * before[0] + 0.8 * before[1]
        after = before + 0.2 * rng.standard_normal((2, units))
        whole = UnitGroup("encoder.0", "mlp", "neuron", 0, units)
        layers = [UnitGroup(f"encoder.{i}", "mlp", "neuron", i * units // 2, units // 2) for i in range(2)]
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(runs):
            shared = rng.standard_normal((2, slots, units))
            scores = [
                np.exp(0.7 * (base[:, None] + noise * (0.9 * shared + 0.45 * rng.standard_normal(shared.shape))))
                for base in (before, after)
            ]
            found = {"share": (share_changes(scores[0], scores[1], [(g, g) for g in layers]), (0, 0))}
            overlaps = overlap_changes(scores[0], scores[1], (whole, whole), 0.1)
            found |= {name: (own, (0, 1)) for name, own in overlaps.items()}
            for name, (own, place) in found.items():
                rows.setdefault(name, []).append(
                    (own.after[place] - own.before[place], own.low[place], own.high[place])
                )
        for name, drawn in rows.items():
            value, low, high = np.array(drawn).T
            known = np.isfinite(low)
            inside = (low <= value.mean()) & (value.mean() <= high)
            yield {
                "quantity": name, "units": units, "slots": slots, "noise": noise, "known": known.mean(),
                "coverage": inside[known].mean() if known.any() else np.nan,
            }  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300 draws a cell instead of 2,000")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    runs, start = 300 if options.quick else 2000, time.monotonic()
    gradients = pd.DataFrame(gradient_cells(runs, options.seed))
    units = pd.DataFrame(unit_cells(runs // 10, options.seed))
    at_16 = gradients[gradients["slots"] == 16]
    lowest, highest = at_16["coverage"].min(), at_16["coverage"].max()
    nothing = gradients[(gradients["step"] == 0) & (gradients["known"] > 0.5)]
    noise = 2.6 * np.sqrt(0.05 * 0.95 / runs)
    criteria = [
        ("16 slots: coverage of every cell in 0.93–0.97, give or take the draws", f"{lowest:.3f} to {highest:.3f}",
         lowest >= 0.93 - noise and highest <= 0.97 + noise),
        ("16 slots: mean coverage in 0.94–0.96", f"{at_16['coverage'].mean():.3f}",
         0.94 <= at_16["coverage"].mean() <= 0.96),
        ("8 slots, where signals are sure: lowest coverage at least 0.92",
         f"{gradients.loc[gradients['slots'] == 8, 'coverage'].min():.3f}",
         gradients.loc[gradients["slots"] == 8, "coverage"].min() >= 0.92 - noise),
        ("no difference: found in at most 5 %", f"{nothing['found'].max():.3f}",
         nothing["found"].max() <= 0.05 + noise),
    ]  # fmt: skip
    print(f"{runs} draws a cell ({runs // 10} of units), seed {options.seed}, {time.monotonic() - start:.0f} s.\n")
    print("| criterion | result | |\n|---|---|---|")
    for name, result, passed in criteria:
        print(f"| {name} | {result} | {'pass' if passed else 'FAIL'} |")
    by = gradients.groupby(["quantity", "slots"]).agg(
        lowest=("coverage", "min"), mean=("coverage", "mean"), highest=("coverage", "max"),
        worst_error=("error", lambda x: x.abs().max()),
    )  # fmt: skip
    print(f"\n{by.round(3).to_string()}\n")
    of_units = units.groupby(["quantity", "units"]).agg(
        lowest=("coverage", "min"), mean=("coverage", "mean"), known=("known", "mean")
    )
    print(of_units.round(3).to_string())
    return 0 if all(passed for *_, passed in criteria) else 1


if __name__ == "__main__":
    sys.exit(main())
