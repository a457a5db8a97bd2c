"""Reading held-out documents with one model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from interfere.checkpoint import LABELLED, Checkpoint
from interfere.corpus import Corpus, Document
from interfere.engine import (
    Chunk,
    ChunkRecord,
    FittingMicrobatches,
    LossPath,
    Microbatches,
    NonFiniteError,
    ProgressCallback,
    choose_forward_path,
    chunk_path,
    compute_missing,
    example_length,
    failed_chunk,
    memory_errors,
    on_path,
    read_record,
    require_finite,
    smaller_microbatches,
)
from interfere.errors import InputError, RunError
from interfere.evaluation._encode import Encoded, encode_document
from interfere.objectives import Objective, collate, document_random, make_objective, require_told, split_source
from interfere.ranks import Ranks
from interfere.runs import alone_warnings, claim, model_facts
from interfere.settings import EvaluationSettings

_TOKENS_OF_A_CHUNK = 20_000
"""Tokens that are read before what was found is written down."""

_SPAN_PASSES = 6
"""Corruptions of 15 % each that take out nearly all of a text once."""


@dataclass(frozen=True)
class Quality:
    """What one model makes of one language's documents.

    Args:
        encoded: the documents, in the order of the corpus.
        bits: shape (documents,): what the predicted tokens of each cost, in bits; NaN where nothing is predicted.
        bytes: shape (documents,): UTF-8 bytes that those tokens stand for.
        tokens: shape (documents,): how many they are.
        failed: why there are no numbers; "" where there are.
    """

    encoded: Sequence[Encoded]
    bits: NDArray[np.float64]
    bytes: NDArray[np.float64]
    tokens: NDArray[np.float64]
    failed: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What one model makes of all languages.

    Args:
        quality: language → what was measured.
        loss_path: which way to the loss was taken.
        memory: what was done about memory that did not suffice, or about batches that mix documents up, in sentences.
        max_length: tokens of a window.
        objective: the name of the loss.
    """

    quality: Mapping[str, Quality]
    loss_path: LossPath
    memory: Sequence[str]
    max_length: int
    objective: str


def draw_documents(corpus: Corpus, count: int | None, seed: int) -> dict[str, list[Document]]:
    """The documents of each language that are read, in the order of the corpus.

    Args:
        corpus: the text.
        count: of each language; None: all.
        seed: of the draw, which depends on each document's content alone.
    """
    out = {}
    for language, documents in corpus.documents.items():
        if count is None or len(documents) <= count:
            out[language] = list(documents)
            continue
        keys = [document_random(document, seed, "documents").random() for document in documents]
        kept = sorted(sorted(range(len(documents)), key=keys.__getitem__)[:count])
        out[language] = [documents[index] for index in kept]
    return out


def evaluation_objective(checkpoint: Checkpoint, settings: EvaluationSettings, corpus: Corpus) -> Objective:
    """The loss that a checkpoint was trained for, as it is evaluated; translation where a source language is given.

    Raises:
        InputError: a translation model is given no source language, or text that is not aligned.
    """
    if checkpoint.objective in LABELLED:
        raise InputError(
            f"model {checkpoint.id!r} has labels and no bits per byte: --task {checkpoint.objective} compares models "
            "on text with labels"
        )
    name = checkpoint.objective if settings.source_language is None else "translation"
    return make_objective(
        name,
        checkpoint,
        max_length=settings.max_length,
        mask_passes=_SPAN_PASSES if name in ("span-corruption", "text-infilling") else 1,
        seed=settings.seed,
        sources=split_source(corpus, settings.source_language)[1] if name == "translation" else None,
    )


