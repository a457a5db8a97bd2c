"""From gradients to one vector per metric and group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from interfere.checkpoint import ParameterInfo
from interfere.engine._metrics import MetricWeights
from interfere.engine._shards import local_part
from interfere.engine._sketch import add_sketch
from interfere.engine._work import square_norm
from interfere.ranks import Ranks

_PLAIN = ""
"""What sketches are called that no metric has weighed number by number."""


@dataclass(frozen=True)
class Group:
    """Parameters whose gradients form one vector.

    Args:
        name: a layer, `LAYER/KIND`, or a tensor's name.
        tensors: names of its parameters, in the model's order.
        parameters: how many numbers that is.
    """

    name: str
    tensors: tuple[str, ...]
    parameters: int


def group_parameters(parameters: Sequence[ParameterInfo], granularity: str) -> tuple[Group, ...]:
    """Sort parameters into groups, in the order in which the model names them.

    Args:
        parameters: those in scope.
        granularity: `layer`, `module` (a layer's modules of one kind) or `tensor`.
    """
    groups: dict[str, list[ParameterInfo]] = {}
    for parameter in parameters:
        names = {
            "layer": parameter.layer,
            "module": f"{parameter.layer}/{parameter.kind}",
            "tensor": parameter.name,
        }
        groups.setdefault(names[granularity], []).append(parameter)
    return tuple(
        Group(name, tuple(p.name for p in members), sum(p.parameters for p in members))
        for name, members in groups.items()
    )


@dataclass(frozen=True)
class Projection:
    """How a gradient becomes vectors: whole, or as a sketch.

    Args:
        sketch_size: buckets per group; None keeps every group whole. A group with no more numbers than that is kept
            whole in any case.
        seed: picks the sketch's hash functions.
    """

    sketch_size: int | None
    seed: int

    def is_exact(self, group: Group) -> bool:
        """Whether the group's vectors are its whole gradients."""
        return self.sketch_size is None or group.parameters <= self.sketch_size

    def width(self, group: Group) -> int:
        """How many numbers one vector of the group has."""
        return group.parameters if self.sketch_size is None else min(group.parameters, self.sketch_size)


class GradientSums:
    """One chunk's gradient, summed over microbatches in bounded memory, as vectors of each metric and group.

    What is taken is added up at once: whole where a vector is whole or a tensor is no larger than a sketch, else as a
    sketch of the tensor, one for each metric that weighs number by number. Sketches of tensors add up to that of their
    group. So no more is held than the vectors take, with small tensors beside them.

    Args:
        projection: how a group's gradient becomes a vector.
        groups: how parameters are put together.
        metrics: the inner products.
        hold: sum whole gradients even where they are to be sketched, which is faster with several microbatches, since
            each is sketched once, and takes the memory of one gradient.
    """

    def __init__(
        self, projection: Projection, groups: Sequence[Group], metrics: Sequence[MetricWeights], *, hold: bool = False
    ) -> None:
        self._projection = projection
        self._groups = groups
        self._metrics = metrics
        self._sketched = {
            name
            for group in groups
            if not hold and not projection.is_exact(group)
            for name in group.tensors
            if metrics[0].sizes[name] > (projection.sketch_size or 0)
        }
        self._whole: dict[str, torch.Tensor] = {}
        self._sketches: dict[tuple[str, str], torch.Tensor] = {}

    def take(self, name: str, gradient: torch.Tensor) -> None:
        """Add a parameter's gradient, or this process's part of it; the tensor belongs to the sums from now on."""
        size = self._metrics[0].sizes[name]
        gradient, first = local_part(gradient)
        if name not in self._sketched:
            held = self._whole.get(name)
            if gradient.numel() == size:
                self._whole[name] = gradient.float() if held is None else held.add_(gradient)
                return
            held = self._whole.setdefault(name, torch.zeros(size, dtype=torch.float32, device=gradient.device))
            held[first : first + gradient.numel()] += gradient.reshape(-1)
            return
        for metric, factor in self._factors(name).items():
            key = (metric, name)
            if key not in self._sketches:
                buckets = self._projection.sketch_size or 0
                self._sketches[key] = torch.zeros(buckets, dtype=torch.float32, device=gradient.device)
            add_sketch(self._sketches[key], gradient, name, self._projection.seed, factor=factor, first=first)

    def add_up(self, ranks: Ranks, device: torch.device) -> None:
        """Add up what several processes have of each gradient, where a model is spread over them.

        Args:
            ranks: the processes; each gets the sums.
            device: where the sums are.
        """
        for group in self._groups:
            for name in group.tensors:
                sketched = name in self._sketched
                size = (self._projection.sketch_size or 0) if sketched else self._metrics[0].sizes[name]
                zeros = torch.zeros(size, dtype=torch.float32, device=device)
                if sketched:
                    key = (_PLAIN, name)
                    self._sketches[key] = ranks.sum_tensor(self._sketches.get(key, zeros))
                else:
                    own = self._whole.get(name, zeros).reshape(-1)
                    self._whole[name] = ranks.sum_tensor(own)

    def _factors(self, name: str) -> dict[str, torch.Tensor | None]:
        """What is sketched of a tensor: its gradient as it is, and for each metric that weighs its numbers apart."""
        out: dict[str, torch.Tensor | None] = {}
        for weights in self._metrics:
            factor = weights.factors.get(name)
            by_number = factor is not None and factor.ndim > 0
            out[weights.metric if by_number else _PLAIN] = factor if by_number else None
        return out

    def vectors(self, group: Group, weights: MetricWeights, scale: float) -> tuple[torch.Tensor, dict[str, float]]:
        """The vector of one group, and the squared norms of its tensors.

        Args:
            group: what to put together.
            weights: multiplied on before the projection.
            scale: a factor on everything.

        Returns:
            float32 on the CPU, shape (`width(group)`,); and parameter name → ‖g‖², estimated from its sketch where a
            tensor is sketched. A parameter without a gradient counts as zeros.
        """
        present = [*self._whole.values(), *self._sketches.values()]
        device = present[0].device if present else torch.device("cpu")
        out = torch.zeros(self._projection.width(group), dtype=torch.float32, device=device)
        energies = dict.fromkeys(group.tensors, 0.0)
        position = 0
        for name in group.tensors:
            size = weights.sizes[name]
            if name in self._whole:
                weighted = weights.apply(name, self._whole[name]).mul_(scale)
                energies[name] = square_norm(weighted)
                if self._projection.is_exact(group):
                    out[position : position + size] = weighted.reshape(-1)
                else:
                    add_sketch(out, weighted, name, self._projection.seed)
            elif (by_number := (weights.metric, name)) in self._sketches or (_PLAIN, name) in self._sketches:
                if by_number in self._sketches:
                    sketch = self._sketches[by_number] * scale
                else:
                    sketch = weights.apply(name, self._sketches[_PLAIN, name]).mul_(scale)
                energies[name] = square_norm(sketch)
                out += sketch
            position += size
        return out.cpu(), energies
