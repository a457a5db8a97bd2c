"""One unit of work: the gradient of one chunk's mean loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from interfere.engine._plan import Chunk, example_length, plan_microbatches
from interfere.errors import RunError
from interfere.objectives import Example, Objective, collate


class NonFiniteError(Exception):
    """A loss or a gradient is not a finite number; its text names the chunk and the document."""


def square_norm(x: torch.Tensor) -> float:
    """‖x‖², summed in float64 without a float64 copy of `x`."""
    return float(torch.linalg.vector_norm(x, dtype=torch.float64)) ** 2


@dataclass(frozen=True)
class ChunkGradient:
    """The gradient of a chunk's loss.

    Args:
        gradients: parameter name → the gradient of the summed loss; no entry where there is none.
        loss: the summed loss, in nats.
        predictions: how many predictions the loss sums; the gradient of the mean loss is `gradients` / `predictions`.
    """

    gradients: Mapping[str, torch.Tensor]
    loss: float
    predictions: int

    @property
    def square_norms(self) -> dict[str, float]:
        """‖g‖² of the summed loss, per parameter."""
        return {name: square_norm(g) for name, g in self.gradients.items()}


@contextmanager
def only_gradients_of(model: Any, names: Sequence[str]) -> Iterator[dict[str, torch.nn.Parameter]]:
    """Ask for gradients of the named parameters alone, in eval mode; afterwards the model is as it was."""
    training = model.training
    flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    wanted = set(names)
    try:
        model.eval()
        scoped = {}
        for name, parameter in model.named_parameters():
            parameter.grad = None
            parameter.requires_grad_(name in wanted)
            if name in wanted:
                scoped[name] = parameter
        yield scoped
    finally:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(flags[name])
            parameter.grad = gradients[name]
        model.train(training)


def _where(example: Example) -> str:
    name = f"document {example.document.id!r}, " if example.document.id is not None else ""
    return f"{name}line {example.document.line}"


def chunk_gradient(
    model: Any,
    objective: Objective,
    chunk: Chunk,
    parameters: Mapping[str, torch.nn.Parameter],
    batch_size: int | None = None,
) -> ChunkGradient:
    """Sum the loss over a chunk, microbatch by microbatch, and differentiate it.

    Args:
        model: in eval mode, with gradients asked for `parameters` alone.
        objective: the loss.
        chunk: what to read.
        parameters: by name.
        batch_size: examples of a microbatch; None: by a token budget. It changes rounding and nothing else.

    Raises:
        NonFiniteError: a loss or gradient is infinite or not a number.
        RunError: memory does not suffice.
    """
    gradient = _sum_gradients(model, objective, chunk.examples, parameters, batch_size)
    if all(math.isfinite(square) for square in gradient.square_norms.values()):
        return gradient
    for example in chunk.examples:
        alone = _sum_gradients(model, objective, [example], parameters, 1)
        if not all(math.isfinite(square) for square in alone.square_norms.values()):
            raise NonFiniteError(f"gradient not finite ({_where(example)})")
    raise NonFiniteError(f"gradient not finite (sum over {chunk.name})")


def _sum_gradients(
    model: Any,
    objective: Objective,
    examples: Sequence[Example],
    parameters: Mapping[str, torch.nn.Parameter],
    batch_size: int | None,
) -> ChunkGradient:
    device = next(iter(parameters.values())).device
    for parameter in parameters.values():
        parameter.grad = None
    loss = 0.0
    predictions = 0
    for rows in plan_microbatches([example_length(e) for e in examples], batch_size):
        batch = collate([examples[i] for i in rows], objective.pad_id, device)
        try:
            sums = objective.loss(model, batch)
            finite = torch.isfinite(sums.per_document)
            if not bool(finite.all()):
                first = batch.examples[int((~finite).nonzero()[0, 0])]
                raise NonFiniteError(f"loss not finite ({_where(first)})")
            sums.total.backward()  # type: ignore[no-untyped-call]
        except (torch.OutOfMemoryError, MemoryError) as error:
            rows_, longest = batch.input_ids.shape
            raise RunError(
                f"out of memory with {rows_} examples of up to {longest} tokens: give a smaller --batch-size or "
                "--max-length"
            ) from error
        loss += float(sums.per_document.double().sum())
        predictions += sums.predictions
    gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
    return ChunkGradient(gradients, loss, predictions)
