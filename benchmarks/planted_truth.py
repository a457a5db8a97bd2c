"""Planted truth: known cosines go through `gram_tables`, and what comes out is held against what it promises.

    python -m benchmarks.planted_truth [--quick] [--output FOLDER]

Chunk gradients of two languages are drawn as √ρ·signal + √(1−ρ)·noise: signals of unit length with cosine c, noise with
a mean squared norm of 1. Their plain Gram goes through the public function, every repetition as a group of its own.
Noise is drawn anew for every kind, dimension, correlation and batch; the cells of one such draw differ in c, ρ and K.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from interfere.statistics import gram_tables

Floats = NDArray[np.float64]

NOISES = ("isotropic", "power-law", "heavy-coordinates", "heavy-chunks")
DIMENSIONS = (30, 100, 300)
CORRELATIONS = (0.0, 0.5, 0.9)
COSINES = (-0.8, -0.4, 0.0, 0.4, 0.8)
SHARES = (0.1, 0.2, 0.4, 0.8)
SLOTS = (6, 8, 16)
FREEDOM = 3
"""Degrees of freedom of the heavy tails, the fewest with a finite variance; their fourth moments are infinite."""


def spectrum(noise: str, dimension: int) -> Floats:
    """Eigenvalues of the noise's covariance: they sum to 1, and (Σλ)²/Σλ² is the effective dimension asked for."""
    if noise != "power-law":
        return np.full(dimension, 1 / dimension)
    rank = np.arange(1, 4 * dimension + 1, dtype=np.float64)
    exponent = brentq(lambda a: (rank**-a).sum() ** 2 / (rank ** (-2 * a)).sum() - dimension, 0.01, 3)
    return rank**-exponent / (rank**-exponent).sum()


def draw_noise(
    rng: np.random.Generator, noise: str, dimension: int, correlation: float, repetitions: int, slots: int
) -> tuple[Floats, Floats]:
    """Noise of two languages, each (repetitions, slots, D), of mean squared norm 1; slots are independent.

    `heavy-coordinates` has Student-t coordinates, `heavy-chunks` Gaussian ones times a common factor a chunk (together
    a multivariate t), which the two languages share where their noise is correlated.
    """
    scale = np.sqrt(spectrum(noise, dimension))
    shape = (repetitions, slots, len(scale))

    def draw() -> Floats:
        if noise == "heavy-coordinates":
            return rng.standard_t(FREEDOM, shape) / np.sqrt(FREEDOM / (FREEDOM - 2))
        return rng.standard_normal(shape)

    a = draw()
    b = correlation * a + np.sqrt(1 - correlation**2) * draw()
    if noise == "heavy-chunks":

        def factor() -> Floats:
            return np.sqrt((FREEDOM - 2) / rng.chisquare(FREEDOM, (repetitions, slots, 1)))

        common = factor()
        a, b = a * common, b * (common if correlation else factor())
    return a * scale, b * scale


def draw_signals(rng: np.random.Generator, repetitions: int, size: int, cosine: float) -> tuple[Floats, Floats]:
    """Two unit vectors of random direction a repetition, each (repetitions, 1, size), whose cosine is as asked."""
    a, b = rng.standard_normal((2, repetitions, 1, size))
    a /= np.linalg.norm(a, axis=-1, keepdims=True)
    b -= (a * b).sum(axis=-1, keepdims=True) * a
    b /= np.linalg.norm(b, axis=-1, keepdims=True)
    return a, cosine * a + np.sqrt(1 - cosine**2) * b


def gram_of(vectors: Floats) -> Floats:
    """(G, L, K, L, K) inner products of chunk vectors (G, L, K, D)."""
    groups, languages, slots, size = vectors.shape
    flat = vectors.reshape(groups, languages * slots, size)
    return (flat @ flat.transpose(0, 2, 1)).reshape(groups, languages, slots, languages, slots)


def measure(gram: Floats, cosine: float) -> dict[str, float]:
    """What one batch of a cell shows, as sums over its repetitions."""
    names = [str(g) for g in range(len(gram))]
    pairs = gram_tables(gram, languages=["a", "b"], groups=names).pairs
    known = pairs["corrected"].notna()
    found = pairs["verdict"] != "undetermined"
    value = pairs["corrected"][known]
    inside = (pairs["ci_low"] <= cosine) & (cosine <= pairs["ci_high"])
    outside = (pairs["corrected"].abs() > 1) & found
    too_far = outside & ~(
        (pairs["ci_low"] <= pairs["corrected"].clip(-1, 1)) & (pairs["corrected"].clip(-1, 1) <= pairs["ci_high"])
    )
    return {
        "repetitions": len(pairs),
        "known": known.sum(),
        "error": (value - cosine).sum(),
        "squared_error": ((value - cosine) ** 2).sum(),
        "raw_error": (pairs["cosine"] - cosine).sum(),
        "covered": inside[known].sum(),
        "width": (pairs["ci_high"] - pairs["ci_low"])[known].sum(),
        "undetermined": (~found).sum(),
        "out_of_range": (value.abs() > 1).sum(),
        "out_of_range_found": too_far.sum(),
        "wrong_sign": ((pairs["verdict"] == "conflict") & (cosine > 0)).sum()
        + ((pairs["verdict"] == "aligned") & (cosine < 0)).sum(),
    }


