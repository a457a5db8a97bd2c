"""Doing something with a model that is being trained, and leaving everything as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def undisturbed(model: torch.nn.Module) -> Iterator[None]:
    """Leave a model and all random numbers as they are, whatever is done in between, also if that fails.

    Put back are: the attributes of every module (train or eval mode, replaced forwards, switches such as gradient
    checkpointing), its hooks and its buffers with their values; of every parameter, its gradient, the same tensor or
    none, and whether it requires one; the config's attributes; and the random state of Python, NumPy and PyTorch, on
    the CPU and on its devices. Weights are not copied: nothing in between may change them. In between gradients are on
    and mixed precision is off, as outside of a training step.
    """
    device = next(model.parameters()).device
    with ExitStack() as stack:
        stack.enter_context(_same_random_state())
        stack.enter_context(_same_model(model))
        stack.enter_context(torch.enable_grad())
        if torch.amp.is_autocast_available(device.type):
            stack.enter_context(torch.autocast(device.type, enabled=False))
        yield


@contextmanager
def _same_random_state() -> Iterator[None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 (the global one)
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def _same_model(model: torch.nn.Module) -> Iterator[None]:
    modules = list(model.modules())
    attributes = [dict(vars(module)) for module in modules]
    # Hooks, buffers and the like are dictionaries that are changed in place.
    inner = [{name: dict(value) for name, value in own.items() if isinstance(value, dict)} for own in attributes]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    parameters = [(parameter, parameter.requires_grad, parameter.grad) for parameter in model.parameters()]
    config: Any = getattr(model, "config", None)
    settings = dict(vars(config)) if config is not None else {}
    try:
        yield
    finally:
        for module, own, kept in zip(modules, attributes, inner, strict=True):
            now = vars(module)
            now.clear()
            now.update(own)
            for name, value in kept.items():
                own[name].clear()
                own[name].update(value)
        with torch.no_grad():
            for buffer, before in buffers:
                if not torch.equal(buffer, before):
                    buffer.copy_(before)
        for parameter, required, gradient in parameters:
            parameter.requires_grad_(required)
            parameter.grad = gradient
        if config is not None:
            vars(config).clear()
            vars(config).update(settings)
