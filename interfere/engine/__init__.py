"""From chunks of text to one vector per metric and group, in bounded memory."""

from interfere.engine._collect import ChunkCounts, Measurement, collect, count_chunks, finished_paths
from interfere.engine._experts import Grouping, SeenExperts, group_with_experts
from interfere.engine._loss_path import (
    TOLERANCES,
    LossPath,
    choose_forward_path,
    choose_loss_path,
    hardest_examples,
    on_path,
)
from interfere.engine._measure import (
    Progress,
    ProgressCallback,
    compute_chunks,
    compute_missing,
    failed_chunk,
    reading_cost,
)
from interfere.engine._memory import FittingMicrobatches, smaller_microbatches
from interfere.engine._metrics import Calibration, MetricWeights, adam, euclidean, per_tensor
from interfere.engine._plan import Chunk, Microbatches, example_length, plan_chunk, plan_chunks
from interfere.engine._project import GradientSums, Group, Projection, group_parameters
from interfere.engine._shards import SharedBatches, shard_model
from interfere.engine._sketch import add_sketch
from interfere.engine._store import SEEN_KEY, ChunkRecord, chunk_path, read_record, read_seen, write_json, write_tensors
from interfere.engine._work import (
    ChunkGradient,
    NonFiniteError,
    OutOfMemoryError,
    memory_errors,
    only_gradients_of,
    place_of,
    require_finite,
    sum_gradients,
    whole_gradient,
)

__all__ = [
    "SEEN_KEY",
    "TOLERANCES",
    "Calibration",
    "Chunk",
    "ChunkCounts",
    "ChunkGradient",
    "ChunkRecord",
    "FittingMicrobatches",
    "GradientSums",
    "Group",
    "Grouping",
    "LossPath",
    "Measurement",
    "MetricWeights",
    "Microbatches",
    "NonFiniteError",
    "OutOfMemoryError",
    "Progress",
    "ProgressCallback",
    "Projection",
    "SeenExperts",
    "SharedBatches",
    "adam",
    "add_sketch",
    "choose_forward_path",
    "choose_loss_path",
    "chunk_path",
    "collect",
    "compute_chunks",
    "compute_missing",
    "count_chunks",
    "euclidean",
    "example_length",
    "failed_chunk",
    "finished_paths",
    "group_parameters",
    "group_with_experts",
    "hardest_examples",
    "memory_errors",
    "on_path",
    "only_gradients_of",
    "per_tensor",
    "place_of",
    "plan_chunk",
    "plan_chunks",
    "read_record",
    "read_seen",
    "reading_cost",
    "require_finite",
    "shard_model",
    "smaller_microbatches",
    "sum_gradients",
    "whole_gradient",
    "write_json",
    "write_tensors",
]
