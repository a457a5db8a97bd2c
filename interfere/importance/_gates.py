"""Hard-concrete gates per language over frozen weights.

Every head, group of heads and neuron has a gate z between 0 and 1 that scales what it gives. A gate is a stretched and
clipped concrete variable, so that it is 0 or 1 with positive probability and can be trained by gradients (Louizos,
Welling, Kingma 2018, arXiv 1712.01312); Wang, Lipton and Tsvetkov (2020, arXiv 2010.03017) trained a set of them for
each language. What is minimised is the mean loss of a prediction plus `sparsity` times the expected share of open
gates: the mean over kinds of units of the mean over their gates, so that a hundred heads weigh as much as thousands of
neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from interfere.engine import Microbatches, NonFiniteError, example_length, memory_errors
from interfere.importance._index import UnitIndex
from interfere.importance._sites import changed_sites, scaling
from interfere.objectives import Example, Objective, collate

TEMPERATURE = 2 / 3
LEFT, RIGHT = -0.1, 1.1
"""Where the concrete variable is stretched to before it is clipped; these three as in Louizos et al."""

_START = 0.9
"""Keep probability of every gate before training."""

_EXAMPLES = 8
"""Examples of a step, so that steps do not depend on the batch size."""


@dataclass(frozen=True)
class TrainedGates:
    """Gates of one language.

    Args:
        keep: shape (units,): the probability that a unit's gate is not 0; NaN for units without a gate.
        loss: mean loss of a prediction over the last tenth of the steps, in nats.
    """

    keep: torch.Tensor
    loss: float


def keep_probability(log_alpha: torch.Tensor) -> torch.Tensor:
    """The probability that a gate is not 0."""
    return torch.sigmoid(log_alpha - TEMPERATURE * math.log(-LEFT / RIGHT))


def sample(log_alpha: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
    """Gates of one draw.

    Args:
        log_alpha: shape (gates,).
        random: shape (gates,), uniform in (0, 1).
    """
    concrete = torch.sigmoid((torch.logit(random) + log_alpha) / TEMPERATURE)
    return (concrete * (RIGHT - LEFT) + LEFT).clamp(0, 1)


def train_gates(
    model: Any,
    objective: Objective,
    index: UnitIndex,
    examples: Sequence[Example],
    cut: Microbatches,
    *,
    sparsity: float,
    steps: int,
    rate: float,
    seed: int,
) -> TrainedGates:
    """Train the gates of one language by Adam.

    Args:
        model: in eval mode; no parameter needs a gradient.
        objective: the loss.
        index: the units.
        examples: what is read, some at a time, in an order that the seed draws.
        cut: how a step's examples are read.
        sparsity: what open gates cost, in nats for all of them.
        steps: of training.
        rate: learning rate.
        seed: of the order and of the gates' noise.

    Raises:
        NonFiniteError: the loss is infinite or not a number.
    """
    device = next(model.parameters()).device
    gated = index.places[-1].end if index.places else 0
    start = math.log(_START / (1 - _START)) + TEMPERATURE * math.log(-LEFT / RIGHT)
    log_alpha = torch.full((gated,), start, device=device, requires_grad=True)
    kinds: dict[str, list[torch.Tensor]] = {}
    for place in index.places:
        kinds.setdefault(place.family.kind, []).append(torch.arange(place.start, place.end, device=device))
    members = [torch.cat(parts) for parts in kinds.values()]
    optimizer = torch.optim.Adam([log_alpha], lr=rate)
    noise = torch.Generator().manual_seed(seed)
    order = np.random.default_rng(seed)
    queue: list[int] = []
    losses = []
    for _ in range(steps):
        while len(queue) < _EXAMPLES:
            queue += order.permutation(len(examples)).tolist()
        chosen, queue = [examples[i] for i in queue[:_EXAMPLES]], queue[_EXAMPLES:]
        # Away from 0 and 1, where the logit is infinite.
        random = torch.rand(gated, generator=noise).clamp(1e-6, 1 - 1e-6).to(device)
        gates = sample(log_alpha, random)
        given = gates.detach().requires_grad_()
        predictions = sum(example.predictions for example in chosen)
        total = 0.0
        with changed_sites(model, scaling(index, given)):
            for rows in cut.plan([example_length(example) for example in chosen]):
                batch = collate([chosen[i] for i in rows], objective.pad_id, device)
                with memory_errors(*batch.input_ids.shape):
                    sums = objective.loss(model, batch)
                    (sums.total / predictions).backward()  # type: ignore[no-untyped-call]
                total += float(sums.per_document.double().sum())
        if not math.isfinite(total):
            raise NonFiniteError("loss not finite while gates were trained")
        losses.append(total / predictions)
        optimizer.zero_grad()
        keep = keep_probability(log_alpha)
        penalty = sparsity * torch.stack([keep[member].mean() for member in members]).mean()
        torch.autograd.backward([gates, penalty], [given.grad, torch.ones_like(penalty)])
        optimizer.step()
    keep = torch.full((len(index),), float("nan"), dtype=torch.float64)
    keep[:gated] = keep_probability(log_alpha.detach()).double().cpu()
    last = losses[-max(1, steps // 10) :]
    return TrainedGates(keep, sum(last) / len(last))
