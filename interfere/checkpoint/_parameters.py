"""The parameter map: which layer each parameter is in, and which kind of module it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from interfere.checkpoint._embeddings import embedding_module
from interfere.checkpoint._kinds import HEAD, Kind, kind_of
from interfere.checkpoint._stacks import Stack, find_base, find_embedding, find_stacks

Scope = Literal["body", "all", "adapters"]

ADAPTED = ".base_layer"
"""What PEFT adds to the path of a layer that has an adapter."""


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a model, counted once however many names it has.

    Args:
        name: its first name in `named_parameters`.
        layer: `encoder.3`, `decoder.0`, `embeddings`, `head`; `encoder.norm` and the like for what a stack has beside
            its layers; the path of the module for what belongs to none of these.
        kind: what the module that it is in does.
        shape: its shape.
        parameters: how many numbers it holds.
        tied: its other names, where it is shared between modules.
    """

    name: str
    layer: str
    kind: Kind
    shape: tuple[int, ...]
    parameters: int
    tied: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name for people: what it is called in the model without adapters."""
        return self.name.replace(f"{ADAPTED}.", ".")


def map_parameters(model: nn.Module) -> dict[str, ParameterInfo]:
    """Find the layer and the module kind of every parameter, from the module tree.

    The layers are the elements of the outermost `ModuleList`s of blocks. The base of the model is the smallest module
    that holds all of them and the input embedding: what lies outside is the head. A parameter that is shared (a head
    tied to the embedding) is listed once, as an embedding where one of its names is one.

    Args:
        model: a model, of transformers or otherwise.

    Returns:
        name → what is known of it, in the order of `model.named_parameters()`.
    """
    tree = _Tree(model)
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    found = {}
    for name, parameter in model.named_parameters():
        all_names = names[id(parameter)]
        places = [tree.place(each) for each in all_names]
        layer, kind = next((place for place in places if place[0] == "embeddings"), places[0])
        others = tuple(each for each in all_names if each != name)
        found[name] = ParameterInfo(name, layer, kind, tuple(parameter.shape), parameter.numel(), others)
    return found


def scoped_parameters(parameters: Mapping[str, ParameterInfo], scope: Scope = "body") -> dict[str, ParameterInfo]:
    """The parameters of a scope.

    Args:
        parameters: from `map_parameters`.
        scope: `body` is everything but the layers `embeddings` and `head`; `all` is everything; `adapters` is what
            adapters add, wherever they are: what is trained where they alone are.
    """
    if scope == "all":
        return dict(parameters)
    if scope == "adapters":
        return {name: info for name, info in parameters.items() if info.kind == "adapter"}
    return {name: info for name, info in parameters.items() if info.layer not in ("embeddings", "head")}


class _Tree:
    """A module tree with its stacks, base and head found, to look parameters up in."""

    def __init__(self, model: nn.Module) -> None:
        self.modules: dict[str, nn.Module] = dict(model.named_modules(remove_duplicate=False))
        self.embedding = find_embedding(model, self.modules)
        self.stacks = find_stacks(model, self.modules)
        self.base = find_base(self.stacks, self.embedding)
        output = embedding_module(model, "output")
        self.output = next((name for name, module in self.modules.items() if module is output), None)

    def place(self, name: str) -> tuple[str, Kind]:
        """The layer and the kind of the parameter of one name."""
        for stack in self.stacks:
            position = stack.position(name)
            if position is not None:
                index, depth = position
                return f"{stack.label}.{index}", kind_of(self._path(name, depth))
        path = self._path(name, len(self.base))
        if not _inside(name, self.base) or self._is_head(name, [part for part, _ in path]):
            kind = kind_of(path)
            return "head", kind if kind in ("norm", "adapter") else "head"
        if self._is_embedding(name, path):
            kind = kind_of(path)
            return "embeddings", kind if kind in ("norm", "adapter") else "embedding"
        kind = kind_of(path)
        nearest = self._nearest_stack(name)
        return (f"{nearest.label}.{kind}", kind) if nearest else (".".join((*self.base, path[0][0])), kind)

    def _path(self, name: str, depth: int) -> list[tuple[str, nn.Module]]:
        """The components of a parameter's name from a depth on, each with the module that it is or that it is in."""
        parts = name.split(".")
        path = []
        for end in range(depth + 1, len(parts)):
            path.append((parts[end - 1], self.modules[".".join(parts[:end])]))
        path.append((parts[-1], self.modules[".".join(parts[:-1])]))
        return path

    def _is_head(self, name: str, parts: list[str]) -> bool:
        if self.output is not None and name.startswith(f"{self.output}."):
            return self.embedding is None or self.modules[self.output] is not self.modules[self.embedding]
        return any(re.search(HEAD, part) for part in parts[:-1])

    def _is_embedding(self, name: str, path: list[tuple[str, nn.Module]]) -> bool:
        if self.embedding is not None and name.startswith(f"{self.embedding}."):
            return True
        kind = kind_of(path)
        if kind == "attention":
            return False
        return kind == "embedding" or any(re.search(r"embed|(^|_)emb($|_)", part) for part, _ in path[:-1])

    def _nearest_stack(self, name: str) -> Stack | None:
        """The stack that a parameter beside the layers belongs to, None where it is none's more than another's."""
        if len(self.stacks) == 1:
            return self.stacks[0]
        shared = [(_common(stack.parent, name), stack) for stack in self.stacks]
        longest = max((length for length, _ in shared), default=0)
        nearest = [stack for length, stack in shared if length == longest]
        return nearest[0] if len(nearest) == 1 and longest > len(self.base) else None


def _inside(name: str, path: tuple[str, ...]) -> bool:
    return tuple(name.split(".")[: len(path)]) == path


def _common(parent: tuple[str, ...], name: str) -> int:
    pairs: Iterator[tuple[str, str]] = zip(parent, name.split("."), strict=False)
    length = 0
    for mine, other in pairs:
        if mine != other:
            break
        length += 1
    return length
