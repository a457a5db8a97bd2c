"""The sums of a token loss, and the call of a model that gives its logits."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn import functional

from interfere.objectives._types import IGNORE, LossSums


def token_loss(logits: torch.Tensor, targets: torch.Tensor) -> LossSums:
    """Cross-entropy summed over the targets, in nats and in float32.

    Args:
        logits: shape (rows, positions, vocabulary).
        targets: shape (rows, positions): what each position predicts, `IGNORE` where it predicts nothing.

    Returns:
        The sums over the batch and over each row.
    """
    predicted = targets != IGNORE
    # Only these rows go through the softmax, which keeps several copies of what it is given.
    scores = logits[predicted].float()
    losses = functional.cross_entropy(scores, targets[predicted], reduction="none")
    return LossSums(total=losses.sum(), predictions=len(losses), per_document=per_row(losses, predicted))


def per_row(losses: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """Losses summed row by row, detached.

    Args:
        losses: shape (predictions,).
        predicted: shape (rows, positions): where they belong, in row-major order.
    """
    out = torch.zeros(len(predicted), dtype=losses.dtype, device=losses.device)
    return out.index_add_(0, predicted.nonzero()[:, 0], losses.detach())


def logits_of(model: Any, **inputs: torch.Tensor) -> torch.Tensor:
    """Call a model without labels, so that it adds no loss of its own (such as a router's), and return its logits."""
    options: dict[str, Any] = {}
    # A cache of keys and values would only cost memory.
    if "use_cache" in inspect.signature(model.forward).parameters:
        options["use_cache"] = False
    output = model(**inputs, **options)
    logits = getattr(output, "logits", None)
    return logits if logits is not None else output[0]  # type: ignore[no-any-return]
