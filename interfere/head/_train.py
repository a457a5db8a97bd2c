"""The training of a head: AdamW on a frozen body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from interfere.engine import Microbatches, NonFiniteError, sum_gradients
from interfere.errors import RunError
from interfere.objectives import Example, Objective

BATCH = 32
"""Examples of a step, of all languages together; at least one of each."""


@dataclass(frozen=True)
class TrainedHead:
    """What a training gave.

    Args:
        weights: parameter name → its value, in float32.
        losses: of each step, the mean over languages of their mean loss, in nats.
    """

    weights: Mapping[str, torch.Tensor]
    losses: Sequence[float]


def train_head(
    model: Any,
    objective: Objective,
    parameters: Mapping[str, torch.nn.Parameter],
    text: Mapping[str, Sequence[Example]],
    microbatches: Microbatches,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    on_step: Callable[[int], None] | None = None,
) -> TrainedHead:
    """Train some parameters of a model, which have their new values afterwards.

    A step reads as many examples of each language, and descends the mean over languages of their mean loss with AdamW
    (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101, with PyTorch's defaults). The learning rate falls along
    a line, step by step, to reach 0 after the last one. Each language's examples are shuffled anew whenever all were
    read, by the seed alone. Steps are taken in float32, whatever type the model has.

    Args:
        model: in eval mode, with gradients asked for `parameters` alone.
        objective: the loss.
        parameters: what is trained, by name.
        text: language → examples.
        microbatches: how the examples of a step are cut.
        steps: how many.
        learning_rate: of the first step.
        seed: of the order of the examples.
        on_step: called with the number of steps done.

    Raises:
        OutOfMemoryError: memory does not suffice for a microbatch.
        RunError: a loss or a weight is no finite number.
    """
    masters = {name: torch.nn.Parameter(each.detach().float().clone()) for name, each in parameters.items()}
    optimizer = torch.optim.AdamW(list(masters.values()), lr=learning_rate)
    each_language = max(1, BATCH // len(text))
    orders = {language: _Order(len(examples), seed) for language, examples in text.items()}
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 - step / steps)
        sums = {name: torch.zeros_like(master) for name, master in masters.items()}
        loss = 0.0
        for language, examples in text.items():
            chosen = [examples[i] for i in orders[language].take(each_language)]
            # A batch may happen to predict nothing only where a custom loss says so.
            share = 1 / (len(text) * max(1, sum(example.predictions for example in chosen)))

            def take(
                name: str, gradient: torch.Tensor, sums: dict[str, torch.Tensor] = sums, share: float = share
            ) -> None:
                sums[name] += gradient.float() * share

            try:
                loss += sum_gradients(model, objective, chosen, parameters, microbatches, take)[0] * share
            except NonFiniteError as error:
                raise RunError(f"--head train: {error} at step {step + 1}; give a lower --head-learning-rate") from None
        for name, master in masters.items():
            master.grad = sums[name]
        optimizer.step()
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(masters[name])
        losses.append(loss)
        if on_step is not None:
            on_step(step + 1)
    if not all(bool(torch.isfinite(master).all()) for master in masters.values()):
        raise RunError("--head train: the head's weights are not finite; give a lower --head-learning-rate")
    return TrainedHead({name: master.detach() for name, master in masters.items()}, losses)


class _Order:
    """Indices below `count`, shuffled anew whenever all were taken."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._random = np.random.default_rng([seed, 0x4EAD])
        self._left: list[int] = []

    def take(self, number: int) -> list[int]:
        """The next ones."""
        while len(self._left) < number:
            self._left += self._random.permutation(self._count).tolist()
        taken, self._left = self._left[:number], self._left[number:]
        return taken
