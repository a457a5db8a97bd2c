"""Weights that no file holds: which of them are a head's, and drawing them from a seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import torch

_POOLERS = ("pooler", "classifier", "score", "classification_head", "summary", "dropout")


def is_pooler(key: str) -> bool:
    """Whether a parameter is in a module that turns hidden states into those of a whole text, or into labels."""
    return any(part in _POOLERS for part in key.split("."))


def draw_weights(model: Any, names: Sequence[str], seed: int) -> None:
    """Initialise parameters as the model's own class would, each module from a seed of its own.

    So models of one architecture get equal heads whatever else their files hold, whatever was drawn before; and what
    will be drawn after stays the same.

    Args:
        model: of transformers.
        names: the parameters.
        seed: of all of them.
    """
    wanted = set(names)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for path in sorted({key.rpartition(".")[0] for key in names}):
            module = model.get_submodule(path)
            for own, parameter in module.named_parameters(recurse=False):
                fresh = f"{path}.{own}" in wanted
                # transformers leaves alone what bears this mark.
                parameter._is_hf_initialized = not fresh
                if fresh:
                    # What a class does not initialise would else be whatever lay in memory.
                    parameter.zero_()
            digest = sha256(f"{seed}\0{path}".encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:7], "big"))
            model._init_weights(module)


def set_labels(config: Any, labels: Iterable[str]) -> None:
    """Let a config have a head that gives one of these labels."""
    names = list(labels)
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {label: index for index, label in enumerate(names)}
