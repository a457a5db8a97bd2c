"""From chunks of text to one vector per metric and group, in bounded memory."""

from interfere.engine._loss_path import LossPath, choose_loss_path, on_path
from interfere.engine._measure import (
    Measurement,
    Progress,
    ProgressCallback,
    chunk_path,
    collect,
    compute_chunks,
    reading_cost,
)
from interfere.engine._memory import FittingMicrobatches, smaller_microbatches
from interfere.engine._metrics import Calibration, MetricWeights, adam, euclidean, per_tensor
from interfere.engine._plan import Chunk, Microbatches, plan_chunk, plan_chunks
from interfere.engine._project import GradientSums, Group, Projection, group_parameters
from interfere.engine._shards import SharedBatches, shard_model
from interfere.engine._sketch import add_sketch
from interfere.engine._store import write_json, write_tensors
from interfere.engine._work import (
    ChunkGradient,
    NonFiniteError,
    OutOfMemoryError,
    only_gradients_of,
    sum_gradients,
    whole_gradient,
)

__all__ = [
    "Calibration",
    "Chunk",
    "ChunkGradient",
    "FittingMicrobatches",
    "GradientSums",
    "Group",
    "LossPath",
    "Measurement",
    "MetricWeights",
    "Microbatches",
    "NonFiniteError",
    "OutOfMemoryError",
    "Progress",
    "ProgressCallback",
    "Projection",
    "SharedBatches",
    "adam",
    "add_sketch",
    "choose_loss_path",
    "chunk_path",
    "collect",
    "compute_chunks",
    "euclidean",
    "group_parameters",
    "on_path",
    "only_gradients_of",
    "per_tensor",
    "plan_chunk",
    "plan_chunks",
    "reading_cost",
    "shard_model",
    "smaller_microbatches",
    "sum_gradients",
    "whole_gradient",
    "write_json",
    "write_tensors",
]
