r"""The statistics of a Gram as kernels over slots, so that two runs' can be subtracted, as `_changes` does.

With dots D = dot(ℓ,m) and their kernels h of the same indices, each to first order:

- corrected cosine: as in `corrected_cosine`;
- raw cosine: the kernel of the chunks' cosines itself, which is no ratio of means;
- transfer ℓ→m, T = D(ℓ,m) / D(m,m): [h(ℓ,m) − T h(m,m)] / D(m,m);
- self-similarity ρ: as in `self_estimate`;
- log norm, ½ log D(ℓ,ℓ): ½ h(ℓ,ℓ) / D(ℓ,ℓ), whose difference is the log of the ratio of two norms;
- common share, S = Σ w(ℓ)w(m) D(ℓ,m) / Σ w(ℓ) D(ℓ,ℓ): [Σ w(ℓ)w(m) h(ℓ,m) − S Σ w(ℓ) h(ℓ,ℓ)] / Σ w(ℓ) D(ℓ,ℓ).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from interfere.statistics._changes import Linearised
from interfere.statistics._corrected import corrected_cosine
from interfere.statistics._kernels import FEWEST_SLOTS, Floats, Variance, combine, kernel, variance
from interfere.statistics._pair import pair_block, t_quantile
from interfere.statistics._self import SelfEstimate, self_estimate
from interfere.statistics._sketch import SketchParts, SketchVariance


class GramStatistics:
    """The statistics of one run's Gram, with what languages have by themselves read once.

    Args:
        gram: (G, L, K, L, K), finite.
        sketch: the parts that were sketched; None if the Gram is exact.
        confidence: at which a language's signal is above its noise.
    """

    def __init__(self, gram: Floats, sketch: SketchParts | None = None, confidence: float = 0.95) -> None:
        self._gram = gram
        self._parts = sketch
        self._spread = None if sketch is None else SketchVariance(sketch)
        n_groups, n_languages, slots = gram.shape[:3]
        self.slots = slots
        self._confidence = confidence
        self._own: list[SelfEstimate] = [self_estimate(pair_block(gram, a, a)) for a in range(n_languages)]
        self.sure: NDArray[np.bool_] = np.zeros((n_groups, n_languages), dtype=bool)
        """(G, L) whether dot(ℓ,ℓ) is above 0 for sure."""
        for a, own in enumerate(self._own):
            if own.dot_variance is not None:
                extra = 0.0 if self._spread is None else self._spread.pair(a, a).of(1.0, 0.0, 0.0)
                error = np.sqrt(own.dot_variance.total + extra)
                self.sure[:, a] = own.dot.mean > t_quantile(slots, confidence) * error

    def pair(self, a: int, b: int) -> tuple[dict[str, Linearised], NDArray[np.bool_]]:
        """The statistics of two languages by the names of the columns of `pairs`.

        Returns:
            Column → statistic; and (G,) whether the corrected cosine lies, as far as can be told, in [−1, 1].
        """
        own_a, own_b = self._own[a], self._own[b]
        block = pair_block(self._gram, a, b)
        dot = kernel(block)
        sketch = None if self._spread is None else self._spread.pair(a, b)
        corrected = corrected_cosine(own_a.dot, own_b.dot, dot)
        waa, wab, wbb = corrected.weights
        extra = 0.0 if sketch is None else sketch.of(waa, wab, wbb)
        out = {
            "corrected": Linearised(
                corrected.value, combine((wab, dot), (waa, own_a.dot), (wbb, own_b.dot)), True, extra
            )
        }
        norms = self._norms(a)[:, :, None] * self._norms(b)[:, None, :]
        cosines = block / norms
        raw = kernel(cosines)
        out["cosine"] = Linearised(raw.mean, raw, False, self._raw_sketch(a, b, cosines))
        for name, own, index in (("transfer_ab", own_b, 2), ("transfer_ba", own_a, 0)):
            over = np.where(own.dot.mean > 0, own.dot.mean, np.nan)
            ratio = dot.mean / over
            weights = [0.0 * over, 1 / over, 0.0 * over]
            weights[index] = -ratio / over
            extra = 0.0 if sketch is None else sketch.of(weights[0], weights[1], weights[2])
            out[name] = Linearised(ratio, combine((weights[1], dot), (weights[index], own.dot)), True, extra)
        return out, self._plausible(corrected.value, corrected.variance, out["corrected"].sketch)

    def own(self, a: int) -> dict[str, Linearised]:
        """The statistics of one language; of the norm, its logarithm."""
        own, block = self._own[a], pair_block(self._gram, a, a)
        squares = own.chunk_norms**2
        positive = np.where(own.mean_square > 0, own.mean_square, np.nan)
        halves = own.ratio[:, None, None] / 2 * (squares[:, :, None] + squares[:, None, :])
        extra: Floats | float = 0.0
        if self._spread is not None:
            extra = self._spread.self_similarity(a, own.ratio, own.mean_square)
        similarity = kernel((block - halves) / positive[:, None, None])
        dot = np.where(own.dot.mean > 0, own.dot.mean, np.nan)
        of_dot = 0.0 if self._spread is None else self._spread.pair(a, a).of(1.0, 0.0, 0.0) / (2 * dot) ** 2
        return {
            "self_similarity": Linearised(own.ratio, similarity, True, extra),
            "norm": Linearised(np.log(dot) / 2, combine((1 / (2 * dot), own.dot)), True, of_dot),
        }

    def common(self, weights: Mapping[str, Floats]) -> tuple[dict[str, Linearised], NDArray[np.bool_]]:
        """‖Σ w(ℓ) ḡ(ℓ)‖² / Σ w(ℓ) ‖ḡ(ℓ)‖² of several sets of weights (L,), each summing to 1.

        Returns:
            Name of a set → statistic; and (G,) whether what they are divided by is above 0 for sure.
        """
        out = {}
        sure = np.full(len(self._gram), self.slots >= FEWEST_SLOTS)
        for name, w in weights.items():
            above = kernel(np.einsum("l,glkmn,m->gkn", w, self._gram, w, optimize=True))
            below = combine(*((w[a], own.dot) for a, own in enumerate(self._own)))
            under = np.where(below.mean > 0, below.mean, np.nan)
            share = above.mean / under
            h = combine((1 / under, above), (-share / under, below))
            # Σ M(ℓ,m) dot(ℓ,m) with this M has the kernel h.
            matrix = (w[:, None] * w[None, :] - share[:, None, None] * np.diag(w)) / under[:, None, None]
            out[name] = Linearised(share, h, True, self._dots_sketch(matrix))
            if self.slots >= FEWEST_SLOTS:
                extra = self._dots_sketch(np.broadcast_to(np.diag(w), matrix.shape))
                error = np.sqrt(variance(below).total + extra)
                sure &= below.mean > t_quantile(self.slots, self._confidence) * error
        return out, sure

    def _norms(self, a: int) -> Floats:
        norms = self._own[a].chunk_norms
        return np.where(norms > 0, norms, np.nan)

    def _plausible(self, value: Floats, spread: Variance | None, sketch: Floats | float) -> NDArray[np.bool_]:
        """Whether an estimate is within [−1, 1], or its interval is narrow and reaches back into it."""
        if spread is None:
            return np.zeros(value.shape, dtype=bool)
        half = t_quantile(self.slots, self._confidence) * np.sqrt(spread.total + sketch)
        plausible: NDArray[np.bool_] = (np.abs(value) <= 1) | ((np.abs(value) - half <= 1) & (half <= 0.5))
        return plausible

    def _dots_sketch(self, matrix: Floats) -> Floats | float:
        """(G,) sketch variance of Σ M(ℓ,m) dot(ℓ,m), M symmetric of shape (G, L, L)."""
        if self._parts is None:
            return 0.0
        slots = self.slots
        hollow = (1 - np.eye(slots)) / (slots * (slots - 1))
        weights = np.einsum("glm,kn->glkmn", matrix, hollow)
        size = weights.shape[1] * slots
        return _sketch_variance(self._parts, list(range(weights.shape[1])), weights.reshape(-1, size, size))

    def _raw_sketch(self, a: int, b: int, cosines: Floats) -> Floats | float:
        """(G,) sketch variance of the raw cosine: that of the products, and that of the norms they are divided by."""
        if self._parts is None:
            return 0.0
        slots = self.slots
        each = 1 / (slots * (slots - 1))
        hollow = cosines * (1 - np.eye(slots)) * each
        weights = np.zeros((len(cosines), 2 * slots, 2 * slots))
        cross = (1 - np.eye(slots)) * each / 2 / (self._norms(a)[:, :, None] * self._norms(b)[:, None, :])
        weights[:, :slots, slots:] = cross
        weights[:, slots:, :slots] = np.swapaxes(cross, -1, -2)
        index = np.arange(slots)
        # ∂(x·y / ‖x‖‖y‖) / ∂‖x‖² = −cos / (2‖x‖²), summed over the chunks that x is compared with.
        weights[:, index, index] = -hollow.sum(axis=2) / 2 / self._norms(a) ** 2
        weights[:, slots + index, slots + index] = -hollow.sum(axis=1) / 2 / self._norms(b) ** 2
        return _sketch_variance(self._parts, [a, b], weights)


def _sketch_variance(parts: SketchParts, languages: list[int], weights: Floats) -> Floats:
    """(G,) Σ over a group's parts of (2/B) tr(M G M G) for symmetric weights M of the languages' chunks, (G, n, n)."""
    out = np.zeros(len(weights))
    size = weights.shape[-1]
    for p, buckets in enumerate(np.asarray(parts.sizes, dtype=np.float64)):
        if not np.isfinite(buckets):
            continue
        gram = parts.gram[p][np.ix_(languages, range(parts.gram.shape[2]), languages, range(parts.gram.shape[2]))]
        own = [g for g, members in enumerate(parts.members) if p in members]
        product = np.nan_to_num(weights[own]) @ gram.reshape(size, size)
        out[own] += 2 / buckets * np.einsum("gij,gji->g", product, product)
    return np.maximum(out, 0.0)
