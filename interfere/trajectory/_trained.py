"""The model that a Trainer trains, as a checkpoint that can be measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from interfere.checkpoint import Checkpoint, checkpoint_from_model
from interfere.errors import InputError, RunError


def require_alone(trainer: Any) -> None:
    """Refuse what cannot be measured: a training that is spread over processes.

    Raises:
        InputError: it is, in words.
    """
    how = [
        (getattr(trainer, "is_deepspeed_enabled", False), "DeepSpeed"),
        (getattr(trainer, "is_fsdp_enabled", False), "FSDP"),
        (trainer.args.world_size > 1, f"{trainer.args.world_size} processes"),
    ]
    used = [name for on, name in how if on]
    if used:
        raise InputError(
            f"InterferenceCallback measures trainings in one process, and this one uses {', '.join(used)}; save "
            "checkpoints and measure them with interfere trajectory"
        )


def plain_model(model: Any) -> Any:
    """A model without what wraps it for several devices or for compilation; its weights are the same tensors."""
    wrappers = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(model, wrappers):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


@contextmanager
def own_precision(model: Any) -> Iterator[None]:
    """Run a model as it was written for a while: accelerate puts mixed precision around its forward.

    Gradients are then of the precision of the weights, float32 in a training with mixed precision.
    """
    own = vars(model)
    wrapped = own.get("forward")
    plain = own.get("_original_forward")
    if wrapped is None or plain is None:
        yield
        return
    own["forward"] = plain
    try:
        yield
    finally:
        own["forward"] = wrapped


def require_plain_gradients(model: torch.nn.Module) -> None:
    """Refuse a model whose gradients are acted upon as they are formed: a measurement would set that off.

    Raises:
        RunError: a parameter has a hook, such as that of an optimizer that steps layer by layer.
    """
    for name, parameter in model.named_parameters():
        if getattr(parameter, "_post_accumulate_grad_hooks", None) or getattr(parameter, "_backward_hooks", None):
            raise RunError(f"{name} has a hook on its gradient, which measuring would set off")


def as_checkpoint(model: Any, tokenizer: Any, objective: str, known: Checkpoint | None) -> Checkpoint:
    """The model as it now is; its weights are looked at the first time, and hashed never again.

    Args:
        model: plain.
        tokenizer: its tokenizer.
        objective: `auto`, or the name of one.
        known: what was found the first time.
    """
    if known is not None and known.model is model:
        return known
    name = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "in training")
    checkpoint = checkpoint_from_model(model, tokenizer, id=name, objective=objective)
    # It would be that of one moment of the training.
    return dataclasses.replace(checkpoint, weights_sha256="")
