"""The losses whose gradients are measured."""

from interfere.objectives._causal import CausalLM
from interfere.objectives._classification import Classification, label_numbers, require_known_labels
from interfere.objectives._codes import set_languages
from interfere.objectives._collate import collate
from interfere.objectives._custom import CustomObjective
from interfere.objectives._infilling import TextInfilling
from interfere.objectives._language import require_told
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._make import make_objective
from interfere.objectives._masked import MaskedLM
from interfere.objectives._order import document_random, shuffled
from interfere.objectives._spans import SpanCorruption, disjoint_passes
from interfere.objectives._targets_only import TargetsOnly, UnlikeOthersError, targets_only
from interfere.objectives._text import encode_text, require_known
from interfere.objectives._translation import Sources, Translation, split_source
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
    "Classification",
    "CustomObjective",
    "Example",
    "LossFunction",
    "LossSums",
    "MaskedLM",
    "Objective",
    "SameExamples",
    "Sources",
    "SpanCorruption",
    "TargetsOnly",
    "TextInfilling",
    "TokenObjective",
    "Translation",
    "UnlikeOthersError",
    "collate",
    "disjoint_passes",
    "document_random",
    "encode_text",
    "label_numbers",
    "logits_of",
    "make_objective",
    "require_known",
    "require_known_labels",
    "require_told",
    "set_languages",
    "shuffled",
    "split_source",
    "targets_only",
    "token_loss",
]
