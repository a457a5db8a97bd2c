"""Scaling and replacing what units give to the layers that read them; the weights stay untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from interfere.importance._index import UnitIndex


@contextmanager
def changed_sites(model: Any, changes: Mapping[str, Callable[[torch.Tensor], torch.Tensor]]) -> Iterator[None]:
    """Let linear layers read something else than they are given.

    Args:
        model: the model.
        changes: module path → what is read in place of its input.
    """

    def before(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
        return lambda _, arguments: (change(arguments[0]), *arguments[1:])

    with ExitStack() as stack:
        for path, change in changes.items():
            stack.callback(model.get_submodule(path).register_forward_pre_hook(before(change)).remove)
        yield


def scaling(index: UnitIndex, gates: torch.Tensor) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Changes that multiply what each unit gives by its gate.

    Args:
        index: the units.
        gates: shape (units,): of heads, groups of heads and neurons; others have none.
    """

    def scale(path: str) -> Callable[[torch.Tensor], torch.Tensor]:
        units = [
            (place.start, place.end, torch.from_numpy(place.family.inputs).to(gates.device))
            for place in index.sites[path]
        ]

        def change(values: torch.Tensor) -> torch.Tensor:
            # Formed anew each time, since each backward pass frees what is behind it.
            for start, end, inputs in units:
                values = values * gates[start:end][inputs].to(values.dtype)
            return values

        return change

    return {path: scale(path) for path in index.sites}


def removal(
    index: UnitIndex, removed: torch.Tensor, means: Mapping[str, torch.Tensor] | None
) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Changes that put a constant in the place of what some units give.

    Args:
        index: the units.
        removed: shape (units,), bool.
        means: module path → shape (inputs,): the constants; None: zeros.
    """

    def replace(path: str) -> Callable[[torch.Tensor], torch.Tensor] | None:
        gone = None
        for place in index.sites[path]:
            own = removed[place.start : place.end][torch.from_numpy(place.family.inputs).to(removed.device)]
            gone = own if gone is None else gone | own
        if gone is None or not bool(gone.any()):
            return None
        constants = None if means is None else means[path]

        def change(values: torch.Tensor) -> torch.Tensor:
            where = gone.to(values.device)
            if constants is None:
                return values.masked_fill(where, 0)
            return torch.where(where, constants.to(values.device, values.dtype), values)

        return change

    return {path: change for path in index.sites if (change := replace(path)) is not None}
