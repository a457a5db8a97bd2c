from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from interfere.trajectory._undisturbed import undisturbed
from tests.tiny import tiny_model


def disturb(model: torch.nn.Module) -> None:
    random.random()
    np.random.rand()  # noqa: NPY002
    torch.rand(3)
    model.eval()
    model.forward = lambda *_: None  # type: ignore[method-assign]
    model.register_forward_hook(lambda *_: None)
    model.bert.encoder.layer[1].gradient_checkpointing = True
    model.bert.encoder.new = 1
    model.config.use_cache = False
    for buffer in model.buffers():
        buffer.add_(1)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
        parameter.grad = torch.ones_like(parameter)


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_put_back(fails: bool) -> None:
    model = tiny_model("bert")
    model.train()
    model.bert.encoder.layer[0].eval()  # as whoever freezes a layer does
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    parameters[1].grad = torch.full_like(parameters[1], 2.0)
    given = parameters[1].grad
    modes = [module.training for module in model.modules()]
    names = [sorted(vars(module)) for module in model.modules()]
    buffers = [buffer.clone() for buffer in model.buffers()]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # type: ignore[index]  # noqa: NPY002
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), undisturbed(model):
            assert torch.is_grad_enabled()
            assert not torch.is_autocast_enabled("cpu")
            disturb(model)
            if fails:
                raise ValueError("broken")
    except ValueError:
        pass
    assert [module.training for module in model.modules()] == modes
    assert [sorted(vars(module)) for module in model.modules()] == names
    assert not model._forward_hooks
    assert not model.bert.encoder.layer[1].gradient_checkpointing
    assert model.config.use_cache
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), buffers, strict=True))
    assert [p.requires_grad for p in parameters] == [False] + [True] * (len(parameters) - 1)
    assert parameters[1].grad is given
    assert all(p.grad is None for p in parameters[2:])
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # type: ignore[index]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
