"""Losses, gradients and bits of single documents, from a model's own forward and autograd, with nothing of interfere's.

What is masked, or taken out, is what interfere chose: the choice is random. The rest is computed here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

IGNORE = -100

Told = Callable[[torch.Tensor], Mapping[str, torch.Tensor]]
"""What a model is told beside the token ids that it reads."""


def nats(model: Any, example: Any, told: Told) -> tuple[torch.Tensor, int]:
    """The summed loss of one example, with a graph, and how many predictions it sums.

    Args:
        model: in eval mode.
        example: with its token ids and labels.
        told: what else the model is told, of the ids that it reads.
    """
    ids, labels = torch.tensor([example.input_ids]), torch.tensor([example.labels])
    if model.config.is_encoder_decoder:
        logits = _logits(model, input_ids=ids, decoder_input_ids=_decoder_ids(model, labels), **told(ids))[0]
        targets = labels[0]
    else:
        logits = _logits(model, input_ids=ids, **told(ids))[0]
        targets = labels[0]
        if is_causal(example):
            logits, targets = logits[:-1], targets[1:]
    wanted = targets != IGNORE
    losses = functional.cross_entropy(logits[wanted].float(), targets[wanted], reduction="sum")
    return losses, int(wanted.sum())


def is_causal(example: Any) -> bool:
    """Whether each label stands where its token is read."""
    return len(example.labels) == len(example.input_ids) and all(
        label in (token, IGNORE) for label, token in zip(example.labels, example.input_ids, strict=True)
    )


def gradient(model: Any, examples: Sequence[Any], names: Sequence[str], told: Told) -> dict[str, torch.Tensor]:
    """The gradient of the mean loss of some examples, each differentiated by itself."""
    parameters = dict(model.named_parameters())
    sums = {name: torch.zeros_like(parameters[name], dtype=torch.float64) for name in names}
    total = 0
    for example in examples:
        loss, count = nats(model, example, told)
        found = torch.autograd.grad(loss, [parameters[name] for name in names], allow_unused=True)
        for name, own in zip(names, found, strict=True):
            if own is not None:
                sums[name] += own
        total += count
    return {name: own / total for name, own in sums.items()}


def step_by_step(model: Any, example: Any, told: Told) -> float:
    """The loss of one example in nats, each prediction made by a model that has not been given what comes after it."""
    if not (model.config.is_encoder_decoder or is_causal(example)):
        with torch.no_grad():
            return float(nats(model, example, told)[0])
    ids, labels = torch.tensor([example.input_ids]), torch.tensor([example.labels])
    total = 0.0
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            given = _decoder_ids(model, labels)
            for place, label in enumerate(example.labels):
                logits = _logits(model, input_ids=ids, decoder_input_ids=given[:, : place + 1], **told(ids))
                total -= float(logits[0, -1].float().log_softmax(-1)[label])
        else:
            for place in range(1, len(example.input_ids)):
                if example.labels[place] != IGNORE:
                    logits = _logits(model, input_ids=ids[:, :place], **told(ids[:, :place]))
                    total -= float(logits[0, -1].float().log_softmax(-1)[example.labels[place]])
    return total


def bits(value: float) -> float:
    """Nats as bits."""
    return value / math.log(2)


def _logits(model: Any, **inputs: torch.Tensor) -> torch.Tensor:
    options = {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}
    output = model(**inputs, **options)
    logits = getattr(output, "logits", None)
    return output[0] if logits is None else logits


def _decoder_ids(model: Any, labels: torch.Tensor) -> torch.Tensor:
    """What the decoder reads for some labels, as the model's own code has it."""
    for name in ("prepare_decoder_input_ids_from_labels", "_shift_right"):
        shift = getattr(model, name, None)
        if shift is not None:
            return shift(labels)
    start = model.config.decoder_start_token_id
    return torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
