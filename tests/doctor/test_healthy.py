"""What is in order passes, and what is said of it is what other code finds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from interfere import LossSums, analyze_gradients, checkpoint_from_model
from interfere.doctor import diagnose
from interfere.errors import InputError
from tests.doctor.text import SETTINGS, TEXTS, examined, failing, found
from tests.tiny import MODELS, tiny_model, tiny_tokenizer

KINDS = sorted({*MODELS} - {"mbart"})
MODEL_CHECKS = {"loss-path", "finite-gradients", "determinism", "padding", "own-loss", "gram", "memory", "time"}


@pytest.mark.parametrize("kind", KINDS)
def test_families_in_order_pass(kind: str) -> None:
    diagnosis = examined(kind)
    assert diagnosis.passed, failing(diagnosis)
    made = {check.name for check in diagnosis.checks}
    assert made >= MODEL_CHECKS
    assert ("causality" in made) == (diagnosis.model["objective"] == "causal-lm")
    # Random weights know no language, and these texts are short; nothing else is odd about them.
    warned = {check.name for check in diagnosis.checks if check.status == "warn"}
    assert warned <= {"known-languages", "chunks"}
    assert len({check.name for check in diagnosis.checks}) == len(diagnosis.checks)


def test_the_parameters_add_up_to_the_model() -> None:
    model = tiny_model("llama")
    diagnosis = examined("llama", model=model)
    assert sum(part.parameters for part in diagnosis.parts) == sum(p.numel() for p in model.parameters())
    body = sum(p.numel() for name, p in model.named_parameters() if "embed" not in name and "lm_head" not in name)
    assert found(diagnosis, "scope", "ok").value == body
    assert {part.layer for part in diagnosis.parts if not part.in_scope} == {"embeddings", "head"}


def test_tied_weights_are_named() -> None:
    check = found(examined("gpt2"), "tied-weights", "ok", "transformer.wte.weight", "lm_head.weight")
    assert check.value == 1
    assert found(examined("llama"), "tied-weights", "ok").value == 0


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("bert", "class is BertForMaskedLM"), ("llama", "class is LlamaForCausalLM"), ("t5", "is_encoder_decoder")],
)
def test_the_objective_says_what_it_was_told_from(kind: str, reason: str) -> None:
    found(examined(kind), "objective", "ok", reason)


def test_a_class_without_a_head_leaves_the_objective_to_the_type() -> None:
    model = tiny_model("bert")
    checkpoint = checkpoint_from_model(model, tiny_tokenizer("bert"))
    # As where weights were saved from another class than they are read with.
    model.config.architectures = ["BertForPreTraining"]
    model.__class__ = type("Unnamed", (type(model),), {})
    object.__setattr__(checkpoint, "architecture", "Unnamed")
    found(diagnose(checkpoint, TEXTS, "auto", SETTINGS), "objective", "ok", "'bert'", "masked language model")


def test_losses_are_those_of_the_run() -> None:
    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    # Three documents a language at most, and chunks that read them all: then both read the same text.
    texts = {language: documents[:3] for language, documents in TEXTS.items()}
    few = type(SETTINGS)(chunks=2, tokens_per_chunk=1000)
    diagnosis = diagnose(checkpoint, texts, "auto", few)
    for row in diagnosis.languages:
        with torch.no_grad():
            sums = counts = 0.0
            for text in texts[row.language]:
                ids = torch.tensor([checkpoint.tokenizer(text)["input_ids"]])
                sums += float(checkpoint.model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
                counts += ids.shape[1] - 1
        assert row.loss == pytest.approx(sums / counts, rel=1e-5)
        assert row.guessing == pytest.approx(sums / counts / math.log(420), rel=1e-5)


def test_what_would_be_chosen_is_what_a_run_chooses() -> None:
    for budget in (2 * 1024**3, 1000):
        settings = type(SETTINGS)(chunks=4, tokens_per_chunk=40, memory_budget=budget, sketch_size=64)
        checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
        diagnosis = diagnose(checkpoint, TEXTS, "auto", settings)
        run = analyze_gradients(checkpoint, TEXTS, "auto", settings)
        assert diagnosis.cost is not None
        assert diagnosis.cost.gram == diagnosis.settings["gram"] == run.settings["gram"]
        assert diagnosis.settings["max_length"] == run.settings["max_length"]
        assert diagnosis.cost.chunks == len(run.tables["chunks"])
        for row in diagnosis.languages:
            assert row.chunk_tokens == pytest.approx(run.data[row.language]["tokens"] / 4)


def test_a_loss_of_ones_own() -> None:
    def loss(model: object, batch: object) -> LossSums:
        mask = batch.attention_mask  # type: ignore[attr-defined]
        logits = model(input_ids=batch.input_ids, attention_mask=mask).logits  # type: ignore[operator,attr-defined]
        rows = (logits.square().mean(dim=2) * mask).sum(dim=1)
        return LossSums(rows.sum(), int(mask.sum()), rows.detach())

    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    diagnosis = diagnose(checkpoint, TEXTS, loss, SETTINGS)
    assert diagnosis.passed, failing(diagnosis)
    assert diagnosis.check("causality") is None
    assert {gap.document for gap in diagnosis.gaps} == {"all documents"}
    found(diagnosis, "loss-path", "ok", "one of your own")


def test_the_model_is_left_as_it_was() -> None:
    model = tiny_model("gpt2").train()
    model.lm_head.weight.requires_grad_(False)
    checkpoint = checkpoint_from_model(model, tiny_tokenizer("gpt2"))
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    diagnose(checkpoint, TEXTS, "auto", SETTINGS)
    assert model.training
    assert not model.lm_head.weight.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_translation_is_examined_with_its_source_language() -> None:
    checkpoint = checkpoint_from_model(tiny_model("t5"), tiny_tokenizer(MODELS["t5"][1]), objective="translation")
    settings = replace(SETTINGS, source_language="de")
    diagnosis = diagnose(checkpoint, TEXTS, settings=settings)
    assert diagnosis.passed, failing(diagnosis)
    assert [each.language for each in diagnosis.languages] == ["ru", "zh"]
    found(diagnosis, "objective", "ok", "translation")
    result = analyze_gradients(checkpoint, TEXTS, settings=settings)
    read = result.tables["chunks"].groupby("language")["tokens"].mean()
    assert {each.language: each.chunk_tokens for each in diagnosis.languages} == pytest.approx(dict(read))
    with pytest.raises(InputError, match="--source-language"):
        diagnose(checkpoint, TEXTS, settings=SETTINGS)
    with pytest.raises(InputError, match="--source-language"):
        diagnose(checkpoint, TEXTS, "span-corruption", settings)
