"""Gradient conflict between languages."""
