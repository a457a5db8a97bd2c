"""Which languages hurt each other in a multilingual model, where in the network, and how surely.

Names are imported when they are first used, so that `import interfere` loads neither PyTorch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from interfere.errors import InputError, InterfereError, RunError

if TYPE_CHECKING:
    from interfere.bundled import bundled_checkpoint, bundled_corpus
    from interfere.checkpoint import Checkpoint, checkpoint_from_model, load_checkpoint
    from interfere.corpus import Corpus, Document, read_corpus
    from interfere.deltas import analyze_deltas
    from interfere.experiment import run_experiment
    from interfere.gradients import analyze_gradients
    from interfere.importance import analyze_importance
    from interfere.objectives import Batch, LossSums
    from interfere.results import Result, load_result, own_units, unit_scores
    from interfere.settings import EvaluationSettings, ExperimentSettings, GradientSettings, ImportanceSettings

_HOMES = {
    "Batch": "interfere.objectives",
    "Checkpoint": "interfere.checkpoint",
    "Corpus": "interfere.corpus",
    "Document": "interfere.corpus",
    "EvaluationSettings": "interfere.settings",
    "ExperimentSettings": "interfere.settings",
    "GradientSettings": "interfere.settings",
    "ImportanceSettings": "interfere.settings",
    "LossSums": "interfere.objectives",
    "Result": "interfere.results",
    "analyze_deltas": "interfere.deltas",
    "analyze_gradients": "interfere.gradients",
    "analyze_importance": "interfere.importance",
    "bundled_checkpoint": "interfere.bundled",
    "bundled_corpus": "interfere.bundled",
    "checkpoint_from_model": "interfere.checkpoint",
    "load_checkpoint": "interfere.checkpoint",
    "load_result": "interfere.results",
    "own_units": "interfere.results",
    "read_corpus": "interfere.corpus",
    "run_experiment": "interfere.experiment",
    "unit_scores": "interfere.results",
}

__all__ = [
    "Batch",
    "Checkpoint",
    "Corpus",
    "Document",
    "EvaluationSettings",
    "ExperimentSettings",
    "GradientSettings",
    "ImportanceSettings",
    "InputError",
    "InterfereError",
    "LossSums",
    "Result",
    "RunError",
    "analyze_deltas",
    "analyze_gradients",
    "analyze_importance",
    "bundled_checkpoint",
    "bundled_corpus",
    "checkpoint_from_model",
    "load_checkpoint",
    "load_result",
    "own_units",
    "read_corpus",
    "run_experiment",
    "unit_scores",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
