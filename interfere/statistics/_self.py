"""One language against itself: how much of a chunk's gradient is signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interfere.statistics._kernels import Floats, Kernel, Variance, kernel, variance


@dataclass(frozen=True)
class SelfEstimate:
    """One language's own dots, each field (G,).

    Args:
        dot: kernel of dot(ℓ,ℓ).
        dot_variance: of dot(ℓ,ℓ), None below four slots.
        chunk_norms: (G, K) ‖g(ℓ,k)‖.
        mean_square: mean over k of ‖g(ℓ,k)‖².
        ratio: self-similarity, dot(ℓ,ℓ) / mean_square; NaN where all gradients are 0.
        ratio_variance: of the self-similarity, None below four slots.
    """

    dot: Kernel
    dot_variance: Variance | None
    chunk_norms: Floats
    mean_square: Floats
    ratio: Floats
    ratio_variance: Variance | None


def self_estimate(block: Floats) -> SelfEstimate:
    """Reads a language's own block of the Gram, (G, K, K).

    The self-similarity ρ is a ratio as well; its linearised kernel is
    [⟨g(k), g(k′)⟩ − ρ/2 (‖g(k)‖² + ‖g(k′)‖²)] / mean ‖g‖², with the same K/(K−1) as the corrected cosine's.
    """
    slots = block.shape[-1]
    squares = np.maximum(np.diagonal(block, axis1=-2, axis2=-1), 0.0)
    mean_square = squares.mean(axis=-1)
    positive = np.where(mean_square > 0, mean_square, np.nan)
    dot = kernel(block)
    ratio = dot.mean / positive
    dot_variance = ratio_variance = None
    if dot.centred is not None:
        dot_variance = variance(dot)
        norms = ratio[:, None, None] / 2 * (squares[:, :, None] + squares[:, None, :])
        spread = variance(kernel((block - norms) / positive[:, None, None]))
        factor = slots / (slots - 1)
        ratio_variance = Variance(spread.linear * factor, spread.degenerate * factor)
    return SelfEstimate(dot, dot_variance, np.sqrt(squares), mean_square, ratio, ratio_variance)


def raw_cosine(block: Floats, norms_a: Floats, norms_b: Floats) -> Floats:
    """(G,) mean over k ≠ k′ of the cosines of single chunks; NaN where a chunk's gradient is 0, or with one slot.

    Args:
        block: (G, K, K) ⟨g(a,k), g(b,k′)⟩.
        norms_a: (G, K) ‖g(a,k)‖.
        norms_b: (G, K) ‖g(b,k)‖.
    """
    slots = block.shape[-1]
    if slots < 2:
        return np.full(len(block), np.nan)
    a, b = np.where(norms_a > 0, norms_a, np.nan), np.where(norms_b > 0, norms_b, np.nan)
    cosines = block / a[:, :, None] / b[:, None, :]
    total = cosines.sum(axis=(-1, -2)) - np.einsum("gkk->g", cosines)
    mean: Floats = total / (slots * (slots - 1))
    return mean
