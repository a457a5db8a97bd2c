"""Running modules in another way than they are written, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from interfere.checkpoint._stacks import find_stacks
from interfere.errors import RunError


@contextmanager
def replaced_forwards(forwards: Mapping[torch.nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Let modules run other functions in place of their forward; afterwards they are as they were."""
    with ExitStack() as stack:
        for module, forward in forwards.items():
            own = vars(module)
            # Deleted where there was none, and not set to the class's own: it would be copied and pickled with it.
            if "forward" in own:
                stack.callback(own.__setitem__, "forward", own["forward"])
            else:
                stack.callback(own.pop, "forward")
            own["forward"] = forward
        yield


@contextmanager
def recomputed_layers(model: torch.nn.Module) -> Iterator[None]:
    """Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): of each layer only the input is kept.

    What is inside a layer is computed again when its gradient is due, which takes about a third more time and saves
    most of the memory that grows with the text. The model's own switch does nothing in eval mode, in which gradients
    are measured.

    Raises:
        RunError: while gradients are computed, if a layer cannot be run twice.
    """
    with replaced_forwards({layer: _twice(layer.forward) for layer in layers_of(model)}):
        yield


def _twice(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        runs = 0

        def once(*arguments: Any, **options: Any) -> Any:
            nonlocal runs
            runs += 1
            try:
                return forward(*arguments, **options)
            except RuntimeError as error:
                if runs == 1:
                    raise
                # XLM's layers, for one, write to a cache of keys and values each time.
                raise RunError(
                    "--gradient-checkpointing: layers of this model do not compute the same when they are run twice "
                    f"({str(error).splitlines()[0][:100]}); leave the option out"
                ) from error

        return checkpoint(once, *arguments, use_reentrant=False, preserve_rng_state=False, **options)

    return run


def layers_of(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers of all stacks of a model."""
    modules = dict(model.named_modules(remove_duplicate=False))
    found = []
    for stack in find_stacks(model, modules):
        for name in stack.lists:
            for element in modules[".".join((*stack.parent, name))].children():
                found += list(element.children()) if stack.nested else [element]
    return found
