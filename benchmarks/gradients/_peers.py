"""Gradient cosines of chunks by TorchJD (https://torchjd.org), the library that comes nearest to the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from benchmarks.gradients._loops import Chunks, pad
from interfere.objectives import IGNORE


def _losses(model: Any, chunks: Chunks, pad_id: int) -> list[torch.Tensor]:
    """The mean loss of each chunk of a causal LM; all graphs stand in memory, since TorchJD wants them together."""
    losses = []
    for examples in chunks.values():
        inputs = pad([e.input_ids for e in examples], pad_id)
        mask = pad([[1] * len(e.input_ids) for e in examples], 0)
        labels = functional.pad(pad([e.labels for e in examples], IGNORE)[:, 1:], (0, 1), value=IGNORE)
        logits = model(input_ids=inputs, attention_mask=mask, use_cache=False).logits
        losses.append(functional.cross_entropy(logits[labels != IGNORE], labels[labels != IGNORE]))
    return losses


def autojac(model: Any, chunks: Chunks, pad_id: int, finished: Callable[[], None]) -> torch.Tensor:
    """Jacobian of the chunks' losses, one loss at a time, then its Gram matrix."""
    from torchjd.autojac import jac

    model.eval()
    # Tied weights are one tensor, which TorchJD wants named once.
    parameters = list(dict.fromkeys(model.parameters()))
    jacobians = jac(_losses(model, chunks, pad_id), parameters, parallel_chunk_size=1)
    rows = [j.flatten(1) for j in jacobians]
    gram = sum((r @ r.T for r in rows), torch.zeros(len(chunks), len(chunks)))
    finished()
    return _cosines(gram)


def autogram(model: Any, chunks: Chunks, pad_id: int, finished: Callable[[], None]) -> torch.Tensor:
    """The Gram matrix of the same Jacobian, without the Jacobian."""
    from torchjd.autogram import Engine

    model.eval()
    engine = Engine(model, batch_dim=None)
    gram = engine.compute_gramian(torch.stack(_losses(model, chunks, pad_id)))
    finished()
    return _cosines(gram)


def _cosines(gram: torch.Tensor) -> torch.Tensor:
    norms = gram.diagonal().sqrt()
    return gram / norms[:, None] / norms[None, :]
