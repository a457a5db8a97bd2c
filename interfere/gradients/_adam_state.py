"""Second moments from an optimizer state on disk."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from interfere.checkpoint import map_parameters
from interfere.errors import InputError

_SUFFIX = ".exp_avg_sq"


def read_second_moments(path: str | Path, model: Any, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Adam's v for the named parameters.

    Args:
        path: what `torch.save(optimizer.state_dict())` wrote (as transformers' Trainer does in `optimizer.pt`; read
            with `weights_only=True`), a folder that holds an `optimizer.pt`, or a safetensors file of v by parameter
            name (`NAME` or `NAME.exp_avg_sq`).
        model: the model that was trained, for the order of its parameters.
        names: the parameters that are wanted.

    Returns:
        Parameter name → v, float32, of the parameter's shape.

    Raises:
        InputError: no such file, not a state of Adam, or not of this model.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "optimizer.pt"
    if not file.is_file():
        raise InputError(f"--adam-state {path}: no such file; give an optimizer.pt or a safetensors file")
    try:
        if file.suffix == ".safetensors":
            stored = {name.removesuffix(_SUFFIX): v for name, v in load_file(file).items()}
        else:
            stored = _by_name(torch.load(file, map_location="cpu", weights_only=True), model, file)
    except (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, OSError) as error:
        raise InputError(f"--adam-state {file}: cannot be read as an optimizer state ({error})") from error
    moments = {}
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    for name in names:
        v = stored.get(name)
        if v is None:
            raise InputError(f"--adam-state {file}: has no second moment (exp_avg_sq) for {name}")
        if v.shape != shapes[name]:
            raise InputError(
                f"--adam-state {file}: {name} has shape {tuple(v.shape)} there and {tuple(shapes[name])} in the model"
            )
        if not bool(torch.isfinite(v).all()) or bool((v < 0).any()):
            raise InputError(f"--adam-state {file}: the second moments of {name} are not finite numbers from 0 up")
        moments[name] = v.float()
    return moments


def has_second_moments(file: str | Path) -> bool:
    """Whether an optimizer's state that `torch.save` wrote is one of Adam, or of another that keeps `exp_avg_sq`.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        # Mapped, so that nothing but the names is read of what may be many gigabytes.
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        return any("exp_avg_sq" in entry for entry in state["state"].values())
    except (pickle.UnpicklingError, EOFError, RuntimeError, OSError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: cannot be read as an optimizer state ({type(error).__name__})") from error


def check_second_moments(given: Mapping[str, torch.Tensor], model: Any, names: Sequence[str]) -> None:
    """Make sure that second moments fit the named parameters.

    Raises:
        InputError: one is missing, of another shape, or no finite number from 0 up.
    """
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    for name in names:
        if name not in given:
            raise InputError(f"second_moments: there are none for {name}")
        v = given[name]
        if v.shape != shapes[name]:
            raise InputError(
                f"second_moments: {name} has shape {tuple(v.shape)} there and {tuple(shapes[name])} in the model"
            )
        if not bool(torch.isfinite(v).all()) or bool((v < 0).any()):
            raise InputError(f"second_moments: those of {name} are not finite numbers from 0 up")


def _by_name(state: Any, model: Any, file: Path) -> dict[str, torch.Tensor]:
    """Put names to the numbered parameters of a `torch.optim` state."""
    try:
        groups = state["param_groups"]
        moments = {index: entry["exp_avg_sq"] for index, entry in state["state"].items() if "exp_avg_sq" in entry}
        numbers = [index for group in groups for index in group["params"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"--adam-state {file}: not the state_dict of a torch optimizer") from error
    if not moments:
        raise InputError(f"--adam-state {file}: holds no second moments (exp_avg_sq): not a state of Adam")
    if all("param_names" in group for group in groups):
        names = [name for group in groups for name in group["param_names"]]
    else:
        names = _trainer_order(model) if len(groups) > 1 else [name for name, _ in model.named_parameters()]
    if len(names) != len(numbers):
        # Where adapters alone were trained, the optimizer knows of nothing else.
        parameters = map_parameters(model)
        adapters = [name for name in names if parameters[name].kind == "adapter"]
        names = adapters if len(adapters) == len(numbers) else names
    if len(names) != len(numbers):
        raise InputError(
            f"--adam-state {file}: is of {len(numbers)} parameters, the model has {len(names)}; save v by name as "
            "safetensors if the optimizer did not train all of them"
        )
    return {name: moments[number] for name, number in zip(names, numbers, strict=True) if number in moments}


def _trainer_order(model: Any) -> list[str]:
    """Parameters as transformers' Trainer orders them: those with weight decay, then the others.

    Without names in the state only the order says which is which; shapes are compared afterwards.
    """
    from transformers.trainer_pt_utils import get_parameter_names

    without = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
    decayed = set(get_parameter_names(model, [torch.nn.LayerNorm], without))  # type: ignore[no-untyped-call]
    names = [name for name, _ in model.named_parameters()]
    return [n for n in names if n in decayed] + [n for n in names if n not in decayed]
