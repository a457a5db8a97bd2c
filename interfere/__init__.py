"""Which languages hurt each other in a multilingual model, where in the network, and how surely.

Names are imported when they are first used, so that `import interfere` loads neither PyTorch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from interfere.errors import InputError, InterfereError, RunError

if TYPE_CHECKING:
    from interfere.bundled import bundled_checkpoint, bundled_corpus
    from interfere.check import CheckReport, Policy, check_result, draft_policy, read_policy
    from interfere.checkpoint import Checkpoint, checkpoint_from_model, load_checkpoint
    from interfere.comparison import compare_results
    from interfere.corpus import Corpus, Document, read_corpus
    from interfere.deltas import analyze_deltas
    from interfere.doctor import Diagnosis, diagnose
    from interfere.experiment import run_experiment
    from interfere.gradients import analyze_gradients
    from interfere.importance import analyze_importance
    from interfere.objectives import Batch, LossSums
    from interfere.report import make_report
    from interfere.results import Result, load_result, own_units, unit_scores
    from interfere.settings import EvaluationSettings, ExperimentSettings, GradientSettings, ImportanceSettings
    from interfere.trajectory import InterferenceCallback, TrainingPoint, analyze_trajectory

_HOMES = {
    "Batch": "interfere.objectives",
    "CheckReport": "interfere.check",
    "Checkpoint": "interfere.checkpoint",
    "Corpus": "interfere.corpus",
    "Diagnosis": "interfere.doctor",
    "Document": "interfere.corpus",
    "EvaluationSettings": "interfere.settings",
    "ExperimentSettings": "interfere.settings",
    "GradientSettings": "interfere.settings",
    "ImportanceSettings": "interfere.settings",
    "InterferenceCallback": "interfere.trajectory",
    "LossSums": "interfere.objectives",
    "Policy": "interfere.check",
    "Result": "interfere.results",
    "TrainingPoint": "interfere.trajectory",
    "analyze_deltas": "interfere.deltas",
    "analyze_gradients": "interfere.gradients",
    "analyze_importance": "interfere.importance",
    "analyze_trajectory": "interfere.trajectory",
    "bundled_checkpoint": "interfere.bundled",
    "bundled_corpus": "interfere.bundled",
    "check_result": "interfere.check",
    "checkpoint_from_model": "interfere.checkpoint",
    "compare_results": "interfere.comparison",
    "diagnose": "interfere.doctor",
    "draft_policy": "interfere.check",
    "load_checkpoint": "interfere.checkpoint",
    "load_result": "interfere.results",
    "make_report": "interfere.report",
    "own_units": "interfere.results",
    "read_corpus": "interfere.corpus",
    "read_policy": "interfere.check",
    "run_experiment": "interfere.experiment",
    "unit_scores": "interfere.results",
}

__all__ = [
    "Batch",
    "CheckReport",
    "Checkpoint",
    "Corpus",
    "Diagnosis",
    "Document",
    "EvaluationSettings",
    "ExperimentSettings",
    "GradientSettings",
    "ImportanceSettings",
    "InputError",
    "InterfereError",
    "InterferenceCallback",
    "LossSums",
    "Policy",
    "Result",
    "RunError",
    "TrainingPoint",
    "analyze_deltas",
    "analyze_gradients",
    "analyze_importance",
    "analyze_trajectory",
    "bundled_checkpoint",
    "bundled_corpus",
    "check_result",
    "checkpoint_from_model",
    "compare_results",
    "diagnose",
    "draft_policy",
    "load_checkpoint",
    "load_result",
    "make_report",
    "own_units",
    "read_corpus",
    "read_policy",
    "run_experiment",
    "unit_scores",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
