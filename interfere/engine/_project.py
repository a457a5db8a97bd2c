"""From gradients to one vector per metric and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from interfere.checkpoint import ParameterInfo
from interfere.engine._metrics import MetricWeights
from interfere.engine._sketch import add_sketch
from interfere.engine._work import square_norm


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

    def project(
        self, gradients: Mapping[str, torch.Tensor], group: Group, weights: MetricWeights, scale: float
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The vector of one group, and the squared norms of its tensors.

        Args:
            gradients: by parameter name; a parameter that is missing has no gradient, which counts as zeros.
            group: what to put together.
            weights: multiplied on before the projection.
            scale: a factor on everything.

        Returns:
            float32 on the CPU, shape (`width(group)`,); and parameter name → ‖g‖² before the projection.
        """
        present = [name for name in group.tensors if name in gradients]
        device = gradients[present[0]].device if present else torch.device("cpu")
        out = torch.zeros(self.width(group), dtype=torch.float32, device=device)
        energies = dict.fromkeys(group.tensors, 0.0)
        position = 0
        for name in group.tensors:
            size = weights.sizes[name]
            if name in gradients:
                weighted = weights.apply(name, gradients[name]).mul_(scale)
                energies[name] = square_norm(weighted)
                if self.is_exact(group):
                    out[position : position + size] = weighted.reshape(-1)
                else:
                    add_sketch(out, weighted, name, self.seed)
            position += size
        return out.cpu(), energies
