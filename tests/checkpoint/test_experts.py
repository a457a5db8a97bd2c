"""Which numbers of a model are which expert's."""

from __future__ import annotations

import pytest
import torch

from interfere.checkpoint import find_experts, map_parameters
from tests.experts import MIXTURES, tiny_mixture
from tests.tiny import tiny_model


@pytest.mark.parametrize("kind", MIXTURES)
def test_every_number_of_a_routed_expert_is_one_experts(kind: str) -> None:
    model, _ = tiny_mixture(kind)
    parameters = map_parameters(model)
    experts = find_experts(model, parameters)
    covered = {name: torch.zeros(info.parameters, dtype=torch.int) for name, info in parameters.items()}
    for expert in experts:
        for name, (first, end) in expert.spans.items():
            assert parameters[name].layer == expert.layer
            assert parameters[name].kind == "expert"
            covered[name][first:end] += 1
    for name, info in parameters.items():
        routed = info.kind == "expert" and "shared" not in name
        assert bool((covered[name] == int(routed)).all()), name
    layers = {expert.layer for expert in experts}
    assert len(experts) == 6 * len(layers)
    assert [expert.index for expert in experts] == [0, 1, 2, 3, 4, 5] * len(layers)
    assert len({expert.group for expert in experts}) == len(experts)


@pytest.mark.parametrize("kind", MIXTURES)
def test_experts_of_a_layer_are_of_one_size(kind: str) -> None:
    model, _ = tiny_mixture(kind)
    sizes = {
        expert.group: sum(end - first for first, end in expert.spans.values())
        for expert in find_experts(model, map_parameters(model))
    }
    assert len(set(sizes.values())) == 1


def test_spans_of_fused_experts_are_the_slices_that_the_model_computes_with() -> None:
    model, _ = tiny_mixture("mixtral")
    expert = find_experts(model, map_parameters(model))[4]
    assert expert.group == "decoder.0/expert.4"
    weights = model.model.layers[0].mlp.experts
    for name, whole in (("gate_up_proj", weights.gate_up_proj), ("down_proj", weights.down_proj)):
        first, end = expert.spans[f"model.layers.0.mlp.experts.{name}"]
        assert torch.equal(whole.reshape(-1)[first:end], whole[4].reshape(-1))


def test_experts_whose_rows_stand_one_below_the_other() -> None:
    model = tiny_model(
        "DbrxForCausalLM",
        d_model=16,
        n_heads=2,
        n_layers=1,
        max_seq_len=64,
        attn_config={"kv_n_heads": 1, "clip_qkv": 8, "rope_theta": 10000.0},
        ffn_config={"ffn_hidden_size": 8, "moe_num_experts": 4, "moe_top_k": 2},
    )
    experts = find_experts(model, map_parameters(model))
    assert [expert.group for expert in experts] == [f"decoder.0/expert.{i}" for i in range(4)]
    whole = model.transformer.blocks[0].ffn.experts.mlp.w1
    first, end = experts[2].spans["transformer.blocks.0.ffn.experts.mlp.w1"]
    assert torch.equal(whole.reshape(-1)[first:end], whole.view(4, 8, 16)[2].reshape(-1))


def test_two_mixtures_of_one_layer_are_told_apart() -> None:
    model = tiny_model(
        "JetMoeForCausalLM",
        hidden_size=16,
        num_hidden_layers=1,
        num_key_value_heads=2,
        kv_channels=8,
        intermediate_size=8,
        num_local_experts=4,
        num_experts_per_tok=2,
        max_position_embeddings=64,
    )
    groups = [expert.group for expert in find_experts(model, map_parameters(model))]
    assert sorted(groups) == sorted(
        f"decoder.0/expert.{where}.{i}" for where in ("mlp", "self_attention") for i in range(4)
    )


@pytest.mark.parametrize("kind", ["bert", "llama", "t5"])
def test_a_dense_model_has_none(kind: str) -> None:
    model = tiny_model(kind)
    assert find_experts(model, map_parameters(model)) == ()
