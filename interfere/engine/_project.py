"""From gradients to one vector per metric and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from interfere.checkpoint import ParameterInfo
from interfere.engine._metrics import MetricWeights
from interfere.engine._shards import local_part
from interfere.engine._sketch import add_sketch
from interfere.engine._work import square_norm
from interfere.ranks import Ranks

_PLAIN = ""
"""What sketches are called that no metric has weighed number by number."""


_FEWEST_BUCKETS = 4096
"""A group that is one of several parts of what is reported keeps its share of a sketch, but no less than this."""


@dataclass(frozen=True)
class Group:
    """Parameters whose gradients form one vector.

    Args:
        name: a layer, `LAYER/KIND`, `LAYER/expert.NUMBER`, or a tensor's name.
        tensors: names of its parameters, in the model's order.
        parameters: how many numbers that is.
        spans: parameter name → first and end of the numbers that are the group's, for those of which only a part is.
        among: how many such groups are reported as one.
    """

    name: str
    tensors: tuple[str, ...]
    parameters: int
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    among: int = 1

    def span(self, name: str, size: int) -> tuple[int, int]:
        """First and end of the group's numbers in a parameter of `size` numbers."""
        return self.spans.get(name, (0, size))


def group_parameters(parameters: Sequence[ParameterInfo], granularity: str) -> tuple[Group, ...]:
    """Sort parameters into groups, in the order in which the model names them.

    Args:
        parameters: those in scope.
        granularity: `layer`, `module` (a layer's modules of one kind; so does `expert` with what is in no expert) or
            `tensor`.
    """
    groups: dict[str, list[ParameterInfo]] = {}
    for parameter in parameters:
        module = f"{parameter.layer}/{parameter.kind}"
        names = {"layer": parameter.layer, "module": module, "expert": module, "tensor": parameter.label}
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
        return self.sketch_size is None or group.parameters <= self.buckets(group)

    def buckets(self, group: Group) -> int:
        """How many numbers a sketch of the group has, or of one of its tensors."""
        size = self.sketch_size or 0
        return max(min(size, _FEWEST_BUCKETS), size // group.among)

    def width(self, group: Group) -> int:
        """How many numbers one vector of the group has."""
        return group.parameters if self.is_exact(group) else self.buckets(group)


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
        self._metrics = metrics
        self._parts: dict[str, list[tuple[Group, int, int]]] = {}
        for group in groups:
            for name in group.tensors:
                self._parts.setdefault(name, []).append((group, *group.span(name, metrics[0].sizes[name])))
        self._sketched = {
            name
            for name, parts in self._parts.items()
            for group, first, end in parts
            if not hold and not projection.is_exact(group) and end - first > projection.buckets(group)
        }
        self._whole: dict[str, torch.Tensor] = {}
        self._sketches: dict[tuple[str, str, int], torch.Tensor] = {}

    def take(self, name: str, gradient: torch.Tensor) -> None:
        """Add a parameter's gradient, or this process's part of it; the tensor belongs to the sums from now on."""
        size = self._metrics[0].sizes[name]
        gradient, start = local_part(gradient)
        if name not in self._sketched:
            held = self._whole.get(name)
            if gradient.numel() == size:
                self._whole[name] = gradient.float() if held is None else held.add_(gradient)
                return
            held = self._whole.setdefault(name, torch.zeros(size, dtype=torch.float32, device=gradient.device))
            held[start : start + gradient.numel()] += gradient.reshape(-1)
            return
        flat = gradient.reshape(-1)
        for group, first, end in self._parts[name]:
            begin, stop = max(first, start), min(end, start + len(flat))
            if begin >= stop:
                continue
            part = flat[begin - start : stop - start]
            for metric, factor in self._factors(name).items():
                own = None if factor is None else factor.reshape(-1)[begin:stop]
                key = (metric, name, first)
                if key not in self._sketches:
                    buckets = self._projection.buckets(group)
                    self._sketches[key] = torch.zeros(buckets, dtype=torch.float32, device=gradient.device)
                add_sketch(self._sketches[key], part, name, self._projection.seed, factor=own, first=begin)

    def add_up(self, ranks: Ranks, device: torch.device) -> None:
        """Add up what several processes have of each gradient, where a model is spread over them.

        Args:
            ranks: the processes; each gets the sums.
            device: where the sums are.
        """
        for name, parts in self._parts.items():
            if name not in self._sketched:
                zeros = torch.zeros(self._metrics[0].sizes[name], dtype=torch.float32, device=device)
                self._whole[name] = ranks.sum_tensor(self._whole.get(name, zeros).reshape(-1))
                continue
            for group, first, _ in parts:
                zeros = torch.zeros(self._projection.buckets(group), dtype=torch.float32, device=device)
                key = (_PLAIN, name, first)
                self._sketches[key] = ranks.sum_tensor(self._sketches.get(key, zeros))

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
            float32 on the CPU, shape (`width(group)`,); and parameter name → ‖g‖² of what is the group's of it,
            estimated from its sketch where a tensor is sketched. A parameter without a gradient counts as zeros.
        """
        present = [*self._whole.values(), *self._sketches.values()]
        device = present[0].device if present else torch.device("cpu")
        out = torch.zeros(self._projection.width(group), dtype=torch.float32, device=device)
        energies = dict.fromkeys(group.tensors, 0.0)
        position = 0
        for name in group.tensors:
            first, end = group.span(name, weights.sizes[name])
            by_number, plain = (weights.metric, name, first), (_PLAIN, name, first)
            if name in self._whole:
                weighted = self._weighted(weights, name, first, end).mul_(scale)
                energies[name] = square_norm(weighted)
                if self._projection.is_exact(group):
                    out[position : position + end - first] = weighted.reshape(-1)
                else:
                    add_sketch(out, weighted, name, self._projection.seed, first=first)
            elif by_number in self._sketches or plain in self._sketches:
                if by_number in self._sketches:
                    sketch = self._sketches[by_number] * scale
                else:
                    sketch = weights.apply(name, self._sketches[plain]).mul_(scale)
                energies[name] = square_norm(sketch)
                out += sketch
            position += end - first
        return out.cpu(), energies

    def _weighted(self, weights: MetricWeights, name: str, first: int, end: int) -> torch.Tensor:
        """A new tensor: some numbers of a gradient in the metric's coordinates."""
        whole = self._whole[name]
        if end - first == whole.numel():
            return weights.apply(name, whole)
        factor = weights.factors.get(name)
        part = whole.reshape(-1)[first:end]
        if factor is None:
            return part.clone()
        return part * (factor.reshape(-1)[first:end] if factor.ndim else factor).to(part.device)
