"""What every analysis that reads text with a checkpoint shares: what is read, and what is recorded of it."""

from interfere.runs._claim import claim
from interfere.runs._facts import chunk_table, data_facts, environment_facts, guessing_loss, mean_losses
from interfere.runs._reading import Reading, model_facts, prepare_reading, shared_folder
from interfere.runs._warnings import model_warnings, signal_warnings, text_warnings

__all__ = [
    "Reading",
    "chunk_table",
    "claim",
    "data_facts",
    "environment_facts",
    "guessing_loss",
    "mean_losses",
    "model_facts",
    "model_warnings",
    "prepare_reading",
    "shared_folder",
    "signal_warnings",
    "text_warnings",
]
