"""The loops that `interfere gradients` is compared with.

They were written, tuned and committed before interfere's own fast paths, and stay as they are: whoever changes one of
them changes what every ratio in ``benchmarks/results`` means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from interfere.objectives import IGNORE, Example

Chunks = Mapping[tuple[str, int], Sequence[Example]]
"""(language, slot) → what the chunk reads."""

DOCUMENTS_A_BATCH = 8
"""Rows of a batch in the user's loop."""


@dataclass(frozen=True)
class Tuning:
    """What makes the hand-written loop fastest on one model, found by trying.

    Args:
        token_budget: padded tokens of a batch; of 256, 512, 1024 and 2048.
        logits_at_once: logits that are held at once; of 2²², 2²⁴ and 2²⁶.
    """

    token_budget: int
    logits_at_once: int


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def users_loop(model: Any, chunks: Chunks, pad_id: int, finished: Callable[[], None]) -> torch.Tensor:
    """What people write: the model's own loss, every parameter's gradient kept, cosines of the flat gradients.

    Returns:
        The cosines of all chunks, shape (chunks, chunks).
    """
    model.eval()
    vectors = []
    for examples in chunks.values():
        model.zero_grad()
        batches = [examples[i : i + DOCUMENTS_A_BATCH] for i in range(0, len(examples), DOCUMENTS_A_BATCH)]
        for batch in batches:
            inputs = pad([e.input_ids for e in batch], pad_id)
            mask = pad([[1] * len(e.input_ids) for e in batch], 0)
            labels = pad([e.labels for e in batch], IGNORE)
            loss = model(input_ids=inputs, attention_mask=mask, labels=labels).loss
            (loss / len(batches)).backward()
        vectors.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        finished()
    gradients = torch.stack(vectors)
    gradients /= gradients.norm(dim=1, keepdim=True)
    return gradients @ gradients.T


def best_loop(
    model: Any, names: Sequence[str], chunks: Chunks, pad_id: int, tuning: Tuning, finished: Callable[[], None]
) -> dict[tuple[str, int], float]:
    """The fastest plain PyTorch for one known architecture: the same gradients as interfere's, thrown away at once.

    Only the parameters in `names` get gradients; texts are sorted by length; only positions that predict go through
    the head, whose logits are never all there at once, and whose input's gradient is formed from them directly.

    Returns:
        The norm of every chunk's gradient, so that there is something to compare.
    """
    model.eval()
    wanted = set(names)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in wanted)
    masked = hasattr(model, "roberta")
    body = model.roberta if masked else model.model
    norms = {}
    for key, examples in chunks.items():
        model.zero_grad(set_to_none=True)
        total = sum(e.predictions for e in examples)
        for batch in by_length(examples, tuning.token_budget):
            inputs = pad([e.input_ids for e in batch], pad_id)
            mask = pad([[1] * len(e.input_ids) for e in batch], 0)
            labels = pad([e.labels for e in batch], IGNORE)
            if not masked:
                labels = functional.pad(labels[:, 1:], (0, 1), value=IGNORE)
            hidden = body(input_ids=inputs, attention_mask=mask).last_hidden_state
            predicts = labels != IGNORE
            rows, targets = hidden[predicts], labels[predicts]
            if masked:
                # The head's dense layer and norm, which autograd goes back through as usual.
                rows = model.lm_head.layer_norm(functional.gelu(model.lm_head.dense(rows)))
                weight, bias = model.lm_head.decoder.weight, model.lm_head.bias
            else:
                weight, bias = model.lm_head.weight, None
            rows.backward(head_gradient(rows.detach(), targets, weight, bias, tuning.logits_at_once) / total)
        norms[key] = float(
            sum(p.grad.square().sum(dtype=torch.float64) for p in model.parameters() if p.grad is not None) ** 0.5
        )
        finished()
    return norms


def by_length(examples: Sequence[Example], token_budget: int) -> Iterator[list[Example]]:
    """Batches of at most so many padded tokens, the longest texts first."""
    batch: list[Example] = []
    for example in sorted(examples, key=lambda e: -len(e.input_ids)):
        if batch and (len(batch) + 1) * len(batch[0].input_ids) > token_budget:
            yield batch
            batch = []
        batch.append(example)
    yield batch


@torch.no_grad()
def head_gradient(
    rows: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, logits_at_once: int
) -> torch.Tensor:
    """The gradient of the summed cross-entropy with respect to what the last linear layer reads."""
    out = torch.empty_like(rows)
    at_once = max(1, logits_at_once // len(weight))
    for first in range(0, len(rows), at_once):
        piece = slice(first, first + at_once)
        logits = functional.linear(rows[piece], weight, bias)
        logits -= logits.max(dim=1, keepdim=True).values
        logits.exp_()
        logits /= logits.sum(dim=1, keepdim=True)
        logits[torch.arange(len(logits)), targets[piece]] -= 1
        torch.mm(logits, weight, out=out[piece])
    return out
