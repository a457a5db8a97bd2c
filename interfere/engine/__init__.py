"""From chunks of text to one vector per metric and group, in bounded memory."""

from interfere.engine._measure import (
    Measurement,
    Progress,
    ProgressCallback,
    chunk_path,
    collect,
    compute_chunks,
    reading_cost,
)
from interfere.engine._metrics import Calibration, MetricWeights, adam, euclidean, per_tensor
from interfere.engine._plan import Chunk, plan_chunk, plan_chunks, plan_microbatches
from interfere.engine._project import Group, Projection, group_parameters
from interfere.engine._sketch import add_sketch
from interfere.engine._store import write_tensors
from interfere.engine._work import ChunkGradient, NonFiniteError, chunk_gradient, only_gradients_of

__all__ = [
    "Calibration",
    "Chunk",
    "ChunkGradient",
    "Group",
    "Measurement",
    "MetricWeights",
    "NonFiniteError",
    "Progress",
    "ProgressCallback",
    "Projection",
    "adam",
    "add_sketch",
    "chunk_gradient",
    "chunk_path",
    "collect",
    "compute_chunks",
    "euclidean",
    "group_parameters",
    "only_gradients_of",
    "per_tensor",
    "plan_chunk",
    "plan_chunks",
    "plan_microbatches",
    "reading_cost",
    "write_tensors",
]
