"""Fine-tuning on labelled tasks, within a language and across languages."""

from interfere.corpus._items import Item
from interfere.tasks._analyze import TaskAnalysis, analyze_task
from interfere.tasks._fine_tune import fine_tune
from interfere.tasks._interval import Estimate, difference_estimate, score_estimate
from interfere.tasks._load import TaskModel
from interfere.tasks._matrix import DELTA_COLUMNS, SCORE_COLUMNS, UNIT_COLUMNS
from interfere.tasks._read import read_labelled
from interfere.tasks._result import analyze_task_deltas
from interfere.tasks._scores import f1, label_counts, span_counts, spans
from interfere.tasks._types import LabelledCorpus, UnitPredictions, items_sha256

__all__ = [
    "DELTA_COLUMNS",
    "SCORE_COLUMNS",
    "UNIT_COLUMNS",
    "Estimate",
    "Item",
    "LabelledCorpus",
    "TaskAnalysis",
    "TaskModel",
    "UnitPredictions",
    "analyze_task",
    "analyze_task_deltas",
    "difference_estimate",
    "f1",
    "fine_tune",
    "items_sha256",
    "label_counts",
    "read_labelled",
    "score_estimate",
    "span_counts",
    "spans",
]
