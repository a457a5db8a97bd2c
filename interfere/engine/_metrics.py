"""The inner products in which gradients are compared: a weight per number or per tensor.

A metric is a diagonal weighting W of the inner product, <x, y>_W = <W^½ x, W^½ y>; what is stored and applied here is
W^½. It is applied before any projection, so that each metric has a Gram matrix of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from interfere.ranks import Ranks

ROUNDING = 1e-12
"""A tensor with less than this share of the squared norm (a bias that changes no output, say) has a gradient of float32
rounding alone, about 1e-14, and must not be scaled up to the size of the others."""


@dataclass(frozen=True)
class MetricWeights:
    """Square roots of a metric's weights.

    Args:
        metric: `euclidean`, `adam` or `per-tensor`.
        sizes: parameter name → how many numbers it has, for all parameters in scope.
        factors: parameter name → a scalar tensor or one of the parameter's shape; without an entry the factor is 1.
    """

    metric: str
    sizes: Mapping[str, int]
    factors: Mapping[str, torch.Tensor]

    def apply(self, name: str, gradient: torch.Tensor) -> torch.Tensor:
        """A new float32 tensor: the gradient in the metric's coordinates."""
        factor = self.factors.get(name)
        if factor is None:
            return gradient.to(torch.float32, copy=True)
        return gradient.float() * factor.to(gradient.device)


def euclidean(sizes: Mapping[str, int]) -> MetricWeights:
    """The plain inner product."""
    return MetricWeights("euclidean", sizes, {})


def adam(second_moments: Mapping[str, torch.Tensor], floor: float, sizes: Mapping[str, int]) -> MetricWeights:
    """Weights 1/√v: the inner product in which Adam takes its steps (Kingma and Ba 2015, arXiv 1412.6980).

    Args:
        second_moments: parameter name → v, of the parameter's shape: an optimizer's, or mean squared gradients.
        floor: v is taken as at least this share of its tensor's mean, since one numerically tiny v would otherwise own
            the whole inner product.
        sizes: as in `MetricWeights`.
    """
    overall = sum(float(v.sum(dtype=torch.float64)) for v in second_moments.values()) / max(1, sum(sizes.values()))
    factors = {}
    for name, v in second_moments.items():
        # A tensor that saw no gradient at all has no scale of its own: it gets the model's.
        mean = float(v.mean(dtype=torch.float64)) or overall
        factors[name] = v.float().clamp_min(max(floor * mean, 1e-38)).pow(-0.25)
    return MetricWeights("adam", sizes, factors)


def per_tensor(square_norms: Mapping[str, float], sizes: Mapping[str, int]) -> MetricWeights:
    """Weights 1 / (mean squared norm): every tensor counts the same, whatever the scale of its gradient.

    Args:
        square_norms: parameter name → mean over languages of ‖g‖² in the calibration slot.
        sizes: as in `MetricWeights`.
    """
    total = sum(square_norms.values())
    # Exactly 0 is an expert that the calibration slot did not reach: it has no scale of its own, and gets that of the
    # others. Scaled up as rounding is, one token that reaches it later would own the whole inner product.
    typical = total / max(1, sum(square > 0 for square in square_norms.values()))
    factors = {
        name: torch.tensor(max(square or typical, ROUNDING * total) ** -0.5 if total else 1.0, dtype=torch.float32)
        for name, square in square_norms.items()
    }
    return MetricWeights("per-tensor", sizes, factors)


class Calibration:
    """Collects the calibration slot's gradients, one language after the other.

    Args:
        shapes: of the parameters in scope, by name.
        keep_second_moments: whether the `adam` metric needs the mean of squares, number by number.
    """

    def __init__(self, shapes: Mapping[str, torch.Size], *, keep_second_moments: bool) -> None:
        self._shapes = shapes
        self._square_norms = dict.fromkeys(shapes, 0.0)
        self._keep = keep_second_moments
        self._squares: dict[str, torch.Tensor] = {}
        self._count = 0

    def add(self, gradients: Mapping[str, torch.Tensor], scale: float) -> None:
        """Add one language's gradient, multiplied by `scale`."""
        self._count += 1
        for name, gradient in gradients.items():
            square = (gradient.float() * scale).square_()
            self._square_norms[name] += float(square.sum(dtype=torch.float64))
            if self._keep:
                self._squares[name] = self._squares[name].add_(square) if name in self._squares else square

    def sum_over(self, ranks: Ranks) -> None:
        """Add up what several processes have collected."""
        names = list(self._square_norms)
        totals = ranks.sum(np.array([*self._square_norms.values(), self._count], dtype=np.float64))
        self._square_norms = dict(zip(names, totals[:-1].tolist(), strict=True))
        self._count = int(totals[-1])
        if self._keep and ranks.count > 1:
            for name in names:
                own = self._squares.get(name)
                zeros = torch.zeros(self._shapes[name])
                self._squares[name] = ranks.sum_tensor(zeros if own is None else own)

    def second_moments(self) -> dict[str, torch.Tensor]:
        """Mean over languages of the squared gradient, per parameter; zeros where there was none."""
        count = max(1, self._count)
        return {
            name: self._squares[name] / count if name in self._squares else torch.zeros(self._shapes[name])
            for name in self._square_norms
        }

    def square_norms(self) -> dict[str, float]:
        """Mean over languages of ‖g‖², per parameter."""
        return {name: value / max(1, self._count) for name, value in self._square_norms.items()}
