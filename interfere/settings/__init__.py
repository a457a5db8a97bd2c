"""Settings of the analyzers; imports neither PyTorch nor transformers, so that help texts can show defaults."""

from interfere.settings._checks import require_at_least, require_choice
from interfere.settings._gradients import GradientSettings, Gram, Granularity, Metric, Scope
from interfere.settings._importance import Ablation, ImportanceSettings, Method
from interfere.settings._reading import ReadingSettings

__all__ = [
    "Ablation",
    "GradientSettings",
    "Gram",
    "Granularity",
    "ImportanceSettings",
    "Method",
    "Metric",
    "ReadingSettings",
    "Scope",
    "require_at_least",
    "require_choice",
]
