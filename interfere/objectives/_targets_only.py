"""The head of a model, run only where something is predicted, some positions at a time.

A language model's logits are most of its memory and, with a large vocabulary, most of its time: tokens × vocabulary of
them, of which a masked LM uses a seventh. Here the model runs up to its last hidden states; the positions that predict
are picked; and the rest of the model's own forward, with whatever it does to the logits (layers, biases, scaling, soft
caps), is run on some of them at a time. Their cross-entropy is differentiated by hand, so that no more than two arrays
of logits are ever there, and only those of one piece.

That takes for granted that a position's logits follow from its own last hidden state. It is so in most models and not
in all, so `interfere.engine` compares loss and gradients with the plain path before this one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interfere.checkpoint import embedding_module, replaced_forwards
from interfere.objectives._loss import logits_of, per_row
from interfere.objectives._types import IGNORE, Batch, LossSums, SameExamples, TokenObjective

LOGITS_AT_ONCE = {"cpu": 1 << 24}
"""Logits of a piece, by kind of device: 64 MiB of them."""

_OTHERWISE = 1 << 28
"""The same on other devices: 1 GiB."""

ROWS_AT_LEAST = 256
"""Positions of a piece where that is more: a matrix of 250,000 rows is read as fast for many positions as for few."""


@dataclass(frozen=True)
class TargetsOnly(SameExamples):
    """An objective whose loss and gradients are those of another, without logits that nothing asks for.

    Args:
        plain: the other.
        stages: the modules of the model that come before its head, the last of which gives the last hidden states.
        vocabulary: how many logits a position has.
    """

    plain: TokenObjective
    stages: tuple[torch.nn.Module, ...]
    vocabulary: int

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The plain objective's loss.

        Raises:
            UnlikeOthersError: the model is not built in a way that this can be done with.
        """
        inputs, targets = self.plain.inputs(model, batch), self.plain.targets(batch)
        outputs = self._run_stages(model, inputs)
        hidden = outputs[-1][0]
        if hidden.ndim != 3 or hidden.shape[:2] != targets.shape:
            raise UnlikeOthersError(f"its last hidden states have the shape {tuple(hidden.shape)}")
        predicted = targets != IGNORE
        rows = hidden[predicted]
        head = _Head(model, self.stages, tuple(outputs), {name: _first(value) for name, value in inputs.items()})
        # A function of autograd is not told that nobody will ask for gradients; without these it needs none.
        outside = self._parameters_of_the_head(model) if torch.is_grad_enabled() else []
        at_once = max(ROWS_AT_LEAST, LOGITS_AT_ONCE.get(rows.device.type, _OTHERWISE) // self.vocabulary)
        losses: torch.Tensor = _Loss.apply(head, at_once, targets[predicted], rows, *outside)  # type: ignore[no-untyped-call]
        return LossSums(losses.sum(), len(losses), per_row(losses, predicted))

    def _run_stages(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> list[Any]:
        """What the stages return; the model's forward is left when the last one has."""
        outputs: list[Any] = []

        def record(stage: torch.nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
            def recorded(*arguments: Any, **options: Any) -> Any:
                outputs.append(forward(*arguments, **options))
                if stage is self.stages[-1]:
                    raise _HeadReached
                return outputs[-1]

            return recorded

        with replaced_forwards({stage: record(stage, stage.forward) for stage in self.stages}):
            try:
                logits_of(model, **inputs)
            except _HeadReached:
                if len(outputs) == len(self.stages):
                    return outputs
        raise UnlikeOthersError("its forward does not run the modules that it names as its body, each once")

    def _parameters_of_the_head(self, model: Any) -> list[torch.nn.Parameter]:
        """Those that need gradients and may be used after the last stage, tied ones included."""
        inside = {p for stage in self.stages for p in stage.parameters()}
        tables = [embedding_module(model, "input"), embedding_module(model, "output")]
        shared = {p for table in tables if table is not None for p in table.parameters()}
        return [p for p in model.parameters() if p.requires_grad and (p not in inside or p in shared)]


class UnlikeOthersError(Exception):
    """A model cannot be cut into body and head; the text says why."""


class _HeadReached(Exception):  # noqa: N818 (nothing is wrong)
    """The last stage has returned."""


@dataclass(frozen=True)
class _Head:
    """The rest of a model's forward, as a function of last hidden states."""

    model: Any
    stages: tuple[torch.nn.Module, ...]
    outputs: tuple[Any, ...]
    inputs: Mapping[str, torch.Tensor]

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits, shape (rows, vocabulary), of hidden states, shape (rows, width)."""
        returns = [*self.outputs[:-1], _with_first(self.outputs[-1], rows.unsqueeze(0))]

        def give(output: Any) -> Callable[..., Any]:
            return lambda *_, **__: output

        with replaced_forwards({stage: give(output) for stage, output in zip(self.stages, returns, strict=True)}):
            logits = logits_of(self.model, **self.inputs)
        if logits.ndim != 3 or logits.shape[:2] != (1, len(rows)):
            raise UnlikeOthersError(f"its logits have the shape {tuple(logits.shape)} for {len(rows)} positions")
        return logits[0]


class _Loss(torch.autograd.Function):
    """Cross-entropies of rows, whose gradient is formed while they are computed."""

    @staticmethod
    def forward(
        ctx: Any, head: _Head, at_once: int, targets: torch.Tensor, rows: torch.Tensor, *parameters: torch.Tensor
    ) -> torch.Tensor:
        wanted = any(ctx.needs_input_grad)
        losses = torch.empty(len(rows), dtype=torch.float32, device=rows.device)
        gradient = torch.empty_like(rows) if wanted else None
        sums: list[torch.Tensor | None] = [None] * len(parameters)
        for first in range(0, len(rows), at_once):
            piece = slice(first, first + at_once)
            leaf = rows[piece].detach().requires_grad_()
            with torch.set_grad_enabled(wanted):
                logits = head(leaf)
            scores = logits.detach().float().log_softmax(dim=1)
            index = targets[piece].unsqueeze(1)
            losses[piece] = -scores.gather(1, index).squeeze(1)
            if gradient is None:
                continue
            # The derivative of the cross-entropy: probabilities, less 1 where the target is.
            scores.exp_().scatter_add_(1, index, torch.full_like(scores[:, :1], -1.0))
            found = torch.autograd.grad(logits, [leaf, *parameters], scores.to(logits.dtype), allow_unused=True)
            gradient[piece] = found[0]
            for i, own in enumerate(found[1:]):
                if own is not None:
                    held = sums[i]
                    sums[i] = own if held is None else held.add_(own)
        ctx.gradient, ctx.sums = gradient, sums
        return losses

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        # Every loss has the same weight, since it is their sum that is differentiated.
        weight = gradients[0][0] if len(gradients[0]) else 1.0
        scaled = [None if g is None else g.mul_(weight) for g in (ctx.gradient, *ctx.sums)]
        return (None, None, None, *scaled)


def targets_only(objective: TokenObjective, model: Any) -> TargetsOnly:
    """The same objective without needless logits.

    Args:
        objective: a token objective.
        model: the model that it will be used on.

    Raises:
        UnlikeOthersError: the model does not say what its body and its head are.
    """
    output = embedding_module(model, "output")
    if output is None or getattr(output, "weight", None) is None:
        raise UnlikeOthersError("it does not name its output embeddings")
    base = getattr(model, "base_model", model)
    stages: Sequence[Any]
    if getattr(model.config, "is_encoder_decoder", False):
        stages = (base,) if base is not model else (model.get_encoder(), model.get_decoder())
    else:
        # OPT has a body of which it runs the decoder alone; most name the same module twice.
        decoder = model.get_decoder() if objective.name == "causal-lm" and hasattr(model, "get_decoder") else None
        stages = (base if decoder is None else decoder,)
    if any(stage is model for stage in stages):
        raise UnlikeOthersError("it does not name its body")
    return TargetsOnly(objective, tuple(stages), len(output.weight))


def _first(value: torch.Tensor) -> torch.Tensor:
    """An input of one row and one position, of the same kind."""
    return value[:1] if value.ndim < 2 else value[:1, :1]


def _with_first(output: Any, first: torch.Tensor) -> Any:
    """A module's output with another tensor as its first entry."""
    if isinstance(output, tuple):
        return (first, *output[1:])
    fields = dict(output)
    return type(output)(**{**fields, next(iter(fields)): first})
