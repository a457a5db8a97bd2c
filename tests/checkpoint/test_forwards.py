"""Layers that are computed twice give the same gradients, and keep nothing in between."""

from __future__ import annotations

import pytest
import torch

from interfere.checkpoint import recomputed_layers
from interfere.errors import RunError
from interfere.objectives import collate, make_objective
from tests.objectives.reference import KINDS, TOLERANCE, checkpoint_of, documents, flat_gradient, relative


def _saved_bytes_and_gradient(model, objective, batch) -> tuple[int, torch.Tensor]:
    saved: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    model.zero_grad(set_to_none=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        total = objective.loss(model, batch).total
    total.backward()
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    return sum(size for place, size in saved.items() if place not in weights), flat_gradient(model)


def test_a_model_whose_layers_cannot_run_twice_is_refused():
    model = checkpoint_of("XLMWithLMHeadModel").model
    tokens = torch.tensor([[1, 2, 3]])
    with recomputed_layers(model), pytest.raises(RunError, match="--gradient-checkpointing"):
        model(input_ids=tokens).logits.sum().backward()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "XLMWithLMHeadModel"])
def test_gradients_are_the_same_and_less_is_kept(kind):
    checkpoint = checkpoint_of(kind)
    model = checkpoint.model
    objective = make_objective("auto", checkpoint)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    batch = collate(examples, objective.pad_id)
    usual, expected = _saved_bytes_and_gradient(model, objective, batch)
    with recomputed_layers(model):
        kept, gradient = _saved_bytes_and_gradient(model, objective, batch)
    assert relative(gradient, expected) < TOLERANCE
    assert kept < usual
    assert "forward" not in {name for module in model.modules() for name in vars(module)}
