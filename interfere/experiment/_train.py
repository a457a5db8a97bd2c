"""Training one model."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch.nn import functional

from interfere.checkpoint import check_device
from interfere.errors import RunError
from interfere.experiment._batches import Rows, member_batches
from interfere.experiment._order import members_of_updates, rate_factor
from interfere.experiment._presets import make_model
from interfere.experiment._random import torch_seed
from interfere.experiment._spec import JobSpec
from interfere.objectives import IGNORE

LOG_POINTS = 100
"""Points of a training's log."""

MAX_NORM = 1.0
"""Norm that gradients are clipped to."""

# PyTorch has one generator for initial weights and dropout, and jobs may run in threads.
_one_at_a_time = threading.RLock()


@dataclass
class Training:
    """A training and how far it is.

    Args:
        spec: what is trained.
        model: the model, in training mode.
        optimizer: AdamW over its parameters.
        update: updates done.
        sums: losses of each member since the last point of the log, shape (members,).
        counts: updates that these are of, shape (members,).
        log: `updates`: at each point, updates done; `loss`: member → mean loss in nats a token in the updates between
            two points, None where it took part in none; `rate`: the learning rate.
    """

    spec: JobSpec
    model: Any
    optimizer: torch.optim.Optimizer
    update: int
    sums: torch.Tensor
    counts: list[int]
    log: dict[str, Any]


def new_training(spec: JobSpec) -> Training:
    """A model with its initial weights, the same for the same seed and config, and its optimizer."""
    device = check_device(spec.device)
    with _one_at_a_time, torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(spec.seed, "weights"))
        model = make_model(dict(spec.config), spec.architecture)
    model.to(device).train()
    matrices = [each for each in model.parameters() if each.ndim >= 2]
    others = [each for each in model.parameters() if each.ndim < 2]
    groups = [{"params": matrices, "weight_decay": spec.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=spec.learning_rate, fused=device.type in ("cpu", "cuda")
    )
    members = [member.name for member in spec.members]
    log: dict[str, Any] = {"updates": [], "rate": [], "loss": {name: [] for name in members}}
    sums = torch.zeros(len(members), device=device)
    return Training(spec, model, optimizer, 0, sums, [0] * len(members), log)


def train(training: Training) -> Iterator[int]:
    """Train from where a training is to its end.

    Yields:
        The number of updates done, after each; the caller may save then, or stop.

    Raises:
        RunError: the loss is not finite.
    """
    spec, model, optimizer = training.spec, training.model, training.optimizer
    present = members_of_updates(spec)
    points = {round(spec.updates * point / LOG_POINTS) for point in range(1, LOG_POINTS + 1)}
    done = present[: training.update].sum(axis=0).tolist()
    batches = [member_batches(spec, member, first) for member, first in zip(spec.members, done, strict=True)]
    losses_of = loss_of_members(spec, model)
    parameters = list(model.parameters())
    drops = _drops(model)
    for update in range(training.update, spec.updates):
        members = present[update].nonzero()[0].tolist()
        if drops:
            torch.manual_seed(torch_seed(spec.seed, f"dropout {update}"))
        losses = losses_of(members, [next(batches[member]) for member in members])
        losses.mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)
        rate = spec.learning_rate * rate_factor(update, spec.updates, spec.warmup, spec.schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        training.sums[members] += losses.detach()
        for member in members:
            training.counts[member] += 1
        training.update = update + 1
        # Only here is the loss looked at, since a GPU would have to be waited for.
        if training.update in points or training.update == spec.updates:
            _note(training, rate)
        yield training.update


@contextmanager
def own_generator(training: Training) -> Iterator[None]:
    """Have PyTorch's generator alone while a model with dropout is trained, and leave it as it was.

    Models with dropout that are trained in threads of one process therefore wait for each other; others do not.
    """
    if not _drops(training.model):
        yield
        return
    device = next(training.model.parameters()).device
    with _one_at_a_time, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def loss_of_members(spec: JobSpec, model: Any) -> Callable[[Sequence[int], Sequence[Rows]], torch.Tensor]:
    """The loss of an update.

    Returns:
        A function of members' numbers and their batches. It gives the mean loss in nats a token of each, with a graph,
        shape (members,); the joint loss is their mean, whatever their numbers of predictions.
    """
    device = next(model.parameters()).device
    # A cache of keys and values would only cost time.
    options = {"use_cache": False} if "use_cache" in signature(model.forward).parameters else {}
    kinds = [member.type_id for member in spec.members]

    def losses(members: Sequence[int], rows: Sequence[Rows]) -> torch.Tensor:
        ids = torch.cat([each.input_ids for each in rows]).to(device)
        targets = torch.cat([each.targets for each in rows]).to(device)
        inputs = {"input_ids": ids}
        if kinds[0] is not None:
            column = torch.tensor([kinds[member] for member in members], device=device)
            inputs["token_type_ids"] = column.repeat_interleave(spec.batch_size)[:, None].expand(ids.shape)
        logits = model(**inputs, **options).logits
        each = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="none")
        predictions = torch.tensor([batch.predictions for batch in rows], device=device)
        return each.view(len(members), -1).sum(dim=1) / predictions

    return losses


def _drops(model: torch.nn.Module) -> bool:
    """Whether a model has dropout, which is all that PyTorch's generator is used for in training."""
    # Attention reads its rate from the config and has no module for it in some models.
    rates = [value for name, value in vars(model.config).items() if "drop" in name and isinstance(value, float | int)]
    return any(rate > 0 for rate in rates) or any(
        isinstance(each, torch.nn.Dropout) and each.p > 0 for each in model.modules()
    )


def _note(training: Training, rate: float) -> None:
    """Add a point to the log, and begin the next one."""
    spec, log = training.spec, training.log
    sums = training.sums.tolist()
    if not all(math.isfinite(value) for value in sums):
        raise RunError(
            f"{spec.name}: the training loss is not finite after {training.update} updates, at a learning rate of "
            f"{rate:.2g}; give a lower --learning-rate than {spec.learning_rate:g}, or a longer --warmup"
        )
    log["updates"].append(training.update)
    log["rate"].append(rate)
    for member, total, count in zip(spec.members, sums, training.counts, strict=True):
        log["loss"][member.name].append(total / count if count else None)
    training.sums.zero_()
    training.counts[:] = [0] * len(training.counts)
