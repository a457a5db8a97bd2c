"""The state of a training that is not finished, on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from interfere.engine import write_tensors

_NAME = "state.safetensors"


def save_state(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, progress: Mapping[str, Any]
) -> None:
    """Write weights, the optimizer's moments and `progress` (JSON), whole or not at all.

    Args:
        folder: of the training.
        model: its parameters and buffers are written, shared ones once.
        optimizer: of the model's parameters.
        progress: what else the training goes on from.
    """
    tensors = {f"model/{name}": tensor.detach() for name, tensor in _tensors(model).items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value
    write_tensors(
        folder / _NAME,
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        {"progress": json.dumps(progress)},
    )


def load_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Put a state back into a model and its optimizer.

    Returns:
        The progress that was saved; None, with nothing changed, where there is no state.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    parameters = dict(model.named_parameters())
    with safe_open(path, "pt") as file, torch.no_grad():
        for name, tensor in _tensors(model).items():
            tensor.copy_(file.get_tensor(f"model/{name}"))
        for key in file.keys():  # noqa: SIM118 (not a dict)
            kind, _, rest = key.partition("/")
            if kind == "optimizer":
                field, _, name = rest.partition("/")
                parameter = parameters[name]
                value = file.get_tensor(key)
                # The step count lies beside the moments, on the device.
                optimizer.state[parameter][field] = value.to(parameter.device)
        progress: dict[str, Any] = json.loads(file.metadata()["progress"])
    return progress


def drop_state(folder: Path) -> None:
    """Remove the state of a training that is finished."""
    (folder / _NAME).unlink(missing_ok=True)


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}
