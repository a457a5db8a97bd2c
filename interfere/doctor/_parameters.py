"""What of the model would be analysed, and whether it has gradients that mean something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from interfere.checkpoint import (
    Checkpoint,
    ParameterInfo,
    embedding_module,
    map_parameters,
    resolve_objective,
    scoped_parameters,
)
from interfere.doctor._types import Check, Part
from interfere.errors import RunError
from interfere.settings import GradientSettings

_SHOWN = 3
_OTHER = 0.01
"""A warning is due when parameters of unknown kind are at least this share of what would be measured."""


def part_rows(parameters: Mapping[str, ParameterInfo], scope: Sequence[str]) -> tuple[Part, ...]:
    """Parameters by layer and kind, in the model's order.

    Args:
        parameters: all of a model, as `map_parameters` gives them.
        scope: names of those that would be measured.
    """
    wanted = set(scope)
    found: dict[tuple[str, str, bool], list[ParameterInfo]] = {}
    for info in parameters.values():
        found.setdefault((info.layer, info.kind, info.name in wanted), []).append(info)
    return tuple(
        Part(layer, kind, len(infos), sum(info.parameters for info in infos), inside)
        for (layer, kind, inside), infos in found.items()
    )


def parameter_checks(checkpoint: Checkpoint, settings: GradientSettings) -> Iterator[Check]:
    """Scope, kinds, ties, numbers without gradients, and weights that are no numbers."""
    model = checkpoint.model
    parameters = map_parameters(model)
    scope = scoped_parameters(parameters, settings.scope)
    yield _scope(checkpoint, scope, settings)
    if scope:
        yield _kinds(scope)
    yield from _ties(checkpoint, parameters)
    yield _differentiable(model, scope)
    yield _finite(model)
    yield _precision(model)


def objective_reason(checkpoint: Checkpoint) -> str:
    """Which fact of a checkpoint decides what it is said to be trained for."""
    config = checkpoint.model.config
    encoder_decoder = bool(getattr(config, "is_encoder_decoder", False))
    for name in dict.fromkeys((*(getattr(config, "architectures", None) or ()), checkpoint.architecture)):
        if _says(str(name), checkpoint.objective, encoder_decoder=encoder_decoder):
            return f"the checkpoint's class is {name}"
    if encoder_decoder:
        return "its config says is_encoder_decoder"
    kind = getattr(config, "model_type", None)
    words = {"masked-lm": "masked", "causal-lm": "causal"}.get(checkpoint.objective, "encoder-decoder")
    return f"its config names no class with a language-model head, and type {kind!r} is a {words} language model"


def _says(name: str, objective: str, *, encoder_decoder: bool) -> bool:
    """Whether the name of a class alone decides."""
    try:
        alone = SimpleNamespace(architectures=[name], is_encoder_decoder=encoder_decoder, model_type=None)
        found = resolve_objective(alone)
    except RunError:
        return False
    # Of an encoder-decoder, span corruption is what is taken when the class says nothing.
    return found == objective and not (encoder_decoder and found == "span-corruption")


def some(names: Sequence[str]) -> str:
    """The first of several names, and how many there are beside."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _scope(checkpoint: Checkpoint, scope: Mapping[str, ParameterInfo], settings: GradientSettings) -> Check:
    count = sum(info.parameters for info in scope.values())
    if not scope:
        return Check(
            "scope",
            "fail",
            f"No parameter is in --scope {settings.scope}: "
            + (
                "the model has no adapters. Measure it with --scope body."
                if settings.scope == "adapters"
                else "the module tree has no layers that can be told apart. Measure it with --scope all."
            ),
            0.0,
        )
    layers = len({info.layer for info in scope.values()})
    share = count / max(1, checkpoint.parameters)
    return Check(
        "scope",
        "ok",
        f"--scope {settings.scope} has {count:,} of {checkpoint.parameters:,} parameters ({share:.0%}), "
        f"in {layers} parts; --granularity {settings.granularity}.",
        float(count),
    )


