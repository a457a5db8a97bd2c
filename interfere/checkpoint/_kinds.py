"""What a module does, told from its class and from the names on the way to it."""

from __future__ import annotations

import re
from typing import Literal

from torch import nn

Kind = Literal["attention", "mlp", "norm", "embedding", "head", "router", "expert", "adapter", "other"]

KINDS: tuple[Kind, ...] = ("attention", "mlp", "norm", "embedding", "head", "router", "expert", "adapter", "other")
"""Every kind of module that a parameter can be in."""

HEAD = r"^(lm_head|cls|head|heads|predictions|classifier|score|pooler|qa_outputs|embed_out|seq_relationship)$|_lm_head$"
"""Names of modules that come after the base of a model, wherever they are."""

_NORM_CLASS = r"Norm|^Fp32LayerNorm"
_NORM_NAME = r"norm|^ln(_|\d|$)|_ln$|(^|_)ln_"
_ADAPTER = r"^(lora|ia3|vera|hada|lokr|hra)_|adapter|prompt_encoder|prefix_encoder"
_ATTENTION = r"attn|attention|^(qkv|query|key|value)(_|$)|^[qkvo]_?(proj|lin|linear)$"
_MLP = (
    r"mlp|ffn|feed_?forward|^ff($|_|n|\d)|densereludense|intermediate|^fc_?\d|^lin_?\d|^output$|^(gate|up|down)_proj$"
)


def kind_of(path: list[tuple[str, nn.Module]]) -> Kind:
    """The kind of the module that a parameter is in.

    Args:
        path: the names on the way to the parameter, from just inside its block down to its own, each with the module
            of that name; the last with the module that owns the parameter.

    Returns:
        The kind; `other` where nothing on the way tells.
    """
    parts = [part.lower() for part, _ in path]
    owner = path[-1][1]
    named = parts[:-1] or parts
    if _is_norm(owner, named):
        return "norm"
    if any(re.search(_ADAPTER, part) for part in parts):
        return "adapter"
    if _is_router(path):
        return "router"
    classes = [type(module).__name__.lower() for _, module in path]
    if any("expert" in part or part.startswith("shared_mlp") for part in parts) or any("experts" in c for c in classes):
        return "expert"
    if any(re.search(_ATTENTION, part) for part in parts):
        return "attention"
    if any(re.search(_MLP, part) for part in parts):
        return "mlp"
    if isinstance(owner, nn.Embedding) or type(owner).__name__.endswith("Embedding"):
        return "embedding"
    return _kind_of_class(classes)


def _is_norm(owner: nn.Module, named: list[str]) -> bool:
    if any(True for _ in owner.children()):
        return False
    if re.search(_NORM_CLASS, type(owner).__name__):
        return True
    # A module of unknown class whose own name says so; a projection that is merely next to a norm is no norm.
    return bool(re.search(_NORM_NAME, named[-1])) and not isinstance(owner, nn.Linear | nn.Embedding)


def _is_router(path: list[tuple[str, nn.Module]]) -> bool:
    holder: nn.Module | None = None
    for part, module in path:
        name = part.lower()
        if "router" in name or name.endswith("expert_gate") or "router" in type(module).__name__.lower():
            return True
        # A `gate` is a router where it stands beside experts; in a gated feed-forward it is no more than a weight.
        beside = [child for child, _ in holder.named_children()] if holder is not None else []
        if name == "gate" and any("expert" in other for other in beside):
            return True
        holder = module
    return False


def _kind_of_class(classes: list[str]) -> Kind:
    """What the classes on the way say, where the names do not: innermost first."""
    for name in reversed(classes):
        if "attention" in name or name.endswith("attn"):
            return "attention"
        if re.search(r"mlp|feedforward|ffn$|layerff$", name):
            return "mlp"
    return "other"
