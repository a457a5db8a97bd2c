from __future__ import annotations

import copy
import math

import pytest
import torch

from interfere.checkpoint import find_units
from interfere.engine import Microbatches, only_gradients_of
from interfere.importance._gates import LEFT, RIGHT, TEMPERATURE, keep_probability, sample, train_gates
from interfere.importance._index import UnitIndex
from interfere.importance._sites import changed_sites, scaling
from interfere.objectives import collate, make_objective
from tests.objectives.reference import KINDS, checkpoint_of, documents, tiny_checkpoint


def _setting(kind: str):
    checkpoint = checkpoint_of(kind)
    objective = make_objective("auto", checkpoint, seed=1)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    return checkpoint.model, objective, examples, UnitIndex.of(checkpoint.model, find_units(checkpoint.model))


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_with_all_gates_open_has_its_own_loss(kind):
    model, objective, examples, index = _setting(kind)
    batch = collate(examples, objective.pad_id)
    with torch.no_grad():
        expected = objective.loss(model, batch).per_document
        with changed_sites(model, scaling(index, torch.ones(len(index)))):
            assert torch.equal(objective.loss(model, batch).per_document, expected)
        with changed_sites(model, scaling(index, torch.zeros(len(index)))):
            assert not torch.equal(objective.loss(model, batch).per_document, expected)
        assert torch.equal(objective.loss(model, batch).per_document, expected)


def test_how_often_a_gate_is_open_and_where_it_lies():
    log_alpha = torch.tensor([-2.0, 0.0, 1.5])
    random = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)).clamp(1e-6, 1 - 1e-6)
    gates = sample(log_alpha, random)
    assert float(gates.min()) == 0
    assert float(gates.max()) == 1
    torch.testing.assert_close((gates > 0).float().mean(0), keep_probability(log_alpha), rtol=0, atol=0.015)
    # The formula of Louizos, Welling and Kingma, written out.
    value = 1 / (1 + math.exp(-(1.5 - TEMPERATURE * math.log(-LEFT / RIGHT))))
    assert float(keep_probability(log_alpha)[2]) == pytest.approx(value)


def _train(model, objective, examples, index, **options):
    settings = {"sparsity": 1.0, "steps": 25, "rate": 0.2, "seed": 0} | options
    with only_gradients_of(model, []):
        return train_gates(model, objective, index, examples, Microbatches(), **settings)


def test_weights_stay_as_they_are_and_a_unit_without_effect_is_closed_first():
    checkpoint = tiny_checkpoint("bert")
    model = checkpoint.model
    objective = make_objective("auto", checkpoint, seed=1)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    index = UnitIndex.of(model, find_units(model))
    place = next(p for p in index.places if p.family.kind == "neuron")
    with torch.no_grad():
        model.get_submodule(place.family.site).weight[:, 5] = 0
    before = copy.deepcopy(model.state_dict())
    trained = _train(model, objective, examples, index)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    keep = trained.keep[place.start : place.end]
    assert float(keep[5]) < 0.9
    assert float(keep[5]) <= float(keep.median())
    assert math.isnan(float(trained.keep[-1]))
    assert math.isfinite(trained.loss)


def test_dearer_gates_are_closed_more_often_and_a_seed_repeats():
    model, objective, examples, index = _setting("llama")
    cheap, dear, again = (_train(model, objective, examples, index, sparsity=s) for s in (1e-3, 50.0, 50.0))
    assert float(dear.keep.nanmean()) < float(cheap.keep.nanmean()) - 0.1
    assert torch.equal(dear.keep.nan_to_num(), again.keep.nan_to_num())
