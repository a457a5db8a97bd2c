"""What a trained model makes of held-out text, at every moment of its training that was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interfere.checkpoint import load_checkpoint
from interfere.checkpoint._quiet import quiet
from interfere.corpus import Corpus, Document
from interfere.engine import write_json
from interfere.errors import InputError, RunError
from interfere.evaluation import evaluate
from interfere.experiment._language_objective import LanguageObjective, language_objective
from interfere.experiment._run_job import model_folders, own_threads
from interfere.experiment._spec import JobSpec
from interfere.gradients import analyze_gradients
from interfere.settings import EvaluationSettings, GradientSettings

CONFLICT_COLUMNS = (
    "a",
    "b",
    "group",
    "cosine",
    "corrected",
    "ci_low",
    "ci_high",
    "verdict",
    "transfer_ab",
    "transfer_ba",
)
SELF_COLUMNS = ("language", "group", "self_similarity", "ci_low", "ci_high", "norm")


@dataclass(frozen=True)
class MeasureSpec:
    """A model, and what is measured of it.

    Args:
        job: the model.
        held_out: a file of `write_documents`: what bits per byte are of.
        trained_on: another one: the training text that gradients are of, in pieces that a model reads at once.
        folder: where what is found goes.
        mask_passes: of an encoder.
        chunks: slots of the gradient analysis; 0: no gradients are looked at.
        tokens_per_chunk: predicted tokens of a slot and language.
        seed: of masks and of the deal.
    """

    job: JobSpec
    held_out: str
    trained_on: str
    folder: str
    mask_passes: int
    chunks: int
    tokens_per_chunk: int
    seed: int


@dataclass(frozen=True)
class Measures:
    """What was found of one model.

    Args:
        bits: (update, language) → shape (3, documents): bits, bytes and predicted tokens of each held-out document.
        conflict: rows of `CONFLICT_COLUMNS` with the update that they are of.
        own: rows of `SELF_COLUMNS` likewise.
    """

    bits: Mapping[tuple[int, str], NDArray[np.float64]]
    conflict: pd.DataFrame
    own: pd.DataFrame


def write_documents(path: Path, documents: Mapping[str, Sequence[Document]]) -> None:
    """Write held-out documents for other processes to read."""
    write_json(path, {language: [asdict(document) for document in own] for language, own in documents.items()})


def read_documents(path: str | Path) -> Corpus:
    """What `write_documents` wrote."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    return Corpus({language: tuple(Document(**each) for each in own) for language, own in document.items()})


