"""The losses whose gradients are measured."""

from interfere.objectives._causal import CausalLM
from interfere.objectives._collate import collate
from interfere.objectives._custom import CustomObjective
from interfere.objectives._make import make_objective
from interfere.objectives._masked import MaskedLM
from interfere.objectives._order import document_random, shuffled
from interfere.objectives._spans import SpanCorruption
from interfere.objectives._targets_only import TargetsOnly, UnlikeOthersError, targets_only
from interfere.objectives._types import (
    IGNORE,
    Batch,
    Example,
    LossFunction,
    LossSums,
    Objective,
    SameExamples,
    TokenObjective,
)

__all__ = [
    "IGNORE",
    "Batch",
    "CausalLM",
    "CustomObjective",
    "Example",
    "LossFunction",
    "LossSums",
    "MaskedLM",
    "Objective",
    "SameExamples",
    "SpanCorruption",
    "TargetsOnly",
    "TokenObjective",
    "UnlikeOthersError",
    "collate",
    "document_random",
    "make_objective",
    "shuffled",
    "targets_only",
]
