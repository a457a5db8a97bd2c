"""Experts of a mixture: vectors of their own, and which chunks reached them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from interfere.checkpoint import Expert, ParameterInfo
from interfere.engine._project import Group, group_parameters
from interfere.engine._shards import local_part
from interfere.ranks import Ranks

_EXPERT = "/expert"
"""The end of the name of a layer's module of experts."""


@dataclass(frozen=True)
class Grouping:
    """What vectors are formed of, and what is reported.

    Args:
        parts: the groups of numbers that have a vector each.
        reported: the groups that tables have rows of; a group of experts is the sum of several parts.
        members: for each reported group, the places of its parts.
        expert_of: for each part, the place of its expert in `experts`; None where it is in none.
        experts: the experts of the model, in whatever groups they are.
    """

    parts: tuple[Group, ...]
    reported: tuple[Group, ...]
    members: tuple[tuple[int, ...], ...]
    expert_of: tuple[int | None, ...]
    experts: tuple[Expert, ...]


def group_with_experts(parameters: Sequence[ParameterInfo], experts: Sequence[Expert], granularity: str) -> Grouping:
    """Sort parameters into groups, with a part for each expert wherever experts are compared.

    Args:
        parameters: those in scope.
        experts: found among them.
        granularity: `layer` leaves experts in their layer; `module` and `tensor` sum them up in their group, `expert`
            reports each.
    """
    whole = group_parameters(parameters, granularity)
    if granularity == "layer" or not experts:
        places = tuple((i,) for i in range(len(whole)))
        return Grouping(whole, whole, places, (None,) * len(whole), tuple(experts))
    sizes = {parameter.name: parameter.parameters for parameter in parameters}
    owners: dict[str, list[int]] = {}
    for place, expert in enumerate(experts):
        for tensor in expert.spans:
            owners.setdefault(tensor, []).append(place)
    parts: list[Group] = []
    expert_of: list[int | None] = []
    reported: list[Group] = []
    members: list[tuple[int, ...]] = []
    for group in whole:
        start = len(parts)
        for place in sorted({place for tensor in group.tensors for place in owners.get(tensor, ())}):
            parts.append(_part(group, experts[place], sizes, granularity))
            expert_of.append(place)
        routed = len(parts) - start
        rest = tuple(tensor for tensor in group.tensors if tensor not in owners)
        if rest:
            name = f"{group.name}.shared" if routed and group.name.endswith(_EXPERT) else group.name
            parts.append(Group(name, rest, sum(sizes[tensor] for tensor in rest)))
            expert_of.append(None)
        if granularity == "expert":
            reported += parts[start:]
            members += [(i,) for i in range(start, len(parts))]
        else:
            if routed > 1:
                parts[start:] = [Group(p.name, p.tensors, p.parameters, p.spans, routed) for p in parts[start:]]
            reported.append(group)
            members.append(tuple(range(start, len(parts))))
    return Grouping(tuple(parts), tuple(reported), tuple(members), tuple(expert_of), tuple(experts))


def _part(group: Group, expert: Expert, sizes: Mapping[str, int], granularity: str) -> Group:
    """The numbers of a group that are an expert's."""
    own = {tensor: expert.spans[tensor] for tensor in group.tensors if tensor in expert.spans}
    # Beside the expert's own numbers there may be those of an adapter on it, which are another group.
    kind = "" if group.name.endswith(_EXPERT) else "." + group.name.rpartition("/")[2]
    return Group(
        f"{group.name}[{expert.index}]" if granularity == "tensor" else f"{expert.group}{kind}",
        tuple(own),
        sum(end - first for first, end in own.values()),
        {tensor: span for tensor, span in own.items() if span != (0, sizes[tensor])},
    )


class SeenExperts:
    """Which experts a chunk reached: those that got a gradient other than exactly 0.

    The gradient of an expert is a sum over the tokens that it was given and that the loss depends on. Where there are
    none, it is absent or a sum of nothing, exactly 0; no architecture needs to be known for that. Padding, and tokens
    that nothing is predicted from, reach no expert in this sense whatever the router did with them.

    Args:
        experts: of the model.
    """

    def __init__(self, experts: Sequence[Expert]) -> None:
        self._experts = experts
        self._spans: dict[str, list[tuple[int, int, int]]] = {}
        for place, expert in enumerate(experts):
            for tensor, (first, end) in expert.spans.items():
                self._spans.setdefault(tensor, []).append((place, first, end))
        self._found: dict[str, torch.Tensor] = {}

    def take(self, name: str, gradient: torch.Tensor) -> None:
        """Look at a parameter's gradient of one microbatch, or at this process's part of it."""
        spans = self._spans.get(name)
        if spans is None:
            return
        local, start = local_part(gradient)
        flat = local.detach().reshape(-1)
        size = spans[0][2] - spans[0][1]
        if len(flat) == size * len(spans):
            found = flat.view(len(spans), size).any(dim=1)
        else:
            pieces = [flat[max(first - start, 0) : max(end - start, 0)] for _, first, end in spans]
            found = torch.stack([piece.any() for piece in pieces])
        self._found[name] = found | self._found[name] if name in self._found else found

    def mask(self, ranks: Ranks | None = None) -> NDArray[np.bool_]:
        """(experts,) which were reached.

        Args:
            ranks: the processes over which a model is spread, which have seen parts of it.
        """
        seen = np.zeros(len(self._experts))
        for name, found in self._found.items():
            places = [place for place, _, _ in self._spans[name]]
            seen[places] += found.cpu().numpy()
        return (seen if ranks is None else ranks.sum(seen)) > 0
