"""A model that is broken on purpose is found by the check that is for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.nn import functional

from interfere import checkpoint_from_model
from interfere.objectives import collate, make_objective
from tests.doctor.text import TEXTS, examined, failing, found, look, odd
from tests.tiny import tiny_model, tiny_tokenizer


def without_mask(plain: Any, model: Any, inputs: Any) -> Any:
    return plain(attention_mask=None)


def flat(model: Any) -> torch.Tensor:
    body = [p for name, p in model.named_parameters() if ".layer." in name]
    return torch.cat([p.grad.reshape(-1).double() for p in body])


def test_a_mask_that_is_not_heeded_is_found_and_measured() -> None:
    model = odd(tiny_model("bert"), without_mask)
    checkpoint = checkpoint_from_model(model, tiny_tokenizer("bert"), objective="masked-lm")
    diagnosis = look(checkpoint)
    check = found(diagnosis, "padding", "fail", "attention mask", "--batch-size 1")
    assert "padding" in failing(diagnosis)
    # The same number, by plain autograd on documents of these lengths.
    short = next(gap for gap in diagnosis.gaps if gap.document.startswith("shortest") and gap.group == "body")
    assert 1e-3 < short.difference <= (check.value or 0.0)
    objective = make_objective("auto", checkpoint)
    from interfere.corpus import read_corpus

    documents = [(d, name) for name, own in read_corpus(TEXTS).documents.items() for d in own]
    examples = sorted((e for d, name in documents for e in objective.encode(d, name)), key=lambda e: -len(e.input_ids))
    last = len(examples) - 1
    few = [examples[0], examples[last // 3], examples[2 * last // 3], examples[last]]
    model.zero_grad()
    objective.loss(model, collate(few[-1:], objective.pad_id)).total.backward()
    alone = flat(model)
    model.zero_grad()
    batch = collate(few, objective.pad_id)
    labels = torch.full_like(batch.labels, -100)
    labels[-1] = batch.labels[-1]
    objective.loss(model, dataclasses.replace(batch, labels=labels)).total.backward()
    expected = float((flat(model) - alone).norm() / alone.norm())
    assert short.difference == pytest.approx(expected, rel=1e-3)


def test_rows_that_share_something_are_told_from_padding() -> None:
    model = tiny_model("bert")

    def mix(module: Any, arguments: Any, output: Any) -> Any:
        return output + output.mean(0, keepdim=True)

    model.bert.encoder.layer[0].output.register_forward_hook(mix)
    diagnosis = examined("bert", model=model)
    found(diagnosis, "padding", "fail", "without padding too")


def test_weights_that_are_no_numbers() -> None:
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    with torch.no_grad():
        checkpoint.model.bert.encoder.layer[1].output.dense.weight[0, 0] = float("nan")
    diagnosis = look(checkpoint)
    found(diagnosis, "weights", "fail", "bert.encoder.layer.1.output.dense.weight", "earlier checkpoint")
    assert diagnosis.check("padding") is None
    assert diagnosis.cost is None
    assert [row.loss for row in diagnosis.languages] == [None] * 3


def test_a_tokenizer_of_another_model() -> None:
    checkpoint = checkpoint_from_model(tiny_model("bert"), tiny_tokenizer("bert"))
    small = dataclasses.replace(checkpoint, model=tiny_model("bert", vocab_size=300))
    diagnosis = look(small)
    found(diagnosis, "vocabulary", "fail", "300 embedding rows", "--tokenizer")
    found(diagnosis, "token-ids", "fail")
    assert diagnosis.check("padding") is None


@pytest.mark.parametrize("same", [True, False])
def test_a_head_that_should_be_tied(same: bool) -> None:
    model = tiny_model("gpt2")
    weight = model.transformer.wte.weight.detach().clone()
    model.lm_head.weight = torch.nn.Parameter(weight if same else weight + 1)
    diagnosis = examined("gpt2", model=model)
    found(diagnosis, "tied-weights", "warn", "same numbers" if same else "different numbers", "tie_word_embeddings")
    assert diagnosis.passed


def test_dropout_that_is_always_on() -> None:
    def dropped(plain: Any, model: Any, inputs: Any) -> Any:
        output = plain()
        output.logits = functional.dropout(output.logits, 0.3, training=True)
        return output

    torch.manual_seed(0)
    found(examined("bert", model=odd(tiny_model("bert"), dropped)), "determinism", "fail", "dropout")


def test_a_causal_model_that_sees_ahead() -> None:
    def ahead(plain: Any, model: Any, inputs: Any) -> Any:
        output = plain()
        output.logits = output.logits + output.logits.roll(-1, 1)
        return output

    diagnosis = examined("llama", model=odd(tiny_model("llama"), ahead))
    found(diagnosis, "causality", "fail", "later token")
    found(diagnosis, "loss-path", "warn", "Plain")


def test_a_loss_that_is_not_the_models_own() -> None:
    def smoothed(plain: Any, model: Any, inputs: Any) -> Any:
        output = plain()
        if output.loss is not None:
            output.loss = 0.8 * output.loss
        return output

    diagnosis = examined("llama", model=odd(tiny_model("llama"), smoothed))
    check = found(diagnosis, "own-loss", "fail", "label smoothing")
    assert check.value == pytest.approx(0.25, rel=1e-3)
    assert failing(diagnosis) == {"own-loss"}


def test_a_language_without_finite_losses_is_named() -> None:
    tokenizer = tiny_tokenizer("llama")
    ids = set(tokenizer("河水缓缓流过古老的村庄。", add_special_tokens=False)["input_ids"]) - {
        index for language in ("de", "ru") for text in TEXTS[language] for index in tokenizer(text)["input_ids"]
    }

    model = tiny_model("llama")

    def break_it(module: Any, arguments: Any, output: Any) -> Any:
        return output * float("inf") if ids & set(arguments[0].reshape(-1).tolist()) else output

    model.model.embed_tokens.register_forward_hook(break_it)
    diagnosis = examined("llama", model=model)
    assert found(diagnosis, "finite-gradients", "fail", "zh", "line ").languages == ("zh",)
    assert {row.language for row in diagnosis.languages if row.loss is None} == {"zh"}


def test_code_that_raises_is_a_finding() -> None:
    def raising(plain: Any, model: Any, inputs: Any) -> Any:
        raise IndexError("row 7 is\x1b[31m out of range")

    diagnosis = examined("bert", model=odd(tiny_model("bert"), raising))
    found(diagnosis, "reading", "fail", "IndexError", "row 7")


def test_quantised_tensors() -> None:
    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    layer = checkpoint.model.model.layers[0].mlp.down_proj
    layer.weight = torch.nn.Parameter(layer.weight.detach().to(torch.int8), requires_grad=False)
    found(look(checkpoint), "gradients-possible", "fail", "layers.0.mlp.down_proj.weight", "quantised")


def test_an_objective_that_the_tokenizer_has_no_tokens_for() -> None:
    tokenizer = tiny_tokenizer("bert", without=("mask",))
    diagnosis = look(checkpoint_from_model(tiny_model("bert"), tokenizer))
    found(diagnosis, "objective", "fail", "mask token")
    # What needs no objective is still there.
    assert diagnosis.overlap
    assert all(row.tokens_per_byte for row in diagnosis.languages)


def test_a_model_that_wants_to_be_told_the_language() -> None:
    model = tiny_model("llama")
    model.config.interfere_signal = "prefix"
    found(examined("llama", model=model), "language-signal", "warn", "--signal prefix")


def test_low_precision_is_said() -> None:
    found(examined("llama", model=tiny_model("llama").to(torch.bfloat16)), "precision", "warn", "float32")
