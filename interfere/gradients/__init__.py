"""Gradient conflict between languages."""

from interfere.gradients._analyze import analyze_gradients

__all__ = ["analyze_gradients"]
