"""How much a linear sketch of the gradients adds to the variance of what is computed from its Gram.

A sketch S with B buckets and random signs is unbiased, E⟨Sx, Sy⟩ = ⟨x, y⟩, and the errors of two such products have the
covariance (⟨x,z⟩⟨y,w⟩ + ⟨x,w⟩⟨y,z⟩) / B, up to terms that vanish when no single coordinate owns a vector. A statistic
that is Σ M(p,q) ⟨g_p, g_q⟩ to first order, M symmetric, therefore has the sketch variance (2/B) tr(M G M G).
Charikar, Chen & Farach-Colton (2002), https://doi.org/10.1007/3-540-45465-9_59; Weinberger et al. (2009),
https://arxiv.org/abs/0902.2206 (appendix: the variance of hashed inner products).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._kernels import Floats


@dataclass(frozen=True)
class SketchParts:
    """The independently sketched parts whose Grams add up to those of the groups.

    Args:
        gram: (P, L, K, L, K) Gram of each part.
        members: per group, the indices of its parts.
        sizes: (P,) buckets of each part's sketch; infinite where the part is exact.
    """

    gram: Floats
    members: Sequence[Sequence[int]]
    sizes: Floats

    def smallest(self) -> Floats:
        """(G,) the smallest sketch among each group's parts, NaN where all of them are exact."""
        sizes = np.asarray(self.sizes, dtype=np.float64)
        least = np.array([min((sizes[p] for p in parts), default=np.inf) for parts in self.members], dtype=np.float64)
        return np.where(np.isfinite(least), least, np.nan)


class SketchVariance:
    """Sketch variances of weighted sums of dots, for all groups at once."""

    def __init__(self, parts: SketchParts) -> None:
        sizes = np.asarray(parts.sizes, dtype=np.float64)
        pairs = [(g, p) for g, members in enumerate(parts.members) for p in members if np.isfinite(sizes[p])]
        self._group = np.array([g for g, _ in pairs], dtype=np.intp)
        used = sorted({p for _, p in pairs})
        self._used = np.array(used, dtype=np.intp)
        place = {p: i for i, p in enumerate(used)}
        self._part = np.array([place[p] for _, p in pairs], dtype=np.intp)
        self._sizes = sizes[self._used]
        self._gram = parts.gram
        self._groups = len(parts.members)

    def _block(self, a: int, b: int) -> Floats:
        """(P used, K, K) entries of languages a and b; a failed language's are NaN and count as 0."""
        block = self._gram[self._used, a, :, b, :]
        return np.where(np.isfinite(block), block, 0.0)

    def _trace(self, x: Floats, y: Floats, kept: Floats | None = None) -> Floats:
        """(G,) Σ over a group's parts of tr(x y) · 2/B."""
        of_part = 2 * np.einsum("pij,pji->p", x, y) / self._sizes
        if kept is not None:
            of_part = of_part * kept
        total = np.zeros(self._groups)
        np.add.at(total, self._group, of_part[self._part])
        return total

    def pair(self, a: int, b: int, kept: NDArray[np.bool_] | None = None) -> PairSketch:
        """The sketch variances of the sums of dot(a,a), dot(a,b) and dot(b,b) of one pair.

        Args:
            a: one language.
            b: the other.
            kept: (P,) the parts that count; all by default.
        """
        counted = None if kept is None else kept[self._used].astype(np.float64)
        side = (a, b)
        # J = 11ᵀ − I leaves a slot's product with itself out: J G = column sums − G.
        hollow = {}
        for v, x in product(range(2), repeat=2):
            block = self._block(side[v], side[x])
            hollow[v, x] = block.sum(axis=-2, keepdims=True) - block
        slots = self._gram.shape[2]
        scale = (slots * (slots - 1)) ** 2
        traces = {}
        for left, right in product(hollow, repeat=2):
            if left <= right:
                traces[left, right] = traces[right, left] = self._trace(hollow[left], hollow[right], counted) / scale
        return PairSketch(traces)

    def self_similarity(
        self, a: int, ratio: Floats, mean_square: Floats, pairs: Floats | float = 1.0, chunks: Floats | float = 1.0
    ) -> Floats:
        """(G,) sketch variance of dot(a,a) / mean ‖g(a,k)‖².

        Args:
            a: the language.
            ratio: (G,) its self-similarity.
            mean_square: (G,) what that is divided by.
            pairs: (G,) all pairs of slots over those that were counted.
            chunks: (G,) the same for slots.
        """
        block = self._block(a, a)
        hollow = block.sum(axis=-2, keepdims=True) - block
        slots = block.shape[-1]
        off, diagonal = pairs / (slots * (slots - 1)), -ratio * chunks / slots
        total = off**2 * self._trace(hollow, hollow) + 2 * off * diagonal * self._trace(hollow, block)
        total += diagonal**2 * self._trace(block, block)
        share: Floats = np.maximum(total, 0.0) / mean_square**2
        return share


@dataclass(frozen=True)
class PairSketch:
    """Sketch variances of one pair of languages; `traces` maps two blocks to their (G,) share of tr(M G M G) · 2/B."""

    traces: dict[tuple[tuple[int, int], tuple[int, int]], NDArray[np.float64]]

    def of(self, aa: Floats | float, ab: Floats | float, bb: Floats | float) -> Floats:
        """(G,) variance of aa·dot(a,a) + ab·dot(a,b) + bb·dot(b,b), with weights (G,) or plain numbers."""
        weights = {(0, 0): aa, (0, 1): ab / 2, (1, 0): ab / 2, (1, 1): bb}
        total: Floats = np.zeros(())
        for (u, v), (x, y) in product(weights, repeat=2):
            total = total + weights[u, v] * weights[x, y] * self.traces[(v, x), (y, u)]
        return np.maximum(total, 0.0)
