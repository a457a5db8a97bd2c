"""What a run consists of, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from interfere.checkpoint import ParameterInfo
from interfere.engine import Grouping, LossPath, Measurement, Projection
from interfere.runs import Reading
from interfere.settings import GradientSettings


@dataclass(frozen=True)
class Run:
    """What is read, and how gradients become vectors.

    Args:
        reading: a checkpoint and its text in chunks.
        settings: as given.
        scope: the parameters whose gradients are measured.
        grouping: how they are put together.
        projection: how a group's gradient becomes a vector.
        gram: `exact` or `sketch`, as chosen.
        second_moments: parameter name → v for the `adam` metric, where they were given as tensors.
    """

    reading: Reading
    settings: GradientSettings
    scope: Sequence[ParameterInfo]
    grouping: Grouping
    projection: Projection
    gram: str
    second_moments: Mapping[str, torch.Tensor] | None = None

    def recorded_settings(self) -> dict[str, Any]:
        """The settings, with what was chosen for those left open."""
        return {
            **asdict(self.settings),
            "adam_state": self._adam_state(),
            "gram": self.gram,
            "sketch_size": self.projection.sketch_size,
            **self.reading.recorded_settings(),
        }

    def _adam_state(self) -> str | None:
        if self.second_moments is not None:
            return "given as tensors"
        return None if self.settings.adam_state is None else str(self.settings.adam_state)


@dataclass(frozen=True)
class Computed:
    """What a run has found, and how it was computed.

    Args:
        measurement: Gram matrices and counts.
        loss_path: which way to the loss was taken.
        memory: what was done about memory that did not suffice, in sentences.
    """

    measurement: Measurement
    loss_path: LossPath
    memory: Sequence[str]