def evaluate(
    checkpoint: Checkpoint,
    corpus: Corpus,
    documents: Mapping[str, Sequence[Document]],
    settings: EvaluationSettings,
    folder: Path,
    *,
    objective: Objective | None = None,
    plan: Mapping[str, Any] | None = None,
    phase: str = "quality",
    ranks: Ranks | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluation:
    """Measure what the documents of each language cost a model, in bits.

    Args:
        checkpoint: the model.
        corpus: where the documents are from.
        documents: language → what is read.
        settings: see `EvaluationSettings`.
        folder: for what is finished; if it holds what an interrupted run with the same settings, text and weights has
            finished, that is not computed again.
        objective: the loss; None: the checkpoint's own, see `evaluation_objective`.
        plan: what else results depend on.
        phase: what is being done, for `progress`.
        ranks: the processes that share the work.
        progress: called after each chunk.

    Raises:
        InputError: `folder` is of another run, windows leave no room for text, or the model wants to be told the
            language and does not know one of these.
        RunError: a text holds a token that the model does not know, or memory does not suffice.
    """
    ranks = ranks if ranks is not None else Ranks()
    require_told(checkpoint.model, list(documents))
    objective = objective if objective is not None else evaluation_objective(checkpoint, settings, corpus)
    documents = {language: own for language, own in documents.items() if language != settings.source_language}
    encoded = {
        language: [encode_document(document, language, checkpoint, objective, settings) for document in own]
        for language, own in documents.items()
    }
    whole = {
        "kind": "evaluation",
        "documents": settings.documents,
        "max_length": objective.max_length,
        "stride": settings.stride,
        "mask_passes": settings.mask_passes,
        "whole_word": settings.whole_word,
        "seed": settings.seed,
        "source_language": settings.source_language,
        **(plan or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    ranks.require_shared(folder)
    batch_size = ranks.decide(
        lambda: claim(model_facts(checkpoint, objective.name), corpus, whole, settings.batch_size, folder)
    )
    model = checkpoint.model
    device = next(model.parameters()).device
    microbatches = FittingMicrobatches(folder, Microbatches.for_device(batch_size, device.type), ranks.rank)
    chunks, members = _cut(encoded)
    training = model.training
    model.eval()
    try:
        path = ranks.decide(lambda: choose_forward_path(model, objective, chunks.values(), microbatches.now, folder))
        if path.alone:
            microbatches.one_by_one()
        work = partial(_read, model, on_path(objective, path, model), device)
        compute_missing(chunks, work, folder, microbatches, phase=phase, failed={}, ranks=ranks, progress=progress)
    finally:
        model.train(training)
    ranks.wait()
    languages = sorted({language for language, _ in chunks})
    quality = {
        language: _collect(language, own, chunks, members, folder, languages) for language, own in encoded.items()
    }
    memory = [*smaller_microbatches(folder), *alone_warnings(path.alone)]
    return Evaluation(quality, path, memory, objective.max_length, objective.name)


def _cut(
    encoded: Mapping[str, Sequence[Encoded]],
) -> tuple[dict[tuple[str, int], Chunk], dict[tuple[str, int], list[int]]]:
    """Documents in chunks that are read and written down together, and which documents each has.

    Chunk by chunk, so that a run which is stopped has seen every language.
    """
    members: dict[tuple[str, int], list[int]] = {}
    for language, own in encoded.items():
        slot = size = 0
        for index, document in enumerate(own):
            if not document.examples:
                continue
            members.setdefault((language, slot), []).append(index)
            size += sum(len(example.input_ids) for example in document.examples)
            if size >= _TOKENS_OF_A_CHUNK:
                slot, size = slot + 1, 0
    ordered = sorted(members, key=lambda key: (key[1], key[0]))
    chunks = {}
    for language, slot in ordered:
        own = [encoded[language][index] for index in members[language, slot]]
        examples = tuple(example for document in own for example in document.examples)
        chunks[language, slot] = Chunk(language, slot, examples, len(own), 0, 0)
    return chunks, members


def _read(
    model: Any, objective: Objective, device: torch.device, chunk: Chunk, cut: Microbatches
) -> tuple[ChunkRecord, dict[str, torch.Tensor]]:
    """What each example of a chunk costs, in nats."""
    nats = torch.zeros(len(chunk.examples), dtype=torch.float64)
    predictions = 0
    try:
        for rows in cut.plan([example_length(example) for example in chunk.examples]):
            batch = collate([chunk.examples[i] for i in rows], objective.pad_id, device)
            with torch.no_grad(), memory_errors(*batch.input_ids.shape):
                sums = objective.loss(model, batch)
            require_finite(sums, batch)
            nats[rows] = sums.per_document.double().cpu()
            predictions += sums.predictions
    except NonFiniteError as error:
        return failed_chunk(chunk, str(error))
    record = ChunkRecord(
        chunk.language,
        chunk.place,
        chunk.documents,
        predictions,
        sum(example.covered_bytes for example in chunk.examples),
        float(nats.sum()) / max(1, predictions),
    )
    return record, {"nats": nats}


def _collect(
    language: str,
    encoded: Sequence[Encoded],
    chunks: Mapping[tuple[str, int], Chunk],
    members: Mapping[tuple[str, int], Sequence[int]],
    folder: Path,
    languages: Sequence[str],
) -> Quality:
    bits = np.full(len(encoded), np.nan)
    failed = ""
    for key in chunks:
        if key[0] != language:
            continue
        path = chunk_path(folder, languages.index(language), key[1])
        if not path.exists() or (reason := read_record(path).failed):
            failed = failed or (reason if path.exists() else "not read, since another chunk failed")
            continue
        with safe_open(path, "pt") as file:
            nats = file.get_tensor("nats").numpy()
        position = 0
        for index in members[key]:
            count = len(encoded[index].examples)
            bits[index] = nats[position : position + count].sum() / math.log(2)
            position += count
    if not failed and not np.isfinite(bits).any():
        raise RunError(
            f"language {language!r}: in none of its {len(encoded)} documents is there a token to predict; give longer "
            "ones"
        )
    return Quality(
        encoded,
        np.full(len(encoded), np.nan) if failed else bits,
        np.array([document.bytes for document in encoded], dtype=np.float64),
        np.array([document.tokens for document in encoded], dtype=np.float64),
        failed,
    )
