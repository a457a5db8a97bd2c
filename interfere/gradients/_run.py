"""What a run consists of, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interfere.checkpoint import Checkpoint, ParameterInfo
from interfere.corpus import Corpus, Deal
from interfere.engine import Chunk, Group, LossPath, Measurement, Projection
from interfere.objectives import Objective
from interfere.settings import GradientSettings


@dataclass(frozen=True)
class Run:
    """A checkpoint, its text dealt into chunks, and how their gradients become vectors.

    Args:
        checkpoint: the model.
        corpus: its text.
        deal: the text in slots.
        objective: the loss.
        settings: as given.
        scope: the parameters whose gradients are measured.
        groups: how they are put together.
        projection: how a group's gradient becomes a vector.
        gram: `exact` or `sketch`, as chosen.
        chunks: (language, slot) → what is read.
        calibration: language → what is read for the metrics that need it.
    """

    checkpoint: Checkpoint
    corpus: Corpus
    deal: Deal
    objective: Objective
    settings: GradientSettings
    scope: Sequence[ParameterInfo]
    groups: Sequence[Group]
    projection: Projection
    gram: str
    chunks: Mapping[tuple[str, int], Chunk]
    calibration: Mapping[str, Chunk]

    def recorded_settings(self) -> dict[str, Any]:
        """The settings, with what was chosen for those left open."""
        parameter = next(self.checkpoint.model.parameters())
        return {
            **asdict(self.settings),
            "adam_state": None if self.settings.adam_state is None else str(self.settings.adam_state),
            "max_length": self.objective.max_length,
            "objective": self.objective.name,
            "gram": self.gram,
            "sketch_size": self.projection.sketch_size,
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "device": parameter.device.type,
            "alignment": self.deal.alignment,
        }

    def recorded_model(self) -> dict[str, Any]:
        """What the checkpoint is."""
        return {
            "id": self.checkpoint.id,
            "revision": self.checkpoint.revision,
            "architecture": self.checkpoint.architecture,
            "objective": self.objective.name,
            "parameters": self.checkpoint.parameters,
            "weights_sha256": self.checkpoint.weights_sha256,
        }


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
