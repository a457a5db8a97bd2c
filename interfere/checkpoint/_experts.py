"""Which numbers of a model belong to which expert of a mixture of experts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from interfere.checkpoint._parameters import ParameterInfo

_COUNTS = ("num_experts", "num_local_experts", "n_routed_experts", "num_routed_experts", "moe_num_experts")
_NUMBERED = r"^(?:experts?_?)?(\d+)$"


@dataclass(frozen=True)
class Expert:
    """One expert that a router sends tokens to.

    Args:
        layer: the layer that it is in, such as `decoder.3`.
        name: what it is called there: its number, with the module that holds it where a layer has several mixtures.
        index: its number, from 0.
        spans: parameter name → first and end of its numbers, in the order in which the parameter lies in memory.
    """

    layer: str
    name: str
    index: int
    spans: Mapping[str, tuple[int, int]]

    @property
    def group(self) -> str:
        """The name of its group of parameters."""
        return f"{self.layer}/expert.{self.name}"


def find_experts(model: nn.Module, parameters: Mapping[str, ParameterInfo]) -> tuple[Expert, ...]:
    """The experts of all routers, layer by layer and by number.

    Experts are told from where parameters stand in the module tree: a module of its own for each (`experts.3.w1`,
    `experts.expert_3.wi`), or one parameter for all of them (`experts.gate_up_proj` of shape (experts, …), or with the
    experts' rows one below the other). A shared expert, which every token passes, is none. What an adapter adds to a
    layer of an expert is the expert's: tokens that are sent elsewhere do not reach it either.

    Args:
        model: the model.
        parameters: those in scope, from `map_parameters`.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    spans: dict[tuple[str, str, int], dict[str, tuple[int, int]]] = {}
    for name, info in parameters.items():
        if info.kind not in ("expert", "adapter") or "shared" in name.lower():
            continue
        parts = name.split(".")
        numbered = _numbered(parts, modules)
        if numbered is not None:
            holder, index = numbered
            spans.setdefault((info.layer, holder, index), {})[name] = (0, info.parameters)
            continue
        if info.kind == "adapter":
            continue
        count = _fused(parts, info.shape, modules)
        if count is None:
            continue
        size = info.parameters // count
        holder = _holder(parts, modules)
        for index in range(count):
            spans.setdefault((info.layer, holder, index), {})[name] = (index * size, (index + 1) * size)
    holders: dict[str, set[str]] = {}
    for layer, holder, _ in spans:
        holders.setdefault(layer, set()).add(holder)
    order = {layer: place for place, layer in enumerate(dict.fromkeys(info.layer for info in parameters.values()))}
    return tuple(
        Expert(layer, f"{_short(holder, holders[layer])}{index}", index, own)
        for (layer, holder, index), own in sorted(spans.items(), key=lambda each: (order[each[0][0]], *each[0][1:]))
    )


def _short(holder: str, holders: set[str]) -> str:
    """What tells a mixture from the others of its layer; nothing where it is the only one."""
    if len(holders) == 1:
        return ""
    last = [each.rpartition(".")[2] for each in holders]
    return (holder if len(set(last)) < len(last) else holder.rpartition(".")[2]) + "."


def _numbered(parts: list[str], modules: Mapping[str, nn.Module]) -> tuple[str, int] | None:
    """The holder and the number of an expert that is a module of its own."""
    for i, part in enumerate(parts[:-1]):
        found = re.match(_NUMBERED, part.lower())
        if found and i and _of_experts(parts[:i], modules):
            return ".".join(parts[:i]), int(found[1])
    return None


def _of_experts(path: list[str], modules: Mapping[str, nn.Module]) -> bool:
    """Whether a module holds experts, by its name or its class."""
    return "experts" in path[-1].lower() or "experts" in type(modules[".".join(path)]).__name__.lower()


def _fused(parts: list[str], shape: tuple[int, ...], modules: Mapping[str, nn.Module]) -> int | None:
    """How many experts lie in one parameter, one after the other; None where none do."""
    inside = [end for end in range(1, len(parts)) if _of_experts(parts[:end], modules)]
    if not inside or len(shape) < 2:
        return None
    if len(shape) == 3:
        return shape[0] if shape[0] > 1 else None
    for end in range(len(parts) - 1, inside[0] - 1, -1):
        module = modules[".".join(parts[:end])]
        counts = [getattr(module, name, None) for name in _COUNTS]
        for count in counts:
            if isinstance(count, int) and count > 1 and shape[0] % count == 0:
                return count
    return None


def _holder(parts: list[str], modules: Mapping[str, nn.Module]) -> str:
    """The module around what holds the experts, which has one router."""
    first = next(end for end in range(1, len(parts)) if _of_experts(parts[:end], modules))
    return ".".join(parts[: first - 1])
