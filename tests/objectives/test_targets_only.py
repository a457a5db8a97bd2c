"""Loss and gradients are those of the plain objective, though most logits are never there."""

from __future__ import annotations

import pytest
import torch

from interfere.objectives import _targets_only as module
from interfere.objectives import collate, make_objective, targets_only
from tests.objectives.reference import (
    KINDS,
    TENSOR_TOLERANCE,
    TOLERANCE,
    checkpoint_of,
    documents,
    flat_gradient,
    relative,
    worst_tensor,
)


def _loss_and_gradient(objective, model, batch):
    model.zero_grad(set_to_none=True)
    sums = objective.loss(model, batch)
    sums.total.backward()
    return sums, flat_gradient(model)


@pytest.mark.parametrize("scope", ["body", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_the_plain_objective(kind, scope, monkeypatch):
    # Two positions at a time, so that there are several pieces and a last one that is shorter.
    monkeypatch.setitem(module.LOGITS_AT_ONCE, "cpu", 2 * 420 + 1)
    monkeypatch.setattr(module, "ROWS_AT_LEAST", 1)
    checkpoint = checkpoint_of(kind)
    model = checkpoint.model
    plain = make_objective("auto", checkpoint, seed=3)
    fast = targets_only(plain, model)
    if scope == "body":
        for parameter in model.get_output_embeddings().parameters():
            parameter.requires_grad_(False)
    examples = [example for document in documents() for example in plain.encode(document, "de")]
    batch = collate(examples, plain.pad_id)
    expected, gradient = _loss_and_gradient(plain, model, batch)
    found, own = _loss_and_gradient(fast, model, batch)
    assert found.predictions == expected.predictions
    torch.testing.assert_close(found.per_document, expected.per_document, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.total.detach(), expected.total.detach(), rtol=1e-5, atol=0)
    assert relative(own, gradient) < TOLERANCE
    assert worst_tensor(model, own, gradient) < TENSOR_TOLERANCE
    assert "forward" not in {name for part in model.modules() for name in vars(part)}
