"""What every analysis that reads text with a checkpoint shares: what is read, and what is recorded of it."""

from interfere.runs._claim import claim
from interfere.runs._experts import expert_overlap_table, expert_table, unshared_warnings
from interfere.runs._facts import chunk_table, data_facts, environment_facts, guessing_loss, mean_losses
from interfere.runs._reading import (
    Reading,
    labels_of,
    measured_text,
    model_facts,
    prepare_reading,
    read_text,
    shared_folder,
)
from interfere.runs._warnings import alone_warnings, model_warnings, signal_warnings, text_warnings

__all__ = [
    "Reading",
    "alone_warnings",
    "chunk_table",
    "claim",
    "data_facts",
    "environment_facts",
    "expert_overlap_table",
    "expert_table",
    "guessing_loss",
    "labels_of",
    "mean_losses",
    "measured_text",
    "model_facts",
    "model_warnings",
    "prepare_reading",
    "read_text",
    "shared_folder",
    "signal_warnings",
    "text_warnings",
    "unshared_warnings",
]
