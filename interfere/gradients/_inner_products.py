"""The metrics of a run, with what they need from the calibration slot or from an optimizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from interfere.engine import (
    Calibration,
    Chunk,
    FittingMicrobatches,
    MetricWeights,
    NonFiniteError,
    Progress,
    adam,
    euclidean,
    per_tensor,
    reading_cost,
    whole_gradient,
    write_tensors,
)
from interfere.errors import RunError
from interfere.gradients._adam_state import read_second_moments
from interfere.objectives import Objective
from interfere.ranks import Ranks
from interfere.settings import GradientSettings


def needs_calibration(settings: GradientSettings, *, given: bool = False) -> bool:
    """Whether gradients of the calibration slot have to be computed.

    Args:
        settings: of the run.
        given: whether second moments were given as tensors.
    """
    from_text = "adam" in settings.metrics and settings.adam_state is None and not given
    return "per-tensor" in settings.metrics or from_text


def inner_products(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    calibration: Mapping[str, Chunk],
    settings: GradientSettings,
    microbatches: FittingMicrobatches,
    folder: Path,
    ranks: Ranks,
    progress: Callable[[Progress], None] | None,
    second_moments: Mapping[str, torch.Tensor] | None = None,
) -> tuple[list[MetricWeights], dict[str, str]]:
    """The metrics asked for, in the order asked for.

    Second moments come from `second_moments` where they are given, else from `settings.adam_state`, else from the
    calibration slot. What that slot gave is kept in `folder`, so that a resumed run weighs as it did before.

    Returns:
        The metrics; and language → reason, for languages whose calibration chunk has no finite gradient.
    """
    sizes = {name: parameter.numel() for name, parameter in parameters.items()}
    file = folder / "metrics.safetensors"
    if not needs_calibration(settings, given=second_moments is not None):
        factors: dict[str, torch.Tensor] = {}
        failed: dict[str, str] = {}
    elif ranks.decide(file.exists):
        with safe_open(file, "pt") as stored:
            factors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
            failed = json.loads(stored.metadata()["failed"])
    else:
        use_moments = "adam" in settings.metrics and settings.adam_state is None and second_moments is None
        factors, failed = _calibrate(
            model, objective, parameters, calibration, settings, microbatches, ranks, progress, use_moments=use_moments
        )
        if ranks.rank == 0:
            write_tensors(file, factors, {"failed": json.dumps(failed)})
    device = next(iter(parameters.values())).device
    out = []
    for metric in settings.metrics:
        if metric == "euclidean":
            out.append(euclidean(sizes))
        elif metric == "adam" and second_moments is not None:
            given = {name: second_moments[name].to(device, torch.float32) for name in parameters}
            out.append(adam(given, settings.adam_floor, sizes))
        elif metric == "adam" and settings.adam_state is not None:
            moments = read_second_moments(settings.adam_state, model, list(parameters))
            out.append(_on(device, adam(moments, settings.adam_floor, sizes)))
        else:
            prefix = metric + "/"
            own = {key.removeprefix(prefix): value for key, value in factors.items() if key.startswith(prefix)}
            out.append(_on(device, MetricWeights(metric, sizes, own)))
    return out, failed


def _on(device: torch.device, weights: MetricWeights) -> MetricWeights:
    return MetricWeights(weights.metric, weights.sizes, {name: f.to(device) for name, f in weights.factors.items()})


def _calibrate(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Mapping[str, Chunk],
    settings: GradientSettings,
    microbatches: FittingMicrobatches,
    ranks: Ranks,
    progress: Callable[[Progress], None] | None,
    *,
    use_moments: bool,
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    sizes = {name: parameter.numel() for name, parameter in parameters.items()}
    shapes = {name: parameter.shape for name, parameter in parameters.items()}
    collected = Calibration(shapes, keep_second_moments=use_moments)
    failed: dict[str, str] = {}
    own = ranks.share(list(chunks), lambda language: reading_cost(chunks[language]))
    total = sum(reading_cost(chunks[language]) for language in own)
    done = 0
    for language in own:
        chunk = chunks[language]
        try:
            gradient = microbatches.run(chunk.name, partial(whole_gradient, model, objective, chunk, parameters))
            collected.add(gradient.gradients, 1.0 / gradient.predictions)
        except NonFiniteError as error:
            failed[language] = str(error)
        done += reading_cost(chunk)
        if progress is not None:
            progress(Progress("calibration", done, total, chunk.name))
    collected.sum_over(ranks)
    failed = {language: reason for some in ranks.gather(failed) for language, reason in some.items()}
    if len(failed) == len(chunks):
        language, reason = next(iter(failed.items()))
        raise RunError(f"no language has a finite gradient; {language!r}: {reason}")
    metrics = []
    if use_moments:
        metrics.append(adam(collected.second_moments(), settings.adam_floor, sizes))
    if "per-tensor" in settings.metrics:
        metrics.append(per_tensor(collected.square_norms(), sizes))
    return {f"{m.metric}/{name}": f.cpu().contiguous() for m in metrics for name, f in m.factors.items()}, failed
