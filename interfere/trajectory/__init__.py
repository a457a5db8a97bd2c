"""Gradient conflict along training: of checkpoints that were kept, and while a model is trained."""

from interfere.trajectory._analyze import analyze_trajectory
from interfere.trajectory._callback import InterferenceCallback
from interfere.trajectory._points import TrainingPoint, checkpoint_folders

__all__ = ["InterferenceCallback", "TrainingPoint", "analyze_trajectory", "checkpoint_folders"]
