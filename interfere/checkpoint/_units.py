"""Attention heads, key/value groups, neurons and blocks of a model, found from its module tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from interfere.checkpoint._parameters import ADAPTED, ParameterInfo, map_parameters, scoped_parameters

Side = Literal["in", "out"]
FamilyKind = Literal["head", "kv", "neuron"]

_QUERY = re.compile(r"^(q|query|q_proj|q_lin|query_proj|q_b_proj|q_linear)$", re.IGNORECASE)
_KEY = re.compile(r"^(k|key|k_proj|k_lin|key_proj|k_linear)$", re.IGNORECASE)
_VALUE = re.compile(r"^(v|value|v_proj|v_lin|value_proj|v_linear)$", re.IGNORECASE)
_FUSED_BY_GROUP = re.compile(r"^query_key_value$")
"""Queries, key and value of one group, then those of the next: BLOOM, GPT-NeoX, Falcon."""
_FUSED_IN_TURN = re.compile(r"^(c_attn|wqkv|qkv|qkv_proj|in_proj|qkv_linear)$", re.IGNORECASE)
"""All queries, then all keys, then all values: GPT-2, ModernBERT, Phi-3, MPT."""
_INPUT_OF_ATTENTION = (_QUERY, _KEY, _VALUE, _FUSED_BY_GROUP, _FUSED_IN_TURN)
_CROSS = re.compile(r"cross|encoder_attn|encdec", re.IGNORECASE)
_GATE = re.compile(r"^(gate|gate_proj|wi_0|w1|gate_linear)$", re.IGNORECASE)
_HEADS = ("num_attention_heads", "num_heads", "n_heads", "n_head", "num_q_heads")


def are_contiguous(units: NDArray[np.int64]) -> bool:
    """Whether numbers are those of unit 0, then as many of unit 1, and so on."""
    count = int(units.max()) + 1
    return len(units) % count == 0 and bool((units == np.arange(len(units)) // (len(units) // count)).all())


@dataclass(frozen=True)
class Member:
    """Numbers of a linear layer that belong to units.

    Args:
        module: the layer's path.
        side: whether units are told apart by its inputs or by its outputs.
        units: shape (inputs,) or (outputs,): the unit of each; −1 where it is none's.
    """

    module: str
    side: Side
    units: NDArray[np.int64]

    @cached_property
    def contiguous(self) -> bool:
        """Whether unit 0 has the first so many, unit 1 the next as many, and so on."""
        return are_contiguous(self.units)


@dataclass(frozen=True)
class Family:
    """Units of one kind in one block of a layer.

    What they compute is what a linear layer reads, the block's last: each of its inputs belongs to one unit. So a unit
    is gated, or removed, by scaling or replacing its inputs there.

    Args:
        layer: `encoder.3`.
        block: `attention`, `cross-attention` or `mlp`.
        kind: `head` (with the queries of its own, where keys and values are shared), `kv` (a group of heads with the
            same keys and values) or `neuron`.
        count: how many units.
        site: path of the linear layer that reads them.
        inputs: shape (inputs of `site`,): the unit of each.
        members: the weights of the units. A head has its rows of the queries' weight (keys' and values' too, unless
            they are shared) and its columns of the output projection; a group has the rows of keys and values; a neuron
            has its rows of what comes before it and its column of what comes after it; with biases.
        gate: path of the linear layer whose outputs decide whether a neuron is active, where a second one scales
            them; None where a neuron's own value does.
    """

    layer: str
    block: str
    kind: FamilyKind
    count: int
    site: str
    inputs: NDArray[np.int64]
    members: tuple[Member, ...]
    gate: str | None = None

    @cached_property
    def contiguous(self) -> bool:
        """Whether the inputs of `site` are those of unit 0, then those of unit 1, and so on."""
        return are_contiguous(self.inputs)


@dataclass(frozen=True)
class Block:
    """The attention or the feed-forward of a layer.

    Args:
        layer: `encoder.3`.
        name: `attention`, `cross-attention` or `mlp`.
        tensors: names of its parameters; norms beside it are not its.
        sites: paths of the linear layers that read its units, empty where no units were found.
    """

    layer: str
    name: str
    tensors: tuple[str, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True)
class ModelUnits:
    """All units of a model's body.

    Args:
        families: heads, groups of heads and neurons, in the order of layers.
        blocks: in the order of layers.
        tensors: the parameters of the body.
        without: layers in which no heads or no neurons were found, with what is missing, in words.
    """

    families: tuple[Family, ...]
    blocks: tuple[Block, ...]
    tensors: tuple[ParameterInfo, ...]
    without: tuple[str, ...]


def is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies by a matrix: `Linear`, or GPT-2's `Conv1D`, whose weight is transposed."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def linear_sizes(module: nn.Module) -> tuple[int, int]:
    """Inputs and outputs of a linear layer."""
    rows, columns = module.weight.shape  # type: ignore[misc]
    return (int(columns), int(rows)) if isinstance(module, nn.Linear) else (int(rows), int(columns))


@dataclass(frozen=True)
class _Linear:
    """A linear layer of a model's layer: its path, and the path of the block that it is in.

    With an adapter of PEFT's on it, the layer is within another one that computes the sum of the two. What is read and
    computed is then that one's, and the weights are this one's.
    """

    path: str
    block: str
    module: nn.Module

    @property
    def site(self) -> str:
        return self.path.removesuffix(ADAPTED)

    @property
    def name(self) -> str:
        return self.site.rpartition(".")[2]

    @property
    def inputs(self) -> int:
        return linear_sizes(self.module)[0]

    @property
    def outputs(self) -> int:
        return linear_sizes(self.module)[1]


def find_units(model: nn.Module) -> ModelUnits:
    """Find the heads, groups of heads, neurons and blocks of every layer of a model's body.

    The output projection of an attention is the last linear layer in it that is none of queries, keys and values; that
    of a feed-forward is the last that gives back what the first reads. Numbers of heads are those that the modules
    name, or else the config.

    Args:
        model: a model of transformers, or one built like them.
    """
    scope = scoped_parameters(map_parameters(model))
    modules = dict(model.named_modules(remove_duplicate=False))
    by_block: dict[tuple[str, str], list[str]] = {}
    linears: dict[tuple[str, str], list[_Linear]] = {}
    layers: list[str] = []
    for name, info in scope.items():
        if not re.search(r"\.\d+$", info.layer) or info.kind not in ("attention", "mlp", "expert", "router"):
            continue
        if info.layer not in layers:
            layers.append(info.layer)
        path = name.rpartition(".")[0]
        holder = _attention_path(path) if info.kind == "attention" else ""
        block = ("cross-attention" if _CROSS.search(holder) else "attention") if info.kind == "attention" else "mlp"
        by_block.setdefault((info.layer, block), []).append(name)
        if info.kind in ("attention", "mlp") and name.endswith(".weight") and is_linear(modules[path]):
            linears.setdefault((info.layer, block), []).append(_Linear(path, holder, modules[path]))
    families: list[Family] = []
    blocks, without = [], []
    for (layer, block), tensors in by_block.items():
        own = linears.get((layer, block), [])
        found = _neurons(layer, own) if block == "mlp" else _heads(model, modules, layer, block, own)
        families += found
        sites = tuple(dict.fromkeys(family.site for family in found))
        blocks.append(Block(layer, block, tuple(tensors), sites))
        if not found:
            without.append(f"{layer}: no {'neurons' if block == 'mlp' else 'heads'} were told apart in its {block}")
    return ModelUnits(tuple(families), tuple(blocks), tuple(scope.values()), tuple(without))


def _attention_path(path: str) -> str:
    """The path of the attention that a linear layer is in: up to the first name that says so."""
    parts = path.split(".")
    for end, part in enumerate(parts[:-1], start=1):
        if re.search(r"attn|attention", part, re.IGNORECASE):
            # XLM has a list of attentions beside a list of feed-forwards.
            return ".".join(parts[: end + 1] if end < len(parts) - 1 and parts[end].isdigit() else parts[:end])
    return ".".join(parts[:-1])


def _heads(
    model: nn.Module, modules: dict[str, nn.Module], layer: str, block: str, linears: Sequence[_Linear]
) -> list[Family]:
    if not linears:
        return []
    outputs = [own for own in linears if not any(pattern.match(own.name) for pattern in _INPUT_OF_ATTENTION)]
    heads = _number_of_heads(model, modules, linears[0].block, layer)
    if not outputs or heads is None or outputs[-1].inputs % heads:
        return []
    out = outputs[-1]
    unit = np.arange(out.inputs) // (out.inputs // heads)
    members = [Member(out.path, "in", unit)]
    groups = heads
    shared: list[Member] = []
    for own in linears:
        if own is out:
            continue
        found = _of_attention(own, linears, heads)
        if found is None:
            continue
        of_heads, of_groups, groups_here = found
        if of_heads is not None:
            members.append(Member(own.path, "out", of_heads))
        if of_groups is not None:
            groups = groups_here
            (members if groups == heads else shared).append(Member(own.path, "out", of_groups))
    families = [Family(layer, block, "head", heads, out.site, unit, tuple(members))]
    if groups < heads:
        group = unit // (heads // groups)
        families.append(Family(layer, block, "kv", groups, out.site, group, tuple(shared)))
    return families


def _of_attention(
    own: _Linear, linears: Sequence[_Linear], heads: int
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None, int] | None:
    """The heads of a linear layer's outputs, their groups, and how many of these there are."""
    if _QUERY.match(own.name) and own.outputs % heads == 0:
        return np.arange(own.outputs) // (own.outputs // heads), None, heads
    if _KEY.match(own.name) or _VALUE.match(own.name):
        query = next((other for other in linears if _QUERY.match(other.name)), None)
        width = query.outputs // heads if query is not None else own.outputs // heads
        # Where queries are wider than keys, because something else is read from them too, there are no fewer groups.
        groups = own.outputs // width if own.outputs % width == 0 else heads
        groups = groups if groups and heads % groups == 0 and own.outputs % groups == 0 else heads
        return None, np.arange(own.outputs) // (own.outputs // groups), groups
    by_group, in_turn = _FUSED_BY_GROUP.match(own.name), _FUSED_IN_TURN.match(own.name)
    if not (by_group or in_turn):
        return None
    out = next(other for other in reversed(linears) if other is not own)
    width = out.inputs // heads
    groups, rest = divmod(own.outputs // width - heads, 2)
    if rest or groups < 1 or heads % groups or own.outputs % width:
        return None
    part = np.arange(own.outputs) // width
    of_heads, of_groups = np.full(own.outputs, -1), np.full(own.outputs, -1)
    if by_group:
        each = heads // groups + 2
        group, place = part // each, part % each
        is_query = place < each - 2
        of_heads[is_query] = (group * (each - 2) + place)[is_query]
        of_groups[~is_query] = group[~is_query]
    else:
        is_query = part < heads
        of_heads[is_query] = part[is_query]
        of_groups[~is_query] = ((part - heads) % groups)[~is_query]
    return of_heads, of_groups, groups


def _number_of_heads(model: nn.Module, modules: dict[str, nn.Module], block: str, layer: str) -> int | None:
    inside = [module for name, module in modules.items() if name == block or name.startswith(f"{block}.")]
    config = getattr(model, "config", None)
    named: Iterable[Any] = inside
    for holder in named:
        for attribute in _HEADS:
            value = getattr(holder, attribute, None)
            if isinstance(value, int) and value > 0:
                return value
    stack = layer.partition(".")[0]
    for attribute in (f"{stack}_attention_heads", *_HEADS):
        value = getattr(config, attribute, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _neurons(layer: str, linears: Sequence[_Linear]) -> list[Family]:
    for down in reversed(linears):
        before = [
            own
            for own in linears
            if own is not down and own.inputs == down.outputs and own.outputs in (down.inputs, 2 * down.inputs)
        ]
        if not before:
            continue
        width = down.inputs
        unit = np.arange(width)
        members = [Member(own.path, "out", np.arange(own.outputs) % width) for own in before]
        members.append(Member(down.path, "in", unit))
        gate = next((own.site for own in before if len(before) > 1 and _GATE.match(own.name)), None)
        return [Family(layer, "mlp", "neuron", width, down.site, unit, tuple(members), gate)]
    return []
