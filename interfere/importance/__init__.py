"""Which parameters each language needs."""

from interfere.importance._analyze import analyze_importance
from interfere.importance._batched import Batched
from interfere.importance._index import UnitIndex
from interfere.importance._scores import OneByOne
from interfere.importance._scoring import score_chunk

__all__ = ["Batched", "OneByOne", "UnitIndex", "analyze_importance", "score_chunk"]
