"""Scores of all units from one forward and one backward pass, document by document.

The loss of document d is the mean over its predictions, L(d). With g = dL(d)/dw:

- `fisher`: the mean over documents of the sum over a unit's weights of g² (the empirical Fisher information's diagonal;
  Kirkpatrick et al. 2017, arXiv 1612.00796). The square of a batch's mean gradient, which is easier to have, is another
  quantity: it vanishes where documents disagree.
- `taylor`: the mean over documents of |dL(d)/dz|, where z = 1 scales what a unit gives to the layer that reads it
  (Michel, Levy, Neubig 2019, arXiv 1905.10650); for a tensor, z scales the tensor, so that it is |sum of g·w|
  (Molchanov et al. 2019, arXiv 1906.10771).
- `activation`: the share of tokens for which a neuron is positive (Tang et al. 2024, arXiv 2402.16438).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from interfere.checkpoint import Family, Member
from interfere.engine import SeenExperts
from interfere.importance._index import Place, UnitIndex
from interfere.objectives import IGNORE, Batch, LossSums, Objective, UnlikeOthersError


@dataclass
class RowScores:
    """What a batch says of each unit.

    Args:
        squares: shape (rows, units): squared norms of the gradient of a row's summed loss.
        slopes: shape (rows, units): the derivative of a row's summed loss by a unit's scale.
        active: shape (units,): tokens for which a neuron is positive, over all rows.
        tokens: shape (units,): tokens that it was looked at for.
    """

    squares: torch.Tensor
    slopes: torch.Tensor
    active: torch.Tensor
    tokens: torch.Tensor

    @classmethod
    def zeros(cls, rows: int, units: int, device: torch.device) -> RowScores:
        """Nothing yet."""
        matrices = [torch.zeros(rows, units, dtype=torch.float64, device=device) for _ in range(2)]
        return cls(*matrices, *(torch.zeros(units, dtype=torch.float64, device=device) for _ in range(2)))


class Scorer(Protocol):
    """A way to the scores of a batch's documents."""

    @property
    def one_by_one(self) -> bool:
        """Whether a batch may have one row only."""

    def score(self, objective: Objective, batch: Batch) -> tuple[LossSums, RowScores]:
        """Loss and scores of a batch, with one backward pass."""


def by_document(tensor: torch.Tensor, batch: Batch) -> torch.Tensor:
    """A tensor of a batch as (rows, tokens, numbers).

    Raises:
        UnlikeOthersError: it does not say which document a token is of.
    """
    rows = len(batch.examples)
    flat = (batch.input_ids.numel(), batch.labels.numel())
    if rows == 1 or (tensor.ndim >= 3 and tensor.shape[0] == rows) or (tensor.ndim == 2 and len(tensor) in flat):
        return tensor.reshape(rows, -1, tensor.shape[-1])
    raise UnlikeOthersError(f"a layer reads numbers of the shape {tuple(tensor.shape)} for {rows} documents")


