"""Loss and gradient are the model's own for each document alone, in whatever batch it is read."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from interfere.objectives import IGNORE, Batch, collate, make_objective
from tests.objectives.reference import (
    KINDS,
    TENSOR_TOLERANCE,
    TOLERANCE,
    checkpoint_of,
    documents,
    flat_gradient,
    reference,
    relative,
    tiny_checkpoint,
    worst_tensor,
)
from tests.tiny import MODELS, tiny_tokenizer


def _gradient_of_row(objective, model, batch: Batch, row: int) -> torch.Tensor:
    """The share of one row in the gradient of a batch: the other rows are there and predict nothing."""
    alone = torch.full_like(batch.labels, IGNORE)
    alone[row] = batch.labels[row]
    model.zero_grad(set_to_none=True)
    objective.loss(model, dataclasses.replace(batch, labels=alone)).total.backward()
    return flat_gradient(model)


@pytest.mark.parametrize("kind", KINDS)
def test_each_document_has_the_same_loss_and_gradient_alone_and_in_a_batch(kind):
    checkpoint = checkpoint_of(kind)
    objective = make_objective("auto", checkpoint, seed=3)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    assert len(examples) >= 4
    expected = [reference(checkpoint, example) for example in examples]
    for example, (_, predictions, _) in zip(examples, expected, strict=True):
        assert example.predictions == predictions
    for order in (list(range(len(examples))), list(reversed(range(len(examples))))):
        batch = collate([examples[index] for index in order], objective.pad_id)
        sums = objective.loss(checkpoint.model, batch)
        assert sums.predictions == sum(expected[index][1] for index in order)
        assert float(sums.total.detach()) == pytest.approx(sum(loss for loss, _, _ in expected), rel=1e-5)
        assert not sums.per_document.requires_grad
        for row, index in enumerate(order):
            loss, _, gradient = expected[index]
            assert float(sums.per_document[row]) == pytest.approx(loss, rel=1e-5)
            share = _gradient_of_row(objective, checkpoint.model, batch, row)
            assert relative(share, gradient) < TOLERANCE
            assert worst_tensor(checkpoint.model, share, gradient) < TENSOR_TOLERANCE


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "gpt2", "llama", "t5", "gemma3", "mbart"])
def test_the_gradient_of_a_batch_is_the_sum_of_its_documents(kind):
    checkpoint = tiny_checkpoint(kind)
    objective = make_objective("auto", checkpoint)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    expected = torch.stack([reference(checkpoint, example)[2] for example in examples]).sum(0)
    for size in (1, 2, len(examples)):
        checkpoint.model.zero_grad(set_to_none=True)
        for start in range(0, len(examples), size):
            batch = collate(examples[start : start + size], objective.pad_id)
            objective.loss(checkpoint.model, batch).total.backward()
        assert relative(flat_gradient(checkpoint.model), expected) < TOLERANCE


@pytest.mark.parametrize("kind", ["bert", "llama", "t5"])
def test_the_padding_side_of_the_tokenizer_changes_nothing(kind):
    left = tiny_tokenizer(MODELS[kind][1], padding_side="left")
    found = []
    for tokenizer in (None, left):
        checkpoint = tiny_checkpoint(kind, tokenizer=tokenizer)
        objective = make_objective("auto", checkpoint)
        examples = [example for document in documents() for example in objective.encode(document, "de")]
        batch = collate(examples, objective.pad_id)
        found.append((batch.input_ids, batch.labels))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_with_a_left_padding_tokenizer_nothing_is_predicted_from_or_at_padding():
    checkpoint = tiny_checkpoint("llama", tokenizer=tiny_tokenizer("llama", padding_side="left"))
    objective = make_objective("causal-lm", checkpoint)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    batch = collate(examples, objective.pad_id)
    lengths = [len(checkpoint.tokenizer(document.text)["input_ids"]) for document in documents()]
    assert batch.attention_mask.sum(1).tolist() == lengths
    assert objective.loss(checkpoint.model, batch).predictions == sum(lengths) - len(lengths)
    # The trap itself: in a left-padded batch with the usual labels the padding predicts the first token of each row.
    padded = checkpoint.tokenizer([document.text for document in documents()], padding=True, return_tensors="pt")
    usual = padded["input_ids"].masked_fill(padded["attention_mask"] == 0, IGNORE)
    assert int((usual[:, 1:] != IGNORE).sum()) > sum(lengths) - len(lengths)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "bert"])
def test_a_tokenizer_without_a_padding_token_is_fine(kind):
    tokenizer = tiny_tokenizer(MODELS[kind][1], without=("pad",))
    assert tokenizer.pad_token_id is None
    checkpoint = tiny_checkpoint(kind, tokenizer=tokenizer)
    objective = make_objective("auto", checkpoint)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    batch = collate(examples, objective.pad_id)
    for row, example in enumerate(examples):
        share = _gradient_of_row(objective, checkpoint.model, batch, row)
        assert relative(share, reference(checkpoint, example)[2]) < TOLERANCE


def test_a_text_that_holds_the_padding_token_has_the_same_gradient_in_a_batch():
    """XLM-R counts positions past the padding id, wherever it stands."""
    checkpoint = tiny_checkpoint("xlm-r")
    objective = make_objective("auto", checkpoint)
    first, *others = documents()
    odd = dataclasses.replace(first, text=f"The river <pad><pad> runs{first.text}")
    assert checkpoint.model.config.pad_token_id in checkpoint.tokenizer(odd.text)["input_ids"]
    examples = [example for document in (odd, *others) for example in objective.encode(document, "de")]
    share = _gradient_of_row(objective, checkpoint.model, collate(examples, objective.pad_id), 0)
    model = checkpoint.model
    inputs = torch.tensor([examples[0].input_ids])
    model.zero_grad(set_to_none=True)
    loss = model(
        input_ids=inputs, attention_mask=torch.ones_like(inputs), labels=torch.tensor([examples[0].labels])
    ).loss
    (loss * examples[0].predictions).backward()
    assert relative(share, flat_gradient(model)) < TOLERANCE


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
def test_both_attention_implementations_agree(kind, attention):
    checkpoint = tiny_checkpoint(kind)
    objective = make_objective("auto", checkpoint)
    examples = [example for document in documents() for example in objective.encode(document, "de")]
    expected = [reference(checkpoint, example)[2] for example in examples]
    checkpoint.model.set_attn_implementation(attention)
    batch = collate(examples, objective.pad_id)
    for row, gradient in enumerate(expected):
        assert relative(_gradient_of_row(objective, checkpoint.model, batch, row), gradient) < TOLERANCE


def test_a_router_loss_of_the_model_is_left_out():
    plain = tiny_checkpoint("mixtral")
    routed = tiny_checkpoint("mixtral", output_router_logits=True, router_aux_loss_coef=10.0)
    found = []
    for checkpoint in (plain, routed):
        objective = make_objective("auto", checkpoint)
        batch = collate(objective.encode(documents()[0], "xx"), objective.pad_id)
        found.append(float(objective.loss(checkpoint.model, batch).total.detach()))
    assert found[0] == found[1]


def test_half_precision_logits_are_summed_in_float32():
    checkpoint = tiny_checkpoint("llama")
    checkpoint.model.to(torch.bfloat16)
    objective = make_objective("auto", checkpoint)
    sums = objective.loss(checkpoint.model, collate(objective.encode(documents()[0], "xx"), objective.pad_id))
    assert sums.total.dtype == torch.float32
    assert sums.per_document.dtype == torch.float32