def cells(repetitions: int, seed: int, noises: tuple[str, ...] = NOISES) -> Iterator[dict[str, object]]:
    """Every cell of the grid with what was measured in it."""
    # Draws are batched so that memory stays below a gigabyte.
    for kind, noise in enumerate(noises):
        for dimension in DIMENSIONS:
            batch = max(1, min(repetitions, 40_000_000 // (2 * max(SLOTS) * len(spectrum(noise, dimension)))))
            for correlation in CORRELATIONS:
                sums: dict[tuple[float, float, int], dict[str, float]] = {}
                rng = np.random.default_rng([seed, kind, dimension, int(100 * correlation)])
                for start in range(0, repetitions, batch):
                    n = min(batch, repetitions - start)
                    noise_a, noise_b = draw_noise(rng, noise, dimension, correlation, n, max(SLOTS))
                    for cosine in COSINES:
                        signal_a, signal_b = draw_signals(rng, n, noise_a.shape[-1], cosine)
                        for share in SHARES:
                            s, e = np.sqrt(share), np.sqrt(1 - share)
                            vectors = np.stack([s * signal_a + e * noise_a, s * signal_b + e * noise_b], axis=1)
                            gram = gram_of(vectors.astype(np.float32)).astype(np.float64)
                            for slots in SLOTS:
                                result = measure(gram[:, :, :slots, :, :slots], cosine)
                                into = sums.setdefault((cosine, share, slots), dict.fromkeys(result, 0.0))
                                for name, number in result.items():
                                    into[name] += float(number)
                for (cosine, share, slots), total in sums.items():
                    known, n_all = max(total["known"], 1.0), total["repetitions"]
                    yield {
                        "noise": noise,
                        "dimension": dimension,
                        "correlation": correlation,
                        "share": share,
                        "slots": slots,
                        "cosine": cosine,
                        "repetitions": int(n_all),
                        "mean_error": total["error"] / known,
                        "rms_error": np.sqrt(total["squared_error"] / known),
                        "raw_mean_error": total["raw_error"] / n_all,
                        "coverage": total["covered"] / known,
                        "mean_width": total["width"] / known,
                        "null": 1 - total["known"] / n_all,
                        "undetermined": total["undetermined"] / n_all,
                        "out_of_range": total["out_of_range"] / known,
                        "out_of_range_found": int(total["out_of_range_found"]),
                        "wrong_sign": total["wrong_sign"] / n_all,
                    }


def null_runs(runs: int, seed: int, rows: int = 500) -> Iterator[dict[str, object]]:
    """Runs of 500 rows of true zeros (dot(a,b) = 0, dot(ℓ,ℓ) > 0): how many hold at least one false finding."""
    cases = [
        (noise, dimension, correlation, share, slots)
        for noise in NOISES
        for dimension in (30, 100)
        for correlation in (0.0, 0.9)
        for share in (0.2, 0.5)
        for slots in (6, 16)
    ]
    for index, (noise, dimension, correlation, share, slots) in enumerate(cases):
        rng = np.random.default_rng([seed, 77, index])
        conflict = aligned = 0
        for _ in range(runs):
            signal_a, signal_b = draw_signals(rng, rows, len(spectrum(noise, dimension)), 0.0)
            noise_a, noise_b = draw_noise(rng, noise, dimension, correlation, rows, slots)
            s, e = np.sqrt(share), np.sqrt(1 - share)
            gram = gram_of(np.stack([s * signal_a + e * noise_a, s * signal_b + e * noise_b], axis=1))
            verdict = gram_tables(gram, languages=["a", "b"], groups=[str(g) for g in range(rows)]).pairs["verdict"]
            conflict += bool((verdict == "conflict").any())
            aligned += bool((verdict == "aligned").any())
        yield {
            "noise": noise,
            "dimension": dimension,
            "correlation": correlation,
            "share": share,
            "slots": slots,
            "runs": runs,
            "with_conflict": conflict / runs,
            "with_aligned": aligned / runs,
        }


def half_runs(repetitions: int, seed: int) -> Iterator[dict[str, object]]:
    """Two halves of one language, disjoint text and one signal: how often the interval holds 1."""
    for noise in NOISES:
        for slots in SLOTS:
            rng = np.random.default_rng([seed, 99, slots])
            noise_a, noise_b = draw_noise(rng, noise, 100, 0.0, repetitions, slots)
            signal, _ = draw_signals(rng, repetitions, noise_a.shape[-1], 1.0)
            s, e = np.sqrt(0.3), np.sqrt(0.7)
            gram = gram_of(np.stack([s * signal + e * noise_a, s * signal + e * noise_b], axis=1))
            row = measure(gram, 1.0)
            yield {
                "noise": noise,
                "slots": slots,
                "mean_error": row["error"] / row["known"],
                "coverage": row["covered"] / row["known"],
            }


def criteria(grid: pd.DataFrame, nulls: pd.DataFrame, halves: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """What was asked, what came out, and whether it passes."""
    fit = grid[(grid["dimension"] >= 100) & (grid["share"] >= 0.2)]
    bias = fit["mean_error"].abs().max()
    low = fit["coverage"].min()
    below = int((fit["coverage"] < 0.93).sum())
    at_16 = fit.loc[fit["slots"] == 16, "coverage"].mean()
    stray = int(grid["out_of_range_found"].sum())
    conflict = nulls["with_conflict"].max()
    runs = int(nulls["runs"].iloc[0])
    allowed = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / runs)
    return [
        (f"|mean error| ≤ 0.02 in {len(fit)} cells (effective dimension ≥ 100, ρ ≥ 0.2)", f"{bias:.4f}", bias <= 0.02),
        ("coverage ≥ 0.93 in each of them", f"lowest {low:.4f}, {below} below", low >= 0.93),
        ("mean coverage in 0.93–0.97 at K = 16", f"{at_16:.4f}", 0.93 <= at_16 <= 0.97),
        ("no finding out of range whose interval leaves the range out, all cells", f"{stray}", stray == 0),
        (
            f"a false conflict among 500 true zeros in ≤ 5 % of runs ({runs} runs a case, {len(nulls)} cases)",
            f"mean {nulls['with_conflict'].mean():.4f}, highest {conflict:.4f}",
            nulls["with_conflict"].mean() <= 0.05 and conflict <= allowed,
        ),
        (
            "halves of one language: interval holds 1",
            f"lowest {halves['coverage'].min():.4f}",
            halves["coverage"].min() >= 0.93,
        ),
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 repetitions a cell and 20 runs of nulls")
    parser.add_argument("--output", type=Path, help="folder for grid.csv, nulls.csv, halves.csv and summary.md")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    repetitions, runs = (500, 20) if options.quick else (4000, 200)
    start = time.monotonic()
    rows = []
    for row in cells(repetitions, options.seed):
        rows.append(row)
        if len(rows) % (len(COSINES) * len(SHARES) * len(SLOTS)) == 0:
            print(f"{time.monotonic() - start:6.0f} s  {len(rows)} cells", file=sys.stderr, flush=True)
    grid = pd.DataFrame(rows)
    nulls = pd.DataFrame(null_runs(runs, options.seed))
    halves = pd.DataFrame(half_runs(repetitions, options.seed))
    by = grid[grid["share"] >= 0.2].groupby(["noise", "dimension", "slots"])
    table = by.agg(
        worst_error=("mean_error", lambda x: x.abs().max()),
        raw_worst_error=("raw_mean_error", lambda x: x.abs().max()),
        lowest_coverage=("coverage", "min"),
        mean_coverage=("coverage", "mean"),
        mean_width=("mean_width", "mean"),
        undetermined=("undetermined", "mean"),
        wrong_sign=("wrong_sign", "max"),
    ).reset_index()
    results = criteria(grid, nulls, halves)
    lines = [
        f"{repetitions} repetitions a cell, {len(grid)} cells, seed {options.seed}, {time.monotonic() - start:.0f} s.",
        "",
        "| criterion | result | |",
        "|---|---|---|",
        *(f"| {name} | {value} | {'pass' if ok else 'FAIL'} |" for name, value, ok in results),
        "",
        "| " + " | ".join(table.columns) + " |",
        "|" + "---|" * len(table.columns),
        *(
            "| " + " | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in r) + " |"
            for r in table.itertuples(index=False)
        ),
    ]
    print("\n".join(lines))
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        for name, frame in (("grid", grid), ("nulls", nulls), ("halves", halves)):
            frame.to_csv(options.output / f"{name}.csv", index=False)
        (options.output / "summary.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if all(ok for *_, ok in results) else 1


if __name__ == "__main__":
    sys.exit(main())