def token_mask(tensor: torch.Tensor, batch: Batch, layer: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor of a batch as (rows, tokens, numbers), and which of the tokens, (rows, tokens), are no padding.

    Args:
        tensor: what a module of `layer` computed.
        batch: what the model read.
        layer: `encoder.3`; that of a decoder which reads labels has their positions.

    Raises:
        UnlikeOthersError: it does not say which document a token is of.
    """
    numbers = by_document(tensor, batch)
    masks = [batch.attention_mask.bool(), batch.labels != IGNORE]
    if layer.startswith("decoder") and batch.labels.shape != batch.input_ids.shape:
        masks.reverse()
    for mask in masks:
        if mask.shape[1] == numbers.shape[1]:
            return numbers, mask
    if len(numbers) == 1:
        return numbers, torch.ones(numbers.shape[:2], dtype=torch.bool, device=numbers.device)
    raise UnlikeOthersError(f"a layer reads {numbers.shape[1]} positions of {batch.input_ids.shape[1]}")


@dataclass
class Pass:
    """What the hooks of one pass write to; `again` while a module is run a second time, which they do not watch."""

    index: UnitIndex
    batch: Batch
    out: RowScores
    again: bool = False

    @property
    def rows(self) -> int:
        return len(self.batch.examples)

    def add_norms(
        self, path: str, inputs: torch.Tensor | None, outputs: torch.Tensor | None, bias: torch.Tensor | None
    ) -> None:
        """Add the squares of a linear layer's gradient to the units that own its weights.

        Args:
            path: the layer.
            inputs: shape (rows, inputs): sums over the weights of each input.
            outputs: shape (rows, outputs): sums over the weights of each output.
            bias: shape (rows, outputs): of its bias.
        """
        for place, member in self.index.members.get(path, ()):
            numbers = inputs if member.side == "in" else outputs
            if numbers is None:
                raise ValueError(f"no norms of the {member.side}puts of {path}")
            if member.side == "out" and bias is not None:
                numbers = numbers + bias
            self._add_to_units(self.out.squares, place, member, member.units, numbers)

    def _add_to_units(
        self, out: torch.Tensor, place: Place, owner: Member | Family, units: NDArray[np.int64], numbers: torch.Tensor
    ) -> None:
        """Add numbers, shape (rows, numbers), to the units that they belong to."""
        if owner.contiguous:
            out[:, place.start : place.end] += numbers.reshape(len(numbers), place.family.count, -1).sum(2)
            return
        index = torch.from_numpy(units).to(numbers.device)
        known = index >= 0
        out.index_add_(1, index[known] + place.start, numbers[:, known].double())

    def add_tensor(self, name: str, squares: torch.Tensor, slopes: torch.Tensor) -> None:
        """Add a parameter's squared gradient, shape (rows,), and what scaling it does to the loss."""
        place = self.index.tensors.get(name)
        if place is None:
            return
        self.out.squares[:, place] += squares
        self.out.slopes[:, place] += slopes
        block = self.index.block_of_tensor.get(name)
        if block is not None:
            self.out.squares[:, block] += squares

    def add_slopes(self, path: str, numbers: torch.Tensor) -> None:
        """Add what scaling the inputs of a site does to the loss, shape (rows, inputs)."""
        for place in self.index.sites[path]:
            self._add_to_units(self.out.slopes, place, place.family, place.family.inputs, numbers)
        family = self.index.sites[path][0].family
        self.out.slopes[:, self.index.blocks[family.layer, family.block]] += numbers.double().sum(1)

    def add_active(self, path: str, values: torch.Tensor) -> None:
        """Count the tokens for which the neurons of a site are positive; values of any shape (…, neurons)."""
        numbers, mask = token_mask(values, self.batch, self.index.sites[path][0].family.layer)
        weights = mask.reshape(1, -1).to(numbers.dtype)
        for place in self.index.sites[path]:
            if place.family.kind == "neuron":
                where = slice(place.start, place.end)
                # A product counts several times as fast as a sum of booleans.
                self.out.active[where] += (weights @ (numbers > 0).to(numbers.dtype).flatten(0, 1))[0]
                self.out.tokens[where] += weights.sum()


@contextmanager
def watched_sites(model: torch.nn.Module, state: Pass) -> Iterator[None]:
    """Take what the units' scales do to the loss, and whether neurons are active, where their layers read them."""

    def watch(path: str) -> Callable[..., Any]:
        gated = any(place.family.gate for place in state.index.sites[path])
        neurons = any(place.family.kind == "neuron" for place in state.index.sites[path])

        def before(_: torch.nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            # A view of its own, so that its gradient is that of this use alone.
            values = arguments[0].view_as(arguments[0])
            if neurons and not gated:
                state.add_active(path, values.detach())
            if values.requires_grad:
                kept = values.detach()

                def backward(gradient: torch.Tensor) -> None:
                    numbers = by_document(kept.float() * gradient.float(), state.batch)
                    state.add_slopes(path, numbers.sum(1))

                values.register_hook(backward)
            return (values, *arguments[1:])

        return before

    def count(path: str) -> Callable[..., None]:
        def after(_: torch.nn.Module, __: Any, output: torch.Tensor) -> None:
            state.add_active(path, output.detach())

        return after

    with ExitStack() as stack:
        for path, places in state.index.sites.items():
            stack.callback(model.get_submodule(path).register_forward_pre_hook(watch(path)).remove)
            for place in places:
                if place.family.gate is not None:
                    module = model.get_submodule(place.family.gate)
                    stack.callback(module.register_forward_hook(count(path)).remove)
        yield


@dataclass(frozen=True)
class ForwardOnly:
    """Whether neurons are active, and the loss, without gradients.

    Args:
        model: in eval mode.
        index: its units.
        one_by_one: whether a batch may have one row only.
    """

    model: Any
    index: UnitIndex
    one_by_one: bool

    def score(self, objective: Objective, batch: Batch) -> tuple[LossSums, RowScores]:
        """Loss and activations of a batch; the other scores are 0."""
        state = Pass(self.index, batch, RowScores.zeros(len(batch.examples), len(self.index), batch.input_ids.device))
        with torch.no_grad(), watched_sites(self.model, state):
            return objective.loss(self.model, batch), state.out


@dataclass(frozen=True)
class OneByOne:
    """Every parameter's gradient, from PyTorch, of one document after the other: what the scores are by definition.

    Args:
        model: with gradients asked for `parameters` alone.
        index: its units.
        parameters: by name.
        seen: is shown every gradient, to see which experts were reached.
    """

    model: Any
    index: UnitIndex
    parameters: Mapping[str, torch.nn.Parameter]
    one_by_one: bool = True
    seen: SeenExperts | None = None

    def score(self, objective: Objective, batch: Batch) -> tuple[LossSums, RowScores]:
        """Loss and scores of a batch of one row."""
        device = next(iter(self.parameters.values())).device
        state = Pass(self.index, batch, RowScores.zeros(len(batch.examples), len(self.index), device))
        for parameter in self.parameters.values():
            parameter.grad = None
            parameter.requires_grad_()
        try:
            with watched_sites(self.model, state):
                sums = objective.loss(self.model, batch)
                sums.total.backward()  # type: ignore[no-untyped-call]
            self._add_gradients(state)
        finally:
            for parameter in self.parameters.values():
                parameter.grad = None
        return sums, state.out

    def _add_gradients(self, state: Pass) -> None:
        for name, parameter in self.parameters.items():
            gradient = parameter.grad
            if gradient is None:
                continue
            if self.seen is not None:
                self.seen.take(name, gradient)
            own = gradient.double()
            state.add_tensor(name, own.square().sum()[None], (own * parameter.detach()).sum()[None])
        for path in self.index.members:
            module = self.model.get_submodule(path)
            if module.weight.grad is None:
                continue
            squares = module.weight.grad.float().square()
            squares = squares if isinstance(module, torch.nn.Linear) else squares.T
            bias = getattr(module, "bias", None)
            of_bias = None if bias is None or bias.grad is None else bias.grad.float().square()[None]
            state.add_norms(path, squares.sum(0)[None], squares.sum(1)[None], of_bias)