def _kinds(scope: Mapping[str, ParameterInfo]) -> Check:
    other = [info for info in scope.values() if info.kind == "other"]
    share = sum(info.parameters for info in other) / sum(info.parameters for info in scope.values())
    if not other:
        return Check("parameter-kinds", "ok", "Every parameter in scope has a known kind.", 0.0, _OTHER)
    return Check(
        "parameter-kinds",
        "warn" if share >= _OTHER else "ok",
        f"{len(other)} tensors in scope ({share:.1%} of its numbers) are of no known kind: "
        f"{some([info.name for info in other])}. They are measured with their layer, and are called other with "
        "--granularity module.",
        share,
        _OTHER,
    )


def _ties(checkpoint: Checkpoint, parameters: Mapping[str, ParameterInfo]) -> Iterator[Check]:
    tied = [info for info in parameters.values() if info.tied]
    words = "; ".join(f"{info.name} = {some(info.tied)}" for info in tied[:_SHOWN])
    copy = _untied_copy(checkpoint.model)
    if copy is not None:
        yield Check("tied-weights", "warn", copy, float(len(tied)))
    elif tied:
        more = f", and {len(tied) - _SHOWN} more" if len(tied) > _SHOWN else ""
        yield Check(
            "tied-weights",
            "ok",
            f"Shared tensors are counted once, where they come first: {words}{more}. Their gradient is the sum of "
            "both roles.",
            float(len(tied)),
        )
    else:
        yield Check("tied-weights", "ok", "No tensor is shared between modules.", 0.0)


def _untied_copy(model: Any) -> str | None:
    """A sentence if the head is a copy of the embeddings, or should be tied to them and is not."""
    own, head = (getattr(embedding_module(model, side), "weight", None) for side in ("input", "output"))
    if own is None or head is None or own is head or own.shape != head.shape or own.data_ptr() == head.data_ptr():
        return None
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    same = bool(torch.equal(own.detach(), head.detach()))
    # Config classes say "tied" by default, of models too that never tie: only what the class can tie counts.
    asked = bool(getattr(config, "tie_word_embeddings", False)) and bool(getattr(model, "_tied_weights_keys", None))
    if not same and not asked:
        return None
    what = "hold the same numbers" if same else "hold different numbers"
    why = "although the config ties them (tie_word_embeddings)" if asked else "but are not tied"
    return (
        f"Input embeddings and head {what} in two tensors, {why}: with --scope all each gets a gradient of its own "
        "where training would give both the sum. Tie them (model.tie_weights()) if the model was trained so; "
        "--scope body is not touched."
    )


def _differentiable(model: Any, scope: Mapping[str, ParameterInfo]) -> Check:
    named = dict(model.named_parameters())
    whole = [name for name in scope if not named[name].dtype.is_floating_point]
    nowhere = [name for name in scope if named[name].is_meta]
    if whole or nowhere:
        return Check(
            "gradients-possible",
            "fail",
            f"{len(whole or nowhere)} tensors in scope have no gradients, being "
            f"{'whole numbers (quantised)' if whole else 'without data (on the meta device)'}: "
            f"{some(whole or nowhere)}. Load the model dequantised and whole.",
            float(len(whole or nowhere)),
        )
    frozen = [name for name in scope if not named[name].requires_grad]
    if frozen:
        return Check(
            "gradients-possible",
            "ok",
            f"{len(frozen)} tensors in scope are frozen (requires_grad is off): {some(frozen)}. They are measured like "
            "the others, since what is asked is where training would pull them.",
            float(len(frozen)),
        )
    return Check("gradients-possible", "ok", "Every tensor in scope is of floating point and not frozen.", 0.0)


def _finite(model: Any) -> Check:
    bad = [name for name, value in model.named_parameters() if not bool(torch.isfinite(value.detach()).all())]
    if not bad:
        return Check("weights", "ok", "All weights are finite numbers.", 0.0)
    return Check(
        "weights",
        "fail",
        f"NaN or infinite weights in {some(bad)}: no loss of this model is a number, and nothing was read with it. "
        "Take an earlier checkpoint, or look for where training broke.",
        float(len(bad)),
    )


def _precision(model: Any) -> Check:
    types = sorted({str(value.dtype).removeprefix("torch.") for value in model.parameters()})
    low = [name for name in types if name in ("float16", "bfloat16") or name.startswith("float8")]
    if not low:
        return Check("precision", "ok", f"Weights are {', '.join(types)}.")
    return Check(
        "precision",
        "warn",
        f"Weights are {', '.join(types)}: gradients have two to three digits, and small cosines drown in rounding. "
        "Use --dtype float32 where memory allows it.",
    )
