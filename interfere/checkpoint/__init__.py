"""Checkpoints: loading them, and what each parameter is."""
