r"""Kernels over slots of which a language has none in some: an expert that a chunk did not reach says nothing of it.

The mean is taken over the pairs k ≠ k′ that are there, θ = Σ w h / Σ w, with w(k,k′) = 1 where ℓ has slot k and m has
slot k′, averaged over both orders. It is a ratio of two U-statistics, and all that is made from a complete kernel needs
two things of it:

- what deleting one slot changes, exactly: θ₋ₖ − θ = −2 (R(k) − θ c(k)) / (W − 2 c(k)), with row sums R of w h and c of
  w, and W = Σ w. A slot that nobody has changes nothing.
- the noise × noise part. An additive fit w-weighted to what is there, h ≈ θ + α(k) + α(k′), takes the place of
  U-centring; Σ w e² over its residuals and degrees of freedom is ζ₂, and the mean has 2 ζ₂ / W of it.

Both are scaled so that the formulas of a complete kernel hold for them; with nothing missing they are that kernel's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._kernels import FEWEST_SLOTS, Floats, Kernel, kernel, variance
from interfere.statistics._self import SelfEstimate, raw_cosine, self_estimate

Mask = NDArray[np.bool_]

_SINGULAR = 1e-9
"""Eigenvalues below this share of the largest are 0: slots split into two sides leave one direction of the fit free."""


def kernel_of_seen(block: Floats, seen_a: Mask, seen_b: Mask) -> Kernel:
    """A kernel from the entries whose chunks are both there.

    Args:
        block: (G, K, K) ⟨g(a,k), g(b,k′)⟩; what is missing may be anything finite.
        seen_a: (G, K) which slots a has; at least four, or none.
        seen_b: (G, K) which slots b has.

    Returns:
        A kernel; its mean is NaN where no two different slots are there.
    """
    whole = kernel(block)
    part = ~(seen_a & seen_b).all(axis=1)
    if not part.any():
        return whole
    some = _incomplete(block[part], seen_a[part], seen_b[part])
    whole.mean[part], whole.rows[part] = some.mean, some.rows
    if whole.centred is not None and some.centred is not None:
        whole.centred[part] = some.centred
    return whole


def self_estimate_of_seen(block: Floats, seen: Mask) -> SelfEstimate:
    """`self_estimate` from the chunks that are there; the self-similarity is over these alone too.

    Args:
        block: (G, K, K) ⟨g(ℓ,k), g(ℓ,k′)⟩.
        seen: (G, K) which slots there are.
    """
    whole = self_estimate(block)
    part = ~seen.all(axis=1)
    if not part.any():
        return whole
    dot = kernel_of_seen(block, seen, seen)
    here, slots = seen[part], seen.shape[1]
    count = here.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(here, whole.chunk_norms[part] ** 2, 0.0)
        mean_square = squares.sum(axis=1) / count
        ratio = dot.mean[part] / np.where(mean_square > 0, mean_square, np.nan)
    whole.mean_square[part], whole.ratio[part] = mean_square, ratio
    if whole.dot_variance is None or whole.ratio_variance is None or dot.centred is None:
        return SelfEstimate(dot, None, whole.chunk_norms, whole.mean_square, whole.ratio, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Deleting slot k changes the mean square by (mean − ‖g(k)‖²) / (n − 1).
        change = np.where(here, squares - mean_square[:, None], 0.0) / (count - 1)[:, None]
        rows = dot.rows[part] - ratio[:, None] * change * ((slots - 1) * (slots - 2) / 2)
        spread = variance(Kernel(ratio, rows / mean_square[:, None], dot.centred[part] / mean_square[:, None, None]))
    factor = slots / (slots - 1)
    for into, values in (
        (whole.ratio_variance.linear, spread.linear * factor),
        (whole.ratio_variance.degenerate, spread.degenerate * factor),
    ):
        into[part] = values
    return SelfEstimate(dot, variance(dot), whole.chunk_norms, whole.mean_square, whole.ratio, whole.ratio_variance)


def raw_cosine_of_seen(block: Floats, norms_a: Floats, norms_b: Floats, seen_a: Mask, seen_b: Mask) -> Floats:
    """`raw_cosine` over the pairs of chunks that are there."""
    whole = raw_cosine(block, norms_a, norms_b)
    part = ~(seen_a & seen_b).all(axis=1)
    present = _present(seen_a[part], seen_b[part])
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = block[part] / norms_a[part][:, :, None] / norms_b[part][:, None, :]
        whole[part] = np.where(present, cosines, 0.0).sum(axis=(1, 2)) / present.sum(axis=(1, 2))
    return whole


def _present(seen_a: Mask, seen_b: Mask) -> Mask:
    """(G, K, K) which entries are there, without the diagonal."""
    return seen_a[:, :, None] & seen_b[:, None, :] & ~np.eye(seen_a.shape[1], dtype=bool)


def _incomplete(block: Floats, seen_a: Mask, seen_b: Mask) -> Kernel:
    slots = block.shape[-1]
    there = _present(seen_a, seen_b)
    products = np.where(there, block, 0.0)
    weights = (there + np.swapaxes(there, 1, 2).astype(np.float64)) / 2
    weighted = (products + np.swapaxes(products, 1, 2)) / 2
    row_weights, row_sums = weights.sum(axis=2), weighted.sum(axis=2)
    total = row_weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = weighted.sum(axis=(1, 2)) / total
        left = row_sums - mean[:, None] * row_weights
        rows = left * ((slots - 1) * (slots - 2)) / (total[:, None] - 2 * row_weights)
    if slots < FEWEST_SLOTS:
        return Kernel(mean, rows, None)
    return Kernel(mean, rows, _residuals(weights, weighted, np.nan_to_num(mean), np.nan_to_num(left), row_weights))


def _residuals(weights: Floats, weighted: Floats, mean: Floats, left: Floats, row_weights: Floats) -> Floats:
    """(G, K, K) residuals of the additive fit, scaled so that their squares stand for the noise × noise part."""
    slots = weights.shape[-1]
    index = np.arange(slots)
    normal = weights.copy()
    normal[:, index, index] = row_weights
    values, vectors = np.linalg.eigh(normal)
    kept = values > _SINGULAR * np.maximum(values[:, -1:], 1e-300)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    effects = np.einsum("gki,gi,gji,gj->gk", vectors, inverse, vectors, left, optimize=True)
    there = weights > 0
    entries = np.divide(weighted, weights, out=np.zeros_like(weighted), where=there)
    residuals = np.where(there, entries - mean[:, None, None] - effects[:, :, None] - effects[:, None, :], 0.0)
    freedom = np.maximum(there.sum(axis=(1, 2)) - 2 * kept.sum(axis=1), 1)
    scale = slots**2 * (slots - 1) * (slots - 3) / (freedom * np.maximum(row_weights.sum(axis=1), 1e-300))
    scaled: Floats = np.sqrt(scale)[:, None, None] * np.sqrt(weights) * residuals
    return scaled
