"""Adapters in results of gradients: on the experts of a mixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import peft
import pytest
import torch

from interfere import GradientSettings, Result, analyze_gradients
from interfere.checkpoint import Checkpoint, checkpoint_from_model
from tests.checkpoint.adapted import unheard
from tests.experts import tiny_mixture
from tests.text import some_text

TEXTS = {language: some_text(language, 14, seed=1, words=(2, 5)) for language in ("de", "zh")}


@pytest.fixture(scope="module")
def adapted() -> Checkpoint:
    """A LoRA on the attention and on every expert of a mixture whose experts are modules of their own."""
    model, tokenizer = tiny_mixture("nllb-moe")
    with torch.random.fork_rng(), unheard():
        torch.manual_seed(7)
        wrapped = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["q_proj", "fc1"]))
        with torch.no_grad():
            for parameter in wrapped.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
    return checkpoint_from_model(wrapped, tokenizer)


def analyze(checkpoint: Checkpoint, granularity: Any, scope: Any) -> Result:
    chosen = GradientSettings(chunks=6, tokens_per_chunk=24, granularity=granularity, scope=scope)
    return analyze_gradients(checkpoint, TEXTS, settings=chosen)


def test_an_adapter_on_an_expert_is_reached_where_the_expert_is(adapted: Checkpoint) -> None:
    whole, alone = (analyze(adapted, "expert", scope) for scope in ("body", "adapters"))
    columns = ["layer", "expert", "language", "chunks_seen", "chunks"]
    assert alone.tables["experts"][columns].equals(whole.tables["experts"][columns])
    never = alone.tables["experts"].groupby(["layer", "expert"])["chunks_seen"].max().eq(0)
    assert never.any()
    assert not never.all()
    groups = list(whole.tables["groups"]["group"])
    assert len(set(groups)) == len(groups)
    for result in (whole, alone):
        pairs = result.pairs.set_index("group")
        for (layer, expert), unseen in never.items():
            row = pairs.loc[f"{layer}/expert.{expert}.adapter"]
            assert str(row["reason"]).startswith("unseen") or not unseen
            assert np.isnan(row["corrected"]) or not unseen
    # Those beside the attention are in no expert.
    assert not pairs.loc["encoder.1/adapter", "reason"].startswith("unseen")


def test_adapters_of_a_layer_are_the_same_sum_whatever_is_reported(adapted: Checkpoint) -> None:
    layers, experts = (analyze(adapted, granularity, "adapters") for granularity in ("layer", "expert"))
    gram = experts.arrays["euclidean/expert"]
    names = experts.array_groups["expert"]
    for place, layer in enumerate(layers.array_groups["layer"]):
        own = [i for i, name in enumerate(names) if name.startswith(f"{layer}/")]
        np.testing.assert_allclose(
            gram[own].sum(axis=0), layers.arrays["euclidean/layer"][place], rtol=1e-6, atol=1e-12
        )
