"""The fast path is taken where it agrees with the model's own loss and gradients, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interfere import GradientSettings, LossSums, analyze_gradients, checkpoint_from_model
from interfere.checkpoint import Checkpoint
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {name: some_text(name, 30, seed=4) for name in ("de", "ru")}
SETTINGS = GradientSettings(chunks=2, tokens_per_chunk=40)


def odd(kind: str, change: object) -> Checkpoint:
    """A tiny model whose forward does something to its logits that is not a matter of single positions."""
    model = tiny_model(kind)
    plain = type(model).forward

    def forward(self: object, *arguments: object, **options: object) -> object:
        output = plain(self, *arguments, **options)
        output.logits = change(output.logits)  # type: ignore[operator]
        return output

    model.__class__ = type("Odd", (type(model),), {"forward": forward})
    return checkpoint_from_model(model, tiny_tokenizer(kind), objective="masked-lm" if kind == "bert" else "causal-lm")


@pytest.mark.parametrize("kind", ["bert", "llama", "t5"])
def test_usual_models_take_the_fast_path(kind: str) -> None:
    checkpoint = checkpoint_from_model(tiny_model(kind), tiny_tokenizer(kind))
    result = analyze_gradients(checkpoint, TEXTS, settings=SETTINGS)
    assert result.settings["loss_path"] == "fast"
    assert "loss_path_reason" not in result.settings


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_what_acts_on_single_logits_may_stay_on_the_fast_path(kind: str) -> None:
    checkpoint = odd(kind, lambda logits: 5 * torch.tanh(3 * logits / 5) + 0.1)
    assert analyze_gradients(checkpoint, TEXTS, settings=SETTINGS).settings["loss_path"] == "fast"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda logits: logits + logits.mean(dim=1, keepdim=True), "loss is"),
        # The value is the same and the gradient is not.
        (lambda logits: logits + logits.roll(1, 1) - logits.roll(1, 1).detach(), "gradient is off"),
    ],
)
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_models_whose_positions_mix_are_read_as_a_whole(kind: str, change: object, reason: str) -> None:
    checkpoint = odd(kind, change)
    found = analyze_gradients(checkpoint, TEXTS, settings=SETTINGS).settings
    assert found["loss_path"] == "plain"
    assert reason in found["loss_path_reason"]


def test_a_loss_of_ones_own_is_plain() -> None:
    def loss(model: object, batch: object) -> LossSums:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # type: ignore[operator,attr-defined]
        rows = logits.square().mean(dim=(1, 2))
        return LossSums(rows.sum(), len(rows), rows.detach())

    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    found = analyze_gradients(checkpoint, TEXTS, loss, SETTINGS).settings
    assert (found["loss_path"], found["loss_path_reason"]) == ("plain", "the loss is one of your own")


def test_the_choice_is_kept_for_a_resumed_run(tmp_path: Path) -> None:
    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    analyze_gradients(checkpoint, TEXTS, settings=SETTINGS, workdir=tmp_path)
    (tmp_path / "loss_path.json").write_text('{"name": "plain", "reason": "as before"}')
    resumed = analyze_gradients(checkpoint, TEXTS, settings=SETTINGS, workdir=tmp_path)
    assert resumed.settings["loss_path_reason"] == "as before"
