"""Models, text and small helpers that several footguns share."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.assets import gnome_text, smollm2
from interfere import Checkpoint, Corpus, Result, bundled_checkpoint, bundled_corpus, load_checkpoint, read_corpus

FOUR = ("de", "en", "ru", "uk")
"""Two pairs of related languages of the bundled corpus."""


@cache
def bundled() -> Checkpoint:
    return bundled_checkpoint()


def bundled_text(*languages: str) -> Corpus:
    """Some languages of the bundled corpus."""
    return restricted(bundled_corpus(), languages)


@cache
def smollm2_135m() -> Checkpoint:
    return replace(load_checkpoint(smollm2()), id="SmolLM2-135M-Instruct")


@cache
def gnome(*languages: str) -> Corpus:
    """GNOME's user documentation, translated paragraph by paragraph."""
    with tempfile.TemporaryDirectory() as folder:
        gnome_text(languages, Path(folder))
        return read_corpus(folder)


def restricted(corpus: Corpus, languages: Sequence[str]) -> Corpus:
    return Corpus({name: corpus.documents[name] for name in languages}, origin=corpus.origin)


def body(result: Result) -> pd.DataFrame:
    """The rows of the whole body, by pair."""
    rows = result.pairs[result.pairs["group"] == "body"]
    return rows.set_index(rows["a"] + "·" + rows["b"])


def with_interval(row: pd.Series) -> str:
    return f"{row['corrected']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"


def flat_gradient(model: Any, names: Sequence[str], loss: torch.Tensor) -> np.ndarray:
    """The gradient of a loss by some parameters, as one vector."""
    parameters = dict(model.named_parameters())
    found = torch.autograd.grad(loss, [parameters[name] for name in names])
    return np.concatenate([each.reshape(-1).double().numpy() for each in found])


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))
