from __future__ import annotations

import pytest
import torch

from interfere.checkpoint import find_units, linear_sizes
from interfere.importance._index import UnitIndex
from interfere.importance._sites import changed_sites, scaling
from interfere.objectives import collate, make_objective
from tests.objectives.reference import KINDS, checkpoint_of, documents
from tests.tiny import tiny_model

MIXTURES = {"mixtral", "DeepseekV3ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3MoeForCausalLM"}

SHARED_KEYS = {"gemma3", "llama", "mixtral", "qwen3", "Qwen2MoeForCausalLM", "Qwen3MoeForCausalLM"}
"""Tiny models with two heads that share one set of keys and values."""


@pytest.mark.parametrize("kind", KINDS)
def test_heads_groups_and_neurons_are_found_in_every_layer(kind):
    model = checkpoint_of(kind).model
    units = find_units(model)
    found = {(family.layer, family.block, family.kind): family.count for family in units.families}
    attentions = [block for block in units.blocks if block.name != "mlp"]
    assert attentions
    for block in attentions:
        assert found[block.layer, block.name, "head"] == 2
        assert found.get((block.layer, block.name, "kv")) == (1 if kind in SHARED_KEYS else None)
    for block in units.blocks:
        if block.name == "mlp" and kind not in MIXTURES:
            assert found[block.layer, "mlp", "neuron"] in (24, 64)
    # A mixture of experts has no neurons of its own, and says so.
    assert bool(units.without) == (kind in MIXTURES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_that_is_silenced_gets_no_gradient_and_others_do(kind):
    """So the rows and columns that are said to be a unit's are its, in whatever order a layer has them."""
    checkpoint = checkpoint_of(kind)
    model = checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    objective = make_objective("auto", checkpoint, seed=1)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    batch = collate(examples, objective.pad_id)
    for place in index.places:
        family = place.family
        for unit in {0, family.count - 1}:
            gates = torch.ones(len(index))
            gates[place.start + unit] = 0
            model.zero_grad(set_to_none=True)
            with changed_sites(model, scaling(index, gates)):
                objective.loss(model, batch).total.backward()
            for member in family.members:
                module = model.get_submodule(member.module)
                gradient = module.weight.grad if isinstance(module, torch.nn.Linear) else module.weight.grad.T
                squares = gradient.square().sum(0 if member.side == "in" else 1)
                own = torch.from_numpy(member.units) == unit
                assert own.any()
                assert float(squares[own].sum()) == 0
                if family.count > 1:
                    assert float(squares[torch.from_numpy(member.units) >= 0].sum()) > 0


def test_weights_are_shared_out_among_units():
    model = tiny_model("bert")
    index = UnitIndex.of(model, find_units(model))
    table = index.table
    parameters = {name: parameter.numel() for name, parameter in model.named_parameters()}
    in_layer = [n for name, n in parameters.items() if ".layer.0.attention" in name and "LayerNorm" not in name]
    rows = table[(table["layer"] == "encoder.0") & (table["block"] == "attention")]
    # All of the attention is its heads' but the bias of the output projection.
    assert rows[rows["kind"] == "head"]["parameters"].sum() == sum(in_layer) - 16
    assert int(rows[rows["kind"] == "block"]["parameters"].iloc[0]) == sum(in_layer)
    assert list(table[table["kind"] == "tensor"]["unit"]) == [tensor.name for tensor in index.units.tensors]


def test_query_heads_and_groups_of_keys_are_apart():
    model = tiny_model("llama", num_attention_heads=4, num_key_value_heads=2, head_dim=4)
    heads, groups = find_units(model).families[:2]
    assert (heads.kind, heads.count, groups.kind, groups.count) == ("head", 4, "kv", 2)
    assert list(groups.inputs) == [0] * 8 + [1] * 8
    assert {member.module.rpartition(".")[2] for member in heads.members} == {"q_proj", "o_proj"}
    assert {member.module.rpartition(".")[2] for member in groups.members} == {"k_proj", "v_proj"}
    assert linear_sizes(model.get_submodule(heads.site)) == (16, 16)


def test_gated_neurons_name_what_decides():
    for kind, gate in (("llama", "gate_proj"), ("bert", None)):
        neurons = next(f for f in find_units(tiny_model(kind)).families if f.kind == "neuron")
        assert (neurons.gate or "").rpartition(".")[2] == (gate or "")
