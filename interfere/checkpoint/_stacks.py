"""The stacks of layers in a module tree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from interfere.checkpoint._embeddings import embedding_module
from interfere.checkpoint._kinds import HEAD


@dataclass(frozen=True)
class Stack:
    """A run of layers, in one `ModuleList` or in parallel ones (XLM keeps attentions and feed-forwards apart).

    Args:
        parent: path of the module that holds the lists.
        lists: names of the lists in it.
        label: `encoder`, `decoder`, or the path where that would name two stacks.
        nested: whether the elements are lists themselves; their elements are then the layers.
        starts: the number of the first layer of each element, where they are nested.
    """

    parent: tuple[str, ...]
    lists: tuple[str, ...]
    label: str = ""
    nested: bool = False
    starts: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """Where the first of its lists is."""
        return ".".join((*self.parent, self.lists[0]))

    def position(self, name: str) -> tuple[int, int] | None:
        """The layer that a parameter is in, and the depth in its name where the inside of that layer begins."""
        parts = name.split(".")
        depth = len(self.parent)
        if tuple(parts[:depth]) != self.parent or len(parts) < depth + 3 or parts[depth] not in self.lists:
            return None
        # Where lists are parallel, the name of the list says what the module is, so it is part of the inside.
        inside = depth if len(self.lists) > 1 else depth + 2
        index = int(parts[depth + 1])
        if self.nested:
            return self.starts[index] + int(parts[depth + 2]), depth + 3
        return index, inside


def find_stacks(model: nn.Module, modules: Mapping[str, nn.Module]) -> list[Stack]:
    """Find the stacks of a model and label them.

    A stack is an outermost `ModuleList` whose elements are blocks, that is, have modules inside. Lists of the same
    length beside it in the same parent belong to it.

    Args:
        model: the model.
        modules: its modules by name, shared ones under each of their names.
    """
    lists: dict[tuple[str, ...], list[str]] = {}
    inside: list[str] = []
    for name, module in modules.items():
        if not isinstance(module, nn.ModuleList) or any(name.startswith(f"{outer}.") for outer in inside):
            continue
        if not _is_blocks(module) or any(re.search(HEAD, part) for part in name.split(".")):
            continue
        inside.append(name)
        path = tuple(name.split("."))
        lists.setdefault(path[:-1], []).append(path[-1])
    stacks = []
    for parent, names in lists.items():
        stacks += _stacks_of(parent, names, modules)
    return _labelled(stacks, model)


def find_embedding(model: nn.Module, modules: Mapping[str, nn.Module]) -> str | None:
    """The name of the module that embeds the input tokens, None where there is none to be found."""
    module = embedding_module(model, "input")
    if module is not None:
        return next((name for name, other in modules.items() if other is module), None)
    tables = [(module.num_embeddings, name) for name, module in modules.items() if isinstance(module, nn.Embedding)]
    return max(tables)[1] if tables else None


def find_base(stacks: list[Stack], embedding: str | None) -> tuple[str, ...]:
    """The path of the smallest module that holds all stacks and the input embedding."""
    paths = [stack.parent for stack in stacks]
    if embedding is not None:
        paths.append(tuple(embedding.split(".")[:-1]))
    if not paths:
        return ()
    base = paths[0]
    for path in paths[1:]:
        shared = 0
        while shared < min(len(base), len(path)) and base[shared] == path[shared]:
            shared += 1
        base = base[:shared]
    return base


def _is_blocks(module: nn.ModuleList) -> bool:
    """Whether the elements of a list are blocks: have modules with parameters inside, and are not single layers."""
    elements = list(module)
    return bool(elements) and all(
        any(True for _ in element.children()) and any(True for _ in element.parameters()) for element in elements
    )


def _stacks_of(parent: tuple[str, ...], names: list[str], modules: Mapping[str, nn.Module]) -> list[Stack]:
    """The stacks of one parent: lists of one length are parallel parts of the same layers."""
    holder = modules[".".join(parent)]
    children = {own: child for own, child in holder.named_children() if isinstance(child, nn.ModuleList)}
    stacks, taken = [], set[str]()
    for own in names:
        if own in taken:
            continue
        members = [other for other, child in children.items() if len(child) == len(children[own])]
        # One list of whole blocks is the usual case: lists of single layers beside it are a part of something else.
        members = members if sum(other in names for other in members) > 1 else [own]
        taken.update(members)
        elements = list(children[own])
        stack = Stack(parent, tuple(members))
        if len(members) == 1 and all(isinstance(element, nn.ModuleList) for element in elements):
            starts, total = [], 0
            for element in elements:
                starts.append(total)
                total += len(list(element.children()))
            stack = replace(stack, nested=True, starts=tuple(starts))
        stacks.append(stack)
    return stacks


def _labelled(stacks: list[Stack], model: nn.Module) -> list[Stack]:
    config = getattr(model, "config", None)
    labels = [_label(stack, model, config) for stack in stacks]
    counts = Counter(labels)
    return [
        replace(stack, label=label if counts[label] == 1 else stack.path)
        for stack, label in zip(stacks, labels, strict=True)
    ]


def _label(stack: Stack, model: nn.Module, config: Any) -> str:
    if getattr(config, "is_encoder_decoder", False):
        for part in stack.path.lower().split("."):
            if "decoder" in part:
                return "decoder"
            if "encoder" in part:
                return "encoder"
    return "decoder" if _is_decoder(model, config) else "encoder"


def _is_decoder(model: nn.Module, config: Any) -> bool:
    """Whether a model of one stack attends to the past only."""
    if getattr(config, "is_decoder", False):
        return True
    name = type(model).__name__
    if re.search(r"ForCausalLM$|(?<!With)LMHeadModel$|ForConditionalGeneration$", name):
        return True
    if config is None or name.endswith("ForMaskedLM"):
        return False
    from transformers.models.auto import modeling_auto

    kind = getattr(config, "model_type", None)
    masked, causal = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return kind in causal and kind not in masked
