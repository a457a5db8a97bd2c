"""Experiments so small that a model trains in a fraction of a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from interfere.corpus import Corpus, read_corpus
from interfere.experiment import JobSpec, Prepared, plan_jobs, prepare_text, split_text
from interfere.settings import ExperimentSettings
from tests.text import some_text

LANGUAGES = ("de", "en", "ru")


def small_corpus(languages: tuple[str, ...] = LANGUAGES, documents: int = 60) -> Corpus:
    """Shuffled words; no two documents are translations."""
    texts = {language: some_text(language, documents + 3 * place) for place, language in enumerate(languages)}
    return read_corpus(texts)


def small_settings(**changed: Any) -> ExperimentSettings:
    """Models of width 8 that read 16 tokens."""
    return ExperimentSettings(
        **{"widths": (8,), "context": 16, "batch_size": 2, "updates": 12, "seeds": 1, "checkpoints": 2, **changed}
    )


def small_plan(
    folder: Path, corpus: Corpus | None = None, **changed: Any
) -> tuple[ExperimentSettings, Prepared, dict[str, JobSpec]]:
    """Settings, prepared text, and the jobs by name without what follows the mixture."""
    settings = small_settings(**changed)
    split = split_text(corpus if corpus is not None else small_corpus(), settings.held_out, settings.seed)
    prepared = prepare_text(split, settings, folder)
    jobs = plan_jobs(settings, prepared, folder / "models")
    return settings, prepared, {job.name.removesuffix("-w8-t1-s0"): job for job in jobs}


def same_weights(one: Path, other: Path) -> bool:
    """Whether two folders hold the same model, bit for bit."""
    from safetensors.torch import load_file

    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
