"""Settings of the analyzers; imports neither PyTorch nor transformers, so that help texts can show defaults."""

from interfere.settings._checks import require_at_least, require_choice
from interfere.settings._deltas import EvaluationSettings
from interfere.settings._experiment import (
    PRESETS,
    Architecture,
    ExperimentSettings,
    ExperimentTokenizer,
    Mixture,
    Schedule,
    Signal,
)
from interfere.settings._gradients import GradientSettings, Gram, Granularity, Metric, Scope
from interfere.settings._importance import Ablation, ImportanceSettings, Method
from interfere.settings._reading import Head, ReadingSettings
from interfere.settings._tasks import LabelledSubword, Task, TaskSettings

__all__ = [
    "PRESETS",
    "Ablation",
    "Architecture",
    "EvaluationSettings",
    "ExperimentSettings",
    "ExperimentTokenizer",
    "GradientSettings",
    "Gram",
    "Granularity",
    "Head",
    "ImportanceSettings",
    "LabelledSubword",
    "Method",
    "Metric",
    "Mixture",
    "ReadingSettings",
    "Schedule",
    "Scope",
    "Signal",
    "Task",
    "TaskSettings",
    "require_at_least",
    "require_choice",
]