def measure_model(spec: MeasureSpec) -> Path:
    """Measure a trained model; can be pickled, for pools of processes and clusters.

    Args:
        spec: what to measure. What an earlier call has finished is not measured again.

    Returns:
        The file that `read_measures` reads.

    Raises:
        InputError: the folder has what was measured with other text or settings.
        RunError: the model cannot be loaded, or has no finite loss on some language.
    """
    out = Path(spec.folder)
    done = out / "measures.json"
    asked = {
        "documents": _sha256(spec.held_out),
        "conflict documents": _sha256(spec.trained_on) if spec.chunks else "",
        "mask_passes": spec.mask_passes,
        "conflict_chunks": spec.chunks,
        "conflict_tokens": spec.tokens_per_chunk,
        "seed": spec.seed,
    }
    if done.is_file():
        before = json.loads(done.read_text(encoding="utf-8"))["asked"]
        if changed := [name for name, value in asked.items() if before.get(name) != value]:
            raise InputError(
                f"{out} has what was measured with another {', '.join(changed)}; give what it was started with, or "
                "another --output-dir"
            )
        return done
    out.mkdir(parents=True, exist_ok=True)
    corpus = read_documents(spec.held_out)
    languages = dict.fromkeys(member.language for member in spec.job.members)
    documents = {language: corpus.documents[language] for language in languages}
    bits: dict[str, list[list[float]]] = {}
    conflict: list[pd.DataFrame] = []
    own: list[pd.DataFrame] = []
    with own_threads(spec.job.threads), quiet():
        for update, folder in model_folders(spec.job).items():
            checkpoint = load_checkpoint(folder, device=spec.job.device)
            objective = language_objective(spec.job, checkpoint, seed=spec.seed)
            work = out / f"update-{update}"
            settings = EvaluationSettings(documents=None, mask_passes=spec.mask_passes, seed=spec.seed)
            found = evaluate(checkpoint, corpus, documents, settings, work / "quality", objective=objective)
            for language, quality in found.quality.items():
                if quality.failed:
                    raise RunError(f"{spec.job.name} after {update} updates: {language}: {quality.failed}")
                table = [quality.bits, quality.bytes, quality.tokens]
                bits[f"{update} {language}"] = [np.nan_to_num(row, nan=-1.0).tolist() for row in table]
            if spec.chunks and len(spec.job.members) > 1:
                pairs, selves = _gradients(spec, checkpoint, objective, work / "gradients")
                conflict.append(pairs.assign(update=update))
                own.append(selves.assign(update=update))
    tables = {
        "conflict": pd.concat(conflict).to_dict("split", index=False) if conflict else None,
        "own": pd.concat(own).to_dict("split", index=False) if own else None,
    }
    write_json(done, _without_nan({"asked": asked, "bits": bits, **tables}))
    return done


def read_measures(path: str | Path) -> Measures:
    """What `measure_model` has found."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    bits = {}
    for key, rows in document["bits"].items():
        update, _, language = key.partition(" ")
        values = np.array(rows, dtype=np.float64)
        # JSON has no NaN; no document has a negative number of bits.
        bits[int(update), language] = np.where(values < 0, np.nan, values)
    return Measures(bits, _table(document["conflict"], CONFLICT_COLUMNS), _table(document["own"], SELF_COLUMNS))


def _sha256(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()


def _table(document: Mapping[str, Any] | None, columns: Sequence[str]) -> pd.DataFrame:
    if document is None:
        return pd.DataFrame(columns=[*columns, "update"])
    return pd.DataFrame(document["data"], columns=document["columns"])


def _gradients(
    spec: MeasureSpec, checkpoint: Any, objective: LanguageObjective, work: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conflict between the members of a mixture on text that they are trained on."""
    corpus = read_documents(spec.trained_on)
    members = {member.name: corpus.documents[member.language] for member in spec.job.members}
    settings = GradientSettings(
        chunks=spec.chunks,
        tokens_per_chunk=spec.tokens_per_chunk,
        max_length=objective.max_length,
        seed=spec.seed,
        gram="exact",
        memory_budget=1 << 40,
    )
    result = analyze_gradients(checkpoint, Corpus(members), objective, settings, workdir=work)
    return result.pairs[list(CONFLICT_COLUMNS)], result.self_similarity[list(SELF_COLUMNS)]


def cut_documents(documents: Sequence[Document], tokenizer: Any, size: int) -> list[Document]:
    """Documents cut to what a model reads at once, each piece once; those of one source stay together in a deal.

    Args:
        documents: of one language.
        tokenizer: the models'.
        size: tokens of a piece, without those that a tokenizer adds.
    """
    out: list[Document] = []
    seen: set[str] = set()
    for document in documents:
        encoded = tokenizer(
            document.text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        spans = encoded["offset_mapping"]
        source = document.source if document.source is not None else document.id or f"line {document.line}"
        begin = 0
        for first in range(0, len(spans), size):
            # A character that tokens share goes with the first of them.
            end = max(begin, spans[min(first + size, len(spans)) - 1][1])
            text = document.text[begin:end].strip()
            if text and text not in seen:
                seen.add(text)
                out.append(Document(text, len(out) + 1, id=f"{source} {first}", source=source))
            begin = end
    return out


def _without_nan(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return None
    return value
