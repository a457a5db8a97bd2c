"""Gradient conflict between languages."""

from interfere.gradients._adam_state import has_second_moments
from interfere.gradients._analyze import analyze_gradients

__all__ = ["analyze_gradients", "has_second_moments"]
