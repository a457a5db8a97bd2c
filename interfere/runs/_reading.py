"""A checkpoint, and the text that it will read in chunks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interfere.checkpoint import LABELLED, Checkpoint, expected_task, load_checkpoint
from interfere.corpus import Corpus, Deal, deal_slots, read_corpus, require_languages
from interfere.engine import Chunk, ChunkCounts, plan_chunks
from interfere.errors import InputError, RunError
from interfere.objectives import (
    Classification,
    LossFunction,
    Objective,
    Sources,
    TokenObjective,
    make_objective,
    require_known_labels,
    require_told,
    split_source,
)
from interfere.ranks import Ranks
from interfere.runs._warnings import signal_warnings
from interfere.settings import ReadingSettings, Task


def model_facts(checkpoint: Checkpoint, objective: str) -> dict[str, Any]:
    """What a checkpoint is, and the name of the loss that it is measured with."""
    signal = getattr(checkpoint.model.config, "interfere_signal", None)
    return {
        "id": checkpoint.id,
        "revision": checkpoint.revision,
        "architecture": checkpoint.architecture,
        "objective": objective,
        "parameters": checkpoint.parameters,
        "weights_sha256": checkpoint.weights_sha256,
        **({"language_signal": str(signal)} if signal else {}),
        **_storage_facts(checkpoint),
    }


def _storage_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a checkpoint is made of, where that is not a whole model with plain weights."""
    facts: dict[str, Any] = {} if checkpoint.stored_as is None else {"stored_as": checkpoint.stored_as}
    if checkpoint.adapter is not None:
        facts |= {"adapter": checkpoint.adapter, "base": checkpoint.base, "base_revision": checkpoint.base_revision}
    return facts


@dataclass(frozen=True)
class Reading:
    """A checkpoint, and the text that it will read in chunks.

    Args:
        checkpoint: the model.
        corpus: its text.
        deal: the text in slots.
        objective: the loss.
        chunks: (language, slot) → what is read.
        calibration: language → what is read beside it for metrics that need it.
        head: what is recorded of a head that was trained here; None where none was.
    """

    checkpoint: Checkpoint
    corpus: Corpus
    deal: Deal
    objective: Objective
    chunks: Mapping[tuple[str, int], Chunk]
    calibration: Mapping[str, Chunk]
    head: Mapping[str, Any] | None = None

    @property
    def slots(self) -> int:
        """K, the chunks of a language."""
        return len(self.chunks) // len(self.corpus.languages)

    def recorded_settings(self) -> dict[str, Any]:
        """What was chosen for settings that were left open."""
        parameter = next(self.checkpoint.model.parameters())
        return {
            "max_length": self.objective.max_length,
            "objective": self.objective.name,
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "device": parameter.device.type,
            "alignment": self.deal.alignment,
        }

    def recorded_model(self) -> dict[str, Any]:
        """What the checkpoint is."""
        facts = model_facts(self.checkpoint, self.objective.name)
        return facts if self.head is None else facts | {"head": dict(self.head)}

    def signal_warnings(self) -> list[str]:
        """A sentence if the model wants to be told the language, which only an objective of its own can do."""
        return signal_warnings(self.recorded_model()) if isinstance(self.objective, TokenObjective) else []

    def require_two(self, counts: ChunkCounts, what: str) -> None:
        """Make sure that there is something to compare.

        Raises:
            RunError: fewer than two languages have numbers.
        """
        if len(counts.languages) - len(counts.failed) < 2:
            reasons = "; ".join(f"{language!r}: {reason}" for language, reason in counts.failed.items())
            raise RunError(f"fewer than two languages have finite {what}. {reasons}")


def prepare_reading(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None,
    objective: str | LossFunction | TokenObjective,
    settings: ReadingSettings,
    *,
    calibration: bool = False,
) -> Reading:
    """Load what is not loaded yet, and deal the text into chunks.

    Args:
        checkpoint: from `load_checkpoint`, or a model folder or hub id to be loaded with its defaults.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        objective: `auto`, the name of one, a callable (model, batch) → `LossSums`, or a whole `TokenObjective`.
        settings: how much is read, and how.
        calibration: whether a slot is kept apart for metrics.

    Raises:
        InputError: text or languages are wrong.
        RunError: the model cannot be loaded, or text does not suffice.
    """
    asked = objective if isinstance(objective, str) else "auto"
    corpus = read_text(checkpoint, corpus, objective)
    require_languages(corpus)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load_checkpoint(
            checkpoint, objective=asked, head=settings.head, labels=labels_of(corpus), seed=settings.seed
        )
    if bool(checkpoint.fresh) != (settings.head == "train"):
        raise InputError(
            "--head train: load the checkpoint with head='train', so that it has a head to be trained"
            if settings.head == "train"
            else f"model {checkpoint.id!r} was loaded with a head that is still to be trained: that needs --head train"
        )
    name = checkpoint.objective if objective == "auto" else objective
    corpus, sources = measured_text(corpus, name, settings.source_language)
    require_languages(corpus)
    require_told(checkpoint.model, corpus.languages)
    loss = (
        objective
        if isinstance(objective, TokenObjective)
        else make_objective(
            checkpoint.objective if objective == "auto" else objective,
            checkpoint,
            max_length=settings.max_length,
            mask_passes=settings.mask_passes,
            seed=settings.seed,
            sources=sources,
        )
    )
    if isinstance(loss, Classification):
        require_known_labels(corpus, loss)
    deal = deal_slots(corpus, settings.chunks, settings.seed)
    chunks, held_out = plan_chunks(loss, deal, settings.tokens_per_chunk, calibration=calibration)
    return Reading(checkpoint, corpus, deal, loss, chunks, held_out)


def read_text(
    checkpoint: Checkpoint | str | Path,
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None,
    objective: object,
) -> Corpus:
    """The text that a checkpoint will read, with labels where its objective needs some; arguments as for an analysis.

    Raises:
        InputError: there is no such text, or it has no labels.
    """
    return read_corpus(corpus, task=_task(checkpoint, objective))


def _task(checkpoint: Checkpoint | str | Path, objective: object) -> Task | None:
    """What text has to be labelled for."""
    if not isinstance(objective, str):
        return None
    if objective == "auto" and isinstance(checkpoint, Checkpoint):
        objective = checkpoint.objective
    if isinstance(checkpoint, Checkpoint):
        return next((task for task in LABELLED if task == objective), None)
    return expected_task(checkpoint, objective)


def labels_of(corpus: Corpus) -> tuple[str, ...]:
    """All labels of a corpus, sorted; none where it has no labels."""
    return tuple(sorted({x for documents in corpus.documents.values() for each in documents for x in each.labels}))


def measured_text(corpus: Corpus, objective: object, source_language: str | None) -> tuple[Corpus, Sources | None]:
    """The languages that are measured, and what is translated into them where that is the objective.

    Raises:
        InputError: a source language is given for another objective, or none for translation, or text is not aligned.
    """
    if objective == "translation":
        return split_source(corpus, source_language)
    if source_language is not None:
        raise InputError("--source-language is for --objective translation alone: add that, or leave it out")
    return corpus, None


@contextmanager
def shared_folder(workdir: str | Path | None, ranks: Ranks) -> Iterator[Path]:
    """The folder that all processes of a run write to: the one given, or a temporary one while it is in use."""
    if workdir is not None:
        folder = Path(workdir)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="interfere-") as own:
        yield Path(ranks.decide(lambda: own))
        # The first process's folder must not go before the others are done with it.
        ranks.wait()
