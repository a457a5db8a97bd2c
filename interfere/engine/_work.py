"""One unit of work: the gradient of one chunk's mean loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from interfere.engine._plan import Chunk, Microbatches, example_length
from interfere.errors import RunError
from interfere.objectives import Batch, Example, LossSums, Objective, collate


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


def place_of(example: Example) -> str:
    name = f"document {example.document.id!r}, " if example.document.id is not None else ""
    return f"{name}line {example.document.line}"


class OutOfMemoryError(Exception):
    """A microbatch did not fit into memory.

    Args:
        rows: its examples.
        longest: the tokens of the longest of them.
    """

    def __init__(self, rows: int, longest: int) -> None:
        super().__init__(f"out of memory with {rows} examples of up to {longest} tokens")
        self.rows = rows
        self.longest = longest


Take = Callable[[str, torch.Tensor], None]
"""Receives a parameter's name and its gradient of one microbatch."""


def sum_gradients(
    model: Any,
    objective: Objective,
    examples: Sequence[Example],
    parameters: Mapping[str, torch.nn.Parameter],
    microbatches: Microbatches,
    take: Take,
) -> tuple[float, int]:
    """Differentiate the summed loss of examples, microbatch by microbatch.

    Each gradient is handed over as soon as it is there, and the parameter keeps none of it.

    Args:
        model: in eval mode, with gradients asked for `parameters` alone.
        objective: the loss.
        examples: what to read.
        parameters: by name.
        microbatches: how `examples` are cut.
        take: receives the gradients.

    Returns:
        The summed loss, in nats, and how many predictions it sums.

    Raises:
        NonFiniteError: a loss is infinite or not a number.
        OutOfMemoryError: memory does not suffice for a microbatch.
    """
    device = next(iter(parameters.values())).device
    loss, predictions = 0.0, 0
    with _handing_over(parameters, take):
        for rows in microbatches.plan([example_length(e) for e in examples]):
            sums = _differentiate(model, objective, collate([examples[i] for i in rows], objective.pad_id, device))
            loss += float(sums.per_document.double().sum())
            predictions += sums.predictions
    return loss, predictions


def sum_batch(
    model: Any, objective: Objective, batch: Batch, parameters: Mapping[str, torch.nn.Parameter], take: Take
) -> float:
    """The same for one batch: hand its gradients over and return its summed loss.

    Raises:
        NonFiniteError: the loss is infinite or not a number.
        OutOfMemoryError: memory does not suffice.
    """
    with _handing_over(parameters, take):
        return float(_differentiate(model, objective, batch).per_document.double().sum())


def _differentiate(model: Any, objective: Objective, batch: Batch) -> LossSums:
    with memory_errors(*batch.input_ids.shape):
        sums = objective.loss(model, batch)
        require_finite(sums, batch)
        try:
            sums.total.backward()  # type: ignore[no-untyped-call]
        except AssertionError as error:
            # Reformer's layers go backward in training mode only, in which dropout would be noise.
            said = " ".join(str(error).split())[:160] or "an assertion of its own"
            raise RunError(f"{type(model).__name__} refuses to be differentiated in eval mode: {said}") from error
    return sums


def require_finite(sums: LossSums, batch: Batch) -> None:
    """Make sure that every document's loss is a number.

    Raises:
        NonFiniteError: one is not; the text names the document.
    """
    finite = torch.isfinite(sums.per_document)
    if not bool(finite.all()):
        first = batch.examples[int((~finite).nonzero()[0, 0])]
        raise NonFiniteError(f"loss not finite ({place_of(first)})")


@contextmanager
def _handing_over(parameters: Mapping[str, torch.nn.Parameter], take: Take) -> Iterator[None]:
    """Hand every gradient over when autograd has formed it."""

    def hook(name: str) -> Callable[[torch.Tensor], None]:
        def hand_over(parameter: torch.Tensor) -> None:
            gradient, parameter.grad = parameter.grad, None
            if gradient is not None:
                take(name, gradient)

        return hand_over

    for parameter in parameters.values():
        parameter.grad = None
    handles = [
        parameter.register_post_accumulate_grad_hook(hook(name))  # type: ignore[no-untyped-call]
        for name, parameter in parameters.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for parameter in parameters.values():
            parameter.grad = None


@contextmanager
def memory_errors(rows: int, longest: int) -> Iterator[None]:
    """Tell lack of memory from other errors; on a CPU, PyTorch says it in words only."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemoryError(rows, longest) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise OutOfMemoryError(rows, longest) from error
        raise


def whole_gradient(
    model: Any,
    objective: Objective,
    chunk: Chunk,
    parameters: Mapping[str, torch.nn.Parameter],
    microbatches: Microbatches,
) -> ChunkGradient:
    """The gradient of a chunk's summed loss, all of it at once.

    Raises:
        NonFiniteError: a loss or gradient is infinite or not a number.
        OutOfMemoryError: memory does not suffice for a microbatch.
    """
    gradients: dict[str, torch.Tensor] = {}

    def take(name: str, gradient: torch.Tensor) -> None:
        gradients[name] = gradients[name].add_(gradient) if name in gradients else gradient.float()

    loss, predictions = sum_gradients(model, objective, chunk.examples, parameters, microbatches, take)
    if not all(math.isfinite(square_norm(gradient)) for gradient in gradients.values()):
        raise not_finite(model, objective, chunk, parameters)
    return ChunkGradient(gradients, loss, predictions)


def not_finite(
    model: Any, objective: Objective, chunk: Chunk, parameters: Mapping[str, torch.nn.Parameter]
) -> NonFiniteError:
    """The error for a chunk whose gradient is not finite, with the first document that makes it so."""
    for example in chunk.examples:
        if not _has_finite_gradient(model, objective, example, parameters):
            return NonFiniteError(f"gradient not finite ({place_of(example)})")
    return NonFiniteError(f"gradient not finite (sum over {chunk.name})")


def _has_finite_gradient(
    model: Any, objective: Objective, example: Example, parameters: Mapping[str, torch.nn.Parameter]
) -> bool:
    squares: list[float] = []

    def take(_: str, gradient: torch.Tensor) -> None:
        squares.append(square_norm(gradient))

    sum_gradients(model, objective, [example], parameters, Microbatches(1), take)
    return all(math.isfinite(square) for square in squares)
