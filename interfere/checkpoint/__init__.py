"""Checkpoints: loading them, and what each parameter is."""

from interfere.checkpoint._embeddings import embedding_module
from interfere.checkpoint._experts import Expert, find_experts
from interfere.checkpoint._forwards import layers_of, recomputed_layers, replaced_forwards
from interfere.checkpoint._hub import resolved_revision
from interfere.checkpoint._kinds import KINDS, Kind
from interfere.checkpoint._load import DTYPES, Checkpoint, check_device, checkpoint_from_model, load_checkpoint
from interfere.checkpoint._objective_name import LABELLED, OBJECTIVES, SEQ2SEQ, ObjectiveName, resolve_objective
from interfere.checkpoint._parameters import ParameterInfo, Scope, map_parameters, scoped_parameters
from interfere.checkpoint._task import expected_task
from interfere.checkpoint._tokenizer import embedding_rows
from interfere.checkpoint._units import Block, Family, Member, ModelUnits, Side, find_units, is_linear, linear_sizes
from interfere.checkpoint._weights import hash_weights

__all__ = [
    "DTYPES",
    "KINDS",
    "LABELLED",
    "OBJECTIVES",
    "SEQ2SEQ",
    "Block",
    "Checkpoint",
    "Expert",
    "Family",
    "Kind",
    "Member",
    "ModelUnits",
    "ObjectiveName",
    "ParameterInfo",
    "Scope",
    "Side",
    "check_device",
    "checkpoint_from_model",
    "embedding_module",
    "embedding_rows",
    "expected_task",
    "find_experts",
    "find_units",
    "hash_weights",
    "is_linear",
    "layers_of",
    "linear_sizes",
    "load_checkpoint",
    "map_parameters",
    "recomputed_layers",
    "replaced_forwards",
    "resolve_objective",
    "resolved_revision",
    "scoped_parameters",
]
