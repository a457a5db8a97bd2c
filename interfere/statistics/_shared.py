"""What the languages have in common, from the L × L matrix of their dots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._kernels import Floats

_ROUNDING = 1e-12
"""Centred dots below this share of the uncentred ones are rounding: the languages' gradients are equal."""


def common_share(dots: Floats, good: NDArray[np.bool_], weights: Floats) -> Floats:
    """‖Σ w(ℓ) ḡ(ℓ)‖² / Σ w(ℓ) ‖ḡ(ℓ)‖², free of noise bias since the dots are; not clipped to [0, 1].

    With equal weights this is the common share, with the training mixture's the mixture residual.

    Args:
        dots: (G, L, L) dot(ℓ,m).
        good: (G, L) the languages that count.
        weights: (L,) not negative; scaled to sum to 1 over the languages that count.

    Returns:
        (G,), NaN where the denominator is not above 0.
    """
    w = np.where(good, weights, 0.0)
    total = w.sum(axis=1, keepdims=True)
    w = w / np.where(total > 0, total, np.nan)
    finite = np.where(good[:, :, None] & good[:, None, :], dots, 0.0)
    above = np.einsum("gl,glm,gm->g", w, finite, w)
    below = np.einsum("gl,gll->g", w, finite)
    share: Floats = above / np.where(below > 0, below, np.nan)
    return share


def centred_cosines(dots: Floats, good: NDArray[np.bool_]) -> Floats:
    """Cosines after the mean gradient of the languages is taken out; for unrelated languages near −1/(L−1).

    Args:
        dots: (G, L, L) dot(ℓ,m).
        good: (G, L) the languages that count.

    Returns:
        (G, L, L), NaN for languages that do not count and where a centred dot(ℓ,ℓ) is not above 0.
    """
    w = good / np.maximum(good.sum(axis=1, keepdims=True), 1)
    finite = np.where(good[:, :, None] & good[:, None, :], dots, 0.0)
    rows = np.einsum("glm,gm->gl", finite, w)
    centred = finite - rows[:, :, None] - rows[:, None, :] + np.einsum("gl,gl->g", rows, w)[:, None, None]
    own = np.einsum("gll->gl", centred)
    floor = _ROUNDING * np.abs(np.einsum("gll->gl", finite)).max(axis=1, initial=0.0)
    own = np.where(good & (own > floor[:, None]), own, np.nan)
    cosines: Floats = centred / np.sqrt(own[:, :, None] * own[:, None, :])
    return cosines
