"""Answers that are known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from interfere import Batch, GradientSettings, LossSums, analyze_gradients
from interfere.checkpoint import checkpoint_from_model
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

PLANTED = 2


def contradiction(model: Any, batch: Batch) -> LossSums:
    """The usual loss, and in one layer a target that the two languages want on opposite sides.

    The layer's input is detached, so the contradiction reaches the parameters of that layer's MLP alone.
    """
    kept: dict[str, torch.Tensor] = {}
    mlp = model.model.layers[PLANTED].mlp

    def keep(_module: Any, inputs: tuple[torch.Tensor, ...], _output: torch.Tensor) -> None:
        kept["input"] = inputs[0].detach()

    hook = mlp.register_forward_hook(keep)
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    hook.remove()
    real = batch.attention_mask[:, 1:].bool()
    losses = torch.zeros_like(batch.input_ids[:, 1:], dtype=torch.float32)
    losses[real] = torch.nn.functional.cross_entropy(
        logits[:, :-1][real], batch.input_ids[:, 1:][real], reduction="none"
    )
    wanted = torch.tensor([4.0 if e.language == "aa" else -4.0 for e in batch.examples])
    answer = mlp(kept["input"])[:, 1:].mean(dim=-1)
    losses = losses + torch.where(real, (answer - wanted[:, None]) ** 2, 0.0)
    return LossSums(losses.sum(), int(real.sum()), losses.detach().sum(dim=1))


def test_a_planted_conflict_is_found_in_its_layer_and_nowhere_else() -> None:
    model, tokenizer = tiny_model("llama", num_hidden_layers=4), tiny_tokenizer("llama")
    texts = {"aa": some_text("en", 120, seed=1), "bb": some_text("en", 120, seed=2)}
    result = analyze_gradients(
        checkpoint_from_model(model, tokenizer), texts, contradiction, GradientSettings(chunks=8, granularity="module")
    )
    verdicts = result.pairs.set_index("group")["verdict"]
    assert verdicts[f"decoder.{PLANTED}/mlp"] == "conflict"
    assert result.pairs.set_index("group").loc[f"decoder.{PLANTED}/mlp", "corrected"] < -0.8
    assert not (verdicts.drop(["body", f"decoder.{PLANTED}/mlp"]) == "conflict").any()
    by_layer = analyze_gradients(
        checkpoint_from_model(model, tokenizer), texts, contradiction, GradientSettings(chunks=8)
    ).pairs.set_index("group")["verdict"]
    assert [g for g, v in by_layer.drop("body").items() if v == "conflict"] == [f"decoder.{PLANTED}"]


@pytest.mark.parametrize("kind", ["bert", "llama"])
@pytest.mark.parametrize("gram", ["exact", "sketch"])
def test_a_clone_under_another_name_is_the_same_language(kind: str, gram: str) -> None:
    text = some_text("de", 120, seed=3)
    texts = {"de": text, "de2": text[::-1], "ru": some_text("ru", 110, seed=3)}
    model, tokenizer = tiny_model(kind), tiny_tokenizer(kind)
    result = analyze_gradients(
        checkpoint_from_model(model, tokenizer),
        texts,
        settings=GradientSettings(chunks=6, gram=gram, sketch_size=512, mask_passes=4 if kind == "bert" else 1),
    )
    rows = result.pairs[(result.pairs["a"] == "de") & (result.pairs["b"] == "de2")]
    sure = rows[rows["verdict"] != "undetermined"]
    assert "body" in set(sure["group"])
    assert (sure["verdict"] == "aligned").all()
    np.testing.assert_allclose(sure["corrected"].astype(float), 1.0, atol=1e-4)


def test_two_halves_of_a_language_come_out_at_one_within_their_interval() -> None:
    covered = total = 0
    for seed in range(6):
        text = some_text("en", 160, seed=10 + seed)
        model, tokenizer = tiny_model("llama", seed=seed), tiny_tokenizer("llama")
        result = analyze_gradients(
            checkpoint_from_model(model, tokenizer),
            {"first": text[:80], "second": text[80:]},
            settings=GradientSettings(chunks=8, seed=seed),
        )
        rows = result.pairs[result.pairs["verdict"] != "undetermined"]
        assert set(rows["verdict"]) == {"aligned"}
        assert "body" in set(rows["group"])
        covered += int(((rows["ci_low"] <= 1) & (rows["ci_high"] >= 1)).sum())
        total += len(rows)
    # 18 rows that are not independent: at 95 % each, four or more misses would be most unlikely.
    assert total >= 12
    assert covered >= total - 3


def test_exact_and_sketch_agree_within_the_reported_error() -> None:
    model, tokenizer = tiny_model("llama", hidden_size=32, intermediate_size=64), tiny_tokenizer("llama")
    texts = {name: some_text(name, 60, seed=5) for name in ("de", "en", "ru")}
    exact, sketched = (
        analyze_gradients(
            checkpoint_from_model(model, tokenizer),
            texts,
            settings=GradientSettings(chunks=6, gram=gram, sketch_size=256),
        )
        for gram in ("exact", "sketch")
    )
    assert exact.settings["gram"] == "exact"
    assert exact.settings["sketch_size"] is None
    assert exact.groups["sketch_error"].max() == 0
    errors = sketched.groups.set_index("group")["sketch_error"]
    assert (errors.drop("decoder.norm") > 0).all()
    assert errors["decoder.norm"] == 0  # 32 numbers need no sketch
    both = exact.pairs.merge(sketched.pairs, on=["a", "b", "group"], suffixes=("", "_sketch"))
    both = both[both["group"] != "decoder.norm"]
    z = (both["corrected_sketch"] - both["corrected"]) / both["sketch_error_sketch"]
    assert z.abs().max() < 4
    wider = both["ci_high_sketch"] - both["ci_low_sketch"] > both["ci_high"] - both["ci_low"]
    assert wider.mean() > 0.5
