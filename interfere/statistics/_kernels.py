"""Kernels over pairs of slots: their mean is a U-statistic, and its variance has two parts.

Everything that is measured is a mean over pairs of different slots k ≠ k′ of a symmetric kernel h(k, k′): no chunk is
ever multiplied with itself, so noise does not bias it. Hoeffding's decomposition h = θ + h₁(k) + h₁(k′) + h₂(k, k′)
splits the variance of that mean over K slots,

    Var = 4 ζ₁ / K + 2 ζ₂ / (K (K − 1)),      ζ₁ = Var h₁,  ζ₂ = Var h₂,

into signal × noise (linear in the noise) and noise × noise. Hoeffding (1948), https://doi.org/10.1214/aoms/1177730196.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_SLOTS = 4
"""With fewer slots the noise × noise part cannot be estimated, and there are no intervals."""


@dataclass(frozen=True)
class Kernel:
    """A symmetric kernel over K slots, with its diagonal left out, for each of G groups.

    Args:
        mean: (G,) mean over k ≠ k′.
        rows: (G, K) sums over k′ ≠ k, less their mean over k: what deleting one slot changes.
        centred: (G, K, K) U-centred kernel with zero diagonal, an estimate of h₂; None below four slots.
    """

    mean: Floats
    rows: Floats
    centred: Floats | None

    @property
    def slots(self) -> int:
        """K, the number of slots."""
        return int(self.rows.shape[-1])


@dataclass(frozen=True)
class Variance:
    """The two parts of a U-statistic's variance at the number of slots that it was estimated from, each (G,) and ≥ 0.

    Args:
        linear: 4 ζ₁ / K.
        degenerate: 2 ζ₂ / (K (K − 1)).
    """

    linear: Floats
    degenerate: Floats

    @property
    def total(self) -> Floats:
        """The variance at the present number of slots."""
        return self.linear + self.degenerate

    def over(self, scale: Floats) -> Variance:
        """The variance after the statistic is divided by √scale."""
        return Variance(self.linear / scale, self.degenerate / scale)


def kernel(block: Floats) -> Kernel:
    """Reads a kernel from a block of Gram entries; what is not symmetric in the block is averaged away.

    Args:
        block: (G, K, K), such as ⟨g(ℓ,k), g(m,k′)⟩.

    U-centring, Ã(k,k′) = A(k,k′) − r(k)/(K−2) − r(k′)/(K−2) + Σr/((K−1)(K−2)) for k ≠ k′ with row sums r, is the one of
    Székely & Rizzo (2014), https://doi.org/10.1214/14-AOS1255: ΣÃB̃/(K(K−3)) is unbiased for the covariance of h₂.
    """
    slots = block.shape[-1]
    hollow = (block + np.swapaxes(block, -1, -2)) / 2
    hollow[..., np.arange(slots), np.arange(slots)] = 0.0
    rows = hollow.sum(axis=-1)
    total = rows.sum(axis=-1)
    mean = total / (slots * (slots - 1)) if slots > 1 else np.full(total.shape, np.nan)
    centred = None
    if slots >= FEWEST_SLOTS:
        share = rows / (slots - 2)
        centred = hollow - share[..., :, None] - share[..., None, :]
        centred += (total / ((slots - 1) * (slots - 2)))[..., None, None]
        centred[..., np.arange(slots), np.arange(slots)] = 0.0
    return Kernel(mean, rows - rows.mean(axis=-1, keepdims=True), centred)


def combine(*terms: tuple[Floats | float, Kernel]) -> Kernel:
    """The weighted sum of kernels, Σ w h, with weights (G,) or plain numbers."""
    mean = sum((w * h.mean for w, h in terms), np.zeros(()))
    rows = sum((np.asarray(w)[..., None] * h.rows for w, h in terms), np.zeros(()))
    parts = [(w, h.centred) for w, h in terms if h.centred is not None]
    centred = None
    if len(parts) == len(terms):
        centred = np.asarray(sum((np.asarray(w)[..., None, None] * x for w, x in parts), np.zeros(())))
    return Kernel(np.asarray(mean), np.asarray(rows), centred)


def covariance(x: Kernel, y: Kernel) -> tuple[Floats, Floats]:
    """Jackknife covariance of the means of two kernels, and the noise × noise part of their covariance, each (G,).

    Deleting slot k moves the mean by −2 rows(k) / ((K−1)(K−2)), which gives the jackknife in closed form,
    4 Σ rows_x rows_y / (K (K−1) (K−2)²). Its expectation is 4 ζ₁/K + 4 ζ₂/(K (K−2)): the noise × noise part about
    twice.

    Raises:
        ValueError: with fewer than four slots.
    """
    slots = x.slots
    if x.centred is None or y.centred is None:
        raise ValueError(f"{slots} slots; at least {FEWEST_SLOTS} are needed for a variance")
    jackknife = 4 * np.einsum("gk,gk->g", x.rows, y.rows) / (slots * (slots - 1) * (slots - 2) ** 2)
    zeta2 = np.einsum("gkj,gkj->g", x.centred, y.centred) / (slots * (slots - 3))
    return jackknife, 2 * zeta2 / (slots * (slots - 1))


def variance(h: Kernel) -> Variance:
    """Variance of a kernel's mean for intervals: max(v_jack − v_nn, v_nn), of which v_nn is the noise × noise part.

    The jackknife's exact excess is v_nn K/(K−2). Only v_nn is taken off: in simulation (`benchmarks/planted_truth.py`)
    taking off the whole excess costs 0.3 to 1.4 points of coverage and drops cells with few slots below 93 %, since
    what is taken off is itself an estimate; with v_nn they stay at or above it, and at K = 16 the two differ little.
    The true variance is never below its noise × noise part, hence the maximum.
    """
    jackknife, degenerate = covariance(h, h)
    return Variance(np.maximum(jackknife - 2 * degenerate, 0.0), degenerate)


def strict_variance(h: Kernel) -> Variance:
    """Variance of a kernel's mean for tests: the whole jackknife, with the noise × noise part about twice.

    An interval needs its quantiles right near 5 %, a test in a family of hundreds near 0.01 %. There the variance of
    `variance` fails: where signal × noise and noise × noise are of one size and the two languages share their noise,
    it rejects up to 7 times too often at p = 0.0003 (16 slots), and 500 true zeros gave a false conflict in up to 30 %
    of runs. The unreduced jackknife holds its level down there and costs at most √2 in the statistic. Shared noise
    makes the statistic lean to the negative side, which alone uses up the level (5.1 % of runs, 3.9 % with K/(K−1)).
    """
    jackknife, degenerate = covariance(h, h)
    linear = np.maximum(jackknife - 2 * degenerate, 0.0)
    factor = h.slots / (h.slots - 1)
    return Variance(factor * linear, factor * np.maximum(jackknife - linear, degenerate))
