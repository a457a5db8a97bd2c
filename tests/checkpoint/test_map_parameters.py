"""The layer and the kind of every parameter, of architectures whose tables were written by hand.

A table line is `layer kind: modules`. The modules are parameters' names without `.weight` and `.bias`; N stands for the
number of a layer, `{a,b}` for either.
"""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from interfere.checkpoint import KINDS, map_parameters, scoped_parameters
from tests.checkpoint.tables import SEEN, UNSEEN
from tests.tiny import MODELS, tiny_model


def _spread(pattern: str) -> list[str]:
    """`a.{b,c}` → `a.b`, `a.c`; several braces multiply."""
    match = re.search(r"\{([^}]*)\}", pattern)
    if match is None:
        return [pattern]
    return [
        name
        for choice in match[1].split(",")
        for name in _spread(pattern[: match.start()] + choice + pattern[match.end() :])
    ]


def _expected(table: str) -> dict[str, tuple[str, str]]:
    found = {}
    for line in table.strip().splitlines():
        place, names = line.strip().split(": ")
        layer, kind = place.split()
        for pattern in names.split():
            for name in _spread(pattern):
                assert name not in found, f"{name} is twice in the table"
                found[name] = (layer, kind)
    return found


def _found(model: nn.Module) -> dict[str, tuple[str, str]]:
    """As `_expected` has it: the first number in a name that is the layer's becomes N."""
    found: dict[str, tuple[str, str]] = {}
    for name, info in map_parameters(model).items():
        stem = re.sub(r"\.(weight|bias)$", "", name)
        layer = info.layer
        number = re.search(r"^(encoder|decoder)\.(\d+)$", layer)
        if number:
            before = stem
            stem = re.sub(rf"\.{number[2]}(?=\.|$)", ".N", stem, count=1)
            assert stem != before, f"{name} is in layer {layer}, whose number it does not have"
            layer = f"{number[1]}.N"
        assert found.setdefault(stem, (layer, info.kind)) == (layer, info.kind), stem
    return found


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_the_architectures_that_it_was_made_with(kind):
    assert _found(tiny_model(kind)) == _expected(SEEN[kind])


@pytest.mark.parametrize("name", sorted(UNSEEN))
def test_architectures_that_it_was_not_made_with(name):
    config, table = UNSEEN[name]
    assert _found(tiny_model(name, **config)) == _expected(table)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_parameter_is_there_once_in_the_order_of_the_model(kind):
    model = tiny_model(kind)
    found = map_parameters(model)
    assert list(found) == [name for name, _ in model.named_parameters()]
    by_name = dict(model.named_parameters(remove_duplicate=False))
    for name, info in found.items():
        assert info.name == name
        assert info.kind in KINDS
        assert info.shape == tuple(by_name[name].shape)
        assert info.parameters == by_name[name].numel()
        assert all(by_name[other] is by_name[name] for other in info.tied)
    assert len(found) + sum(len(info.tied) for info in found.values()) == len(by_name)


def test_a_tied_head_is_an_embedding_and_an_untied_one_a_head():
    tied = map_parameters(tiny_model("gpt2"))
    assert tied["transformer.wte.weight"].tied == ("lm_head.weight",)
    assert "lm_head.weight" not in tied
    # XLM-R lists its head before its body, so there the shared weight goes by the head's name.
    head_first = map_parameters(tiny_model("xlm-r"))["lm_head.decoder.weight"]
    assert (head_first.layer, head_first.kind) == ("embeddings", "embedding")
    untied = map_parameters(tiny_model("gpt2", tie_word_embeddings=False))
    assert untied["lm_head.weight"].layer == "head"
    assert untied["lm_head.weight"].tied == ()


def test_the_body_is_everything_but_embeddings_and_head():
    found = map_parameters(tiny_model("t5"))
    body = scoped_parameters(found, "body")
    assert set(scoped_parameters(found, "all")) == set(found)
    assert set(found) - set(body) == {"shared.weight"}
    layers = {info.layer for info in body.values()}
    assert layers == {"encoder.0", "encoder.1", "encoder.norm", "decoder.0", "decoder.1", "decoder.norm"}


def test_a_headless_encoder_has_the_layers_that_it_has_with_its_head():
    with_head = map_parameters(tiny_model("bert"))
    alone = map_parameters(tiny_model("bert").bert)
    for name, info in alone.items():
        assert info.layer == with_head[f"bert.{name}"].layer
        assert info.kind == with_head[f"bert.{name}"].kind


def test_an_encoder_that_is_made_a_decoder_has_decoder_layers():
    model = tiny_model("BertLMHeadModel", **MODELS["bert"][2], is_decoder=True)
    layers = {info.layer for info in scoped_parameters(map_parameters(model)).values()}
    assert layers == {"decoder.0", "decoder.1"}


class _Bottleneck(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.base_layer = inner
        self.lora_A = nn.ModuleDict({"default": nn.Linear(16, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 16, bias=False)})


class _Wrapped(nn.Module):
    """A model inside two others, as adapter libraries have it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.base_model = nn.Module()
        self.base_model.model = model
        self.config = model.config

    def get_input_embeddings(self) -> nn.Module:
        return self.base_model.model.get_input_embeddings()


def test_low_rank_adapters_are_adapters_in_their_layer():
    model = tiny_model("llama")
    attention = model.model.layers[1].self_attn
    attention.q_proj = _Bottleneck(attention.q_proj)
    found = map_parameters(_Wrapped(model))
    prefix = "base_model.model.model.layers.1.self_attn.q_proj"
    for part in ("lora_A", "lora_B"):
        info = found[f"{prefix}.{part}.default.weight"]
        assert (info.layer.split(".")[1], info.kind) == ("1", "adapter")
    assert found[f"{prefix}.base_layer.weight"].kind == "attention"
    assert found["base_model.model.lm_head.weight"].layer == "head"
    assert found["base_model.model.model.norm.weight"].kind == "norm"


def test_two_stacks_that_would_have_one_label_go_by_their_paths():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text = tiny_model("bert").bert
            self.other = tiny_model("bert").bert

    layers = {info.layer for info in map_parameters(Two()).values()}
    assert {"text.encoder.layer.0", "other.encoder.layer.1"} <= layers
    assert not {"encoder.0", "encoder.1"} & layers


def test_a_model_without_layers_is_mapped_too():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4))
    found = map_parameters(model)
    assert [info.kind for info in found.values()] == ["embedding", "other", "other", "norm", "norm"]
    assert isinstance(next(model.parameters()), torch.Tensor)
