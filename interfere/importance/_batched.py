"""Scores of the documents of a batch, from one forward and one backward pass.

Gradients of single documents come from a batch: a linear layer's weight gradient of one document is the product of what
went in and of what came back, summed over its own tokens only (Goodfellow 2015, arXiv 1510.01799), so each layer keeps
the two until it has formed the norms of rows and columns, and no weight needs a gradient. Where that cannot be done
for all parameters, documents are read one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.func import functional_call, vjp, vmap

from interfere.checkpoint import Side, embedding_module, is_linear
from interfere.importance._index import UnitIndex
from interfere.importance._scores import Pass, RowScores, by_document, watched_sites
from interfere.objectives import Batch, LossSums, Objective, UnlikeOthersError

_GRADIENTS_AT_ONCE = 1 << 22
"""Numbers of single documents' gradients that are formed at once: 16 MiB of them."""


@dataclass
class _Calls:
    """What a module was called with in this pass, until all of its gradients are there."""

    inputs: list[torch.Tensor] = field(default_factory=list)
    outputs: list[torch.Tensor] = field(default_factory=list)
    gradients: dict[int, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Batched:
    """Gradients of single documents from a batch of them.

    Args:
        model: no parameter needs a gradient.
        index: its units.
        parameters: by name: the model's body.
    """

    model: Any
    index: UnitIndex
    parameters: Mapping[str, torch.nn.Parameter]
    one_by_one: bool = False

    def score(self, objective: Objective, batch: Batch) -> tuple[LossSums, RowScores]:
        """Loss and scores of a batch.

        Raises:
            UnlikeOthersError: the model is not built in a way that this can be done with.
        """
        device = next(iter(self.parameters.values())).device
        state = Pass(self.index, batch, RowScores.zeros(len(batch.examples), len(self.index), device))
        for parameter in self.parameters.values():
            parameter.requires_grad_(False)
        with watched_sites(self.model, state), self._watched_modules(state), self._embeddings_with_gradients():
            sums = objective.loss(self.model, batch)
            sums.total.backward()  # type: ignore[no-untyped-call]
        return sums, state.out

    def _modules(self) -> dict[str, list[str]]:
        """Module path → the names of its own parameters."""
        out: dict[str, list[str]] = {}
        for name in self.parameters:
            path, _, own = name.rpartition(".")
            out.setdefault(path, []).append(own)
        return out

    @contextmanager
    def _embeddings_with_gradients(self) -> Iterator[None]:
        """Let gradients flow through the layers although no parameter needs one."""
        embedding = embedding_module(self.model, "input")
        if embedding is None:
            raise UnlikeOthersError("it does not name its input embeddings")
        # A copy, since models may add to it in place.
        handle = embedding.register_forward_hook(lambda _, __, output: output.requires_grad_().clone())
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def _watched_modules(self, state: Pass) -> Iterator[None]:
        with ExitStack() as stack:
            for path, names in self._modules().items():
                module = self.model.get_submodule(path)
                if isinstance(module, torch.nn.Embedding):
                    raise UnlikeOthersError(f"all documents of a batch share {path}")
                if any(True for _ in module.children()):
                    raise UnlikeOthersError(f"{path} has parameters of its own beside modules")
                work = self._linear if is_linear(module) else self._other
                hook = self._collecting(path, module, names, work, state)
                stack.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
            yield

    def _collecting(
        self, path: str, module: torch.nn.Module, names: Sequence[str], work: Callable[..., None], state: Pass
    ) -> Callable[..., None]:
        """A hook that keeps what a module reads until its gradient is there, in all of its calls."""
        calls = _Calls()

        def after(_: torch.nn.Module, arguments: tuple[Any, ...], options: dict[str, Any], output: Any) -> None:
            if state.again:
                return
            if len(arguments) != 1 or options or not isinstance(output, torch.Tensor):
                raise UnlikeOthersError(f"{path} is not called with one tensor to give one")
            if not output.requires_grad:
                raise UnlikeOthersError(f"{path} is not reached by gradients")
            number = len(calls.inputs)
            calls.inputs.append(by_document(arguments[0].detach(), state.batch))
            given, version = output.detach(), output._version
            calls.outputs.append(given)

            def backward(gradient: torch.Tensor) -> None:
                if given._version != version:
                    # The model has written over it.
                    state.again = True
                    with torch.no_grad():
                        calls.outputs[number] = module(arguments[0])
                    state.again = False
                calls.gradients[number] = by_document(gradient, state.batch)
                if len(calls.gradients) == len(calls.inputs):
                    outputs = [by_document(output, state.batch) for output in calls.outputs]
                    ordered = [calls.gradients[i] for i in range(len(outputs))]
                    # Each document's tokens, of all calls of the module one after the other.
                    joined = [p[0] if len(p) == 1 else torch.cat(p, dim=1) for p in (calls.inputs, outputs, ordered)]
                    calls.inputs, calls.outputs, calls.gradients = [], [], {}
                    work(state, path, module, names, *joined)

            output.register_hook(backward)  # type: ignore[no-untyped-call]

        return after

    def _linear(
        self,
        state: Pass,
        path: str,
        module: torch.nn.Module,
        names: Sequence[str],
        inputs: torch.Tensor,
        outputs: torch.Tensor,
        gradients: torch.Tensor,
    ) -> None:
        """Norms of rows and columns of the weight's gradient, document by document."""
        sides: set[Side] = {member.side for _, member in self.index.members.get(path, ())} or {"out"}
        found = _norms(inputs.float(), gradients.float(), sides)
        of_bias = None
        # What scaling the whole output would do; the bias has its part of it.
        slopes = torch.linalg.vecdot(gradients.float().flatten(1), outputs.float().flatten(1)).double()
        bias = getattr(module, "bias", None)
        if bias is not None:
            summed = gradients.float().sum(1)
            of_bias = summed.square() if "bias" in names else None
            slopes_of_bias = summed.double() @ bias.detach().double()
            slopes = slopes - slopes_of_bias
            state.add_tensor(_join(path, "bias"), summed.double().square().sum(1), slopes_of_bias)
        state.add_norms(path, found.get("in"), found.get("out"), of_bias)
        state.add_tensor(_join(path, "weight"), next(iter(found.values())).double().sum(1), slopes)

    def _other(
        self,
        state: Pass,
        path: str,
        module: torch.nn.Module,
        names: Sequence[str],
        inputs: torch.Tensor,
        _: torch.Tensor,
        gradients: torch.Tensor,
    ) -> None:
        """A norm, or whatever computes something of each token: its own backward, document by document."""
        own = {name: getattr(module, name).detach() for name in names}

        def one(values: torch.Tensor, gradient: torch.Tensor) -> dict[str, torch.Tensor]:
            found: Any = vjp(lambda parameters: functional_call(module, parameters, (values,)), own)
            return found[1](gradient)[0]  # type: ignore[no-any-return]

        state.again = True
        with torch.enable_grad():
            found = vmap(one)(inputs, gradients)
        state.again = False
        for name, gradient in found.items():
            flat = gradient.double().flatten(1)
            state.add_tensor(_join(path, name), flat.square().sum(1), flat @ own[name].double().flatten())


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _norms(inputs: torch.Tensor, gradients: torch.Tensor, sides: Set[Side]) -> dict[str, torch.Tensor]:
    """Squared norms of the columns (`in`) and rows (`out`) of the sum over tokens of gradient × inputᵀ.

    For short documents, by products of tokens with tokens, in float64, since the terms may cancel: column u of the
    gradient is Δᵀ a, so its squared norm is aᵀ (ΔΔᵀ) a. For long ones the gradient is formed, one document at a time.

    Args:
        inputs: shape (rows, tokens, inputs).
        gradients: shape (rows, tokens, outputs).
        sides: which of the two.

    Returns:
        side → shape (rows, inputs) or (rows, outputs).
    """
    rows, tokens, width = inputs.shape
    height = gradients.shape[2]
    # Products in float64 take twice the time; a gradient has to be written, squared and summed too.
    if 4 * tokens * (width + height) < width * height:
        a, d = inputs.double(), gradients.double()
        found = {}
        for side, x, y in (("in", a, d), ("out", d, a)):
            if side in sides:
                found[side] = ((y @ y.mT) @ x).mul_(x).sum(1).clamp_(min=0)
        return found
    parts: dict[Side, list[torch.Tensor]] = {side: [] for side in sides}
    at_once = max(1, _GRADIENTS_AT_ONCE // (width * height))
    for first in range(0, rows, at_once):
        piece = slice(first, first + at_once)
        squares = torch.bmm(gradients[piece].mT, inputs[piece]).square_()
        for side in sides:
            parts[side].append(squares.sum(1 if side == "in" else 2))
    return {side: torch.cat(own) for side, own in parts.items()}
