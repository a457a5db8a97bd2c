"""Which parameters each language needs."""

from interfere.importance._analyze import analyze_importance

__all__ = ["analyze_importance"]
