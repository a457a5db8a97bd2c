"""Second moments of an optimizer that is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


def live_second_moments(
    optimizer: Any, model: torch.nn.Module, names: Sequence[str]
) -> tuple[dict[str, torch.Tensor] | None, str]:
    """Adam's v for the named parameters, as its next step uses it: exp_avg_sq / (1 − β₂ᵗ).

    Kingma and Ba (2015), https://arxiv.org/abs/1412.6980, algorithm 1.

    Args:
        optimizer: of torch, or wrapped by accelerate.
        model: the model that it trains.
        names: the parameters that are wanted.

    Returns:
        Parameter name → v, float32, on the parameter's device; or None and the reason for which there are none.
    """
    plain = getattr(optimizer, "optimizer", optimizer)
    state = getattr(plain, "state", None)
    groups = getattr(plain, "param_groups", None)
    if not isinstance(state, Mapping) or not groups:
        return None, f"{type(plain).__name__} shows no state"
    beta2 = {parameter: _beta2(group) for group in groups for parameter in group["params"]}
    parameters = dict(model.named_parameters())
    out = {}
    for name in names:
        parameter = parameters[name]
        own = state.get(parameter) or {}
        v = own.get("exp_avg_sq")
        if not isinstance(v, torch.Tensor) or v.shape != parameter.shape:
            return None, f"{type(plain).__name__} keeps no second moments (exp_avg_sq) of {name}"
        steps, decay = float(own.get("step", 0)), beta2.get(parameter)
        correction = 1 - decay**steps if decay is not None and steps > 0 else 1.0
        out[name] = v.detach().float() / correction
    return out, ""


def _beta2(group: Mapping[str, Any]) -> float | None:
    betas = group.get("betas")
    return float(betas[1]) if isinstance(betas, Sequence) and len(betas) > 1 else None
