"""Scores of chunks, one file each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from interfere.checkpoint import Expert
from interfere.engine import (
    SEEN_KEY,
    TOLERANCES,
    Chunk,
    ChunkRecord,
    Microbatches,
    NonFiniteError,
    SeenExperts,
    example_length,
    failed_chunk,
    hardest_examples,
    memory_errors,
    place_of,
    require_finite,
    write_json,
)
from interfere.errors import RunError
from interfere.importance._batched import Batched
from interfere.importance._index import UnitIndex
from interfere.importance._scores import ForwardOnly, OneByOne, RowScores, Scorer
from interfere.objectives import Batch, Objective, UnlikeOthersError, collate

_LOW_PRECISION = 5e-2


@dataclass(frozen=True)
class ScoringPath:
    """How a run comes to the gradients of single documents.

    Args:
        name: `batched`, or `one by one`.
        reason: why it is one by one; "" where it is not.
    """

    name: str
    reason: str = ""


@contextmanager
def _unchanged(parameters: Mapping[str, torch.nn.Parameter]) -> Iterator[None]:
    flags = {name: parameter.requires_grad for name, parameter in parameters.items()}
    try:
        yield
    finally:
        for name, parameter in parameters.items():
            parameter.requires_grad_(flags[name])


def choose_scoring(
    model: Any,
    objective: Objective,
    index: UnitIndex,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Iterable[Chunk],
    microbatches: Microbatches,
    folder: Path,
) -> ScoringPath:
    """Compare scores from a batch with those from one document at a time, on the longest text and the most padded one.

    Args:
        model: in eval mode.
        objective: the loss.
        index: the units.
        parameters: by name: the model's body.
        chunks: what will be read.
        microbatches: how chunks are cut.
        folder: where the choice is kept, so that a resumed run computes as it did before.
    """
    file = folder / "scoring.json"
    if file.exists():
        return ScoringPath(**json.loads(file.read_text(encoding="utf-8")))
    with _unchanged(parameters):
        path = _compare(model, objective, index, parameters, chunks, microbatches)
    write_json(file, asdict(path))
    return path


def _compare(
    model: Any,
    objective: Objective,
    index: UnitIndex,
    parameters: Mapping[str, torch.nn.Parameter],
    chunks: Iterable[Chunk],
    microbatches: Microbatches,
) -> ScoringPath:
    device = next(iter(parameters.values())).device
    dtype = next(iter(parameters.values())).dtype
    tolerance = TOLERANCES[dtype][1] if dtype in TOLERANCES else _LOW_PRECISION
    examples = [example for example, _ in hardest_examples(chunks, microbatches).values()]
    # Two at least: what mixes documents up shows only where there are several.
    batch = collate((examples * 2)[:2], objective.pad_id, device)
    try:
        _, together = Batched(model, index, parameters).score(objective, batch)
        for row, example in enumerate(batch.examples):
            alone = collate([example], objective.pad_id, device)
            _, expected = OneByOne(model, index, parameters).score(objective, alone)
            for name, own, right in (
                ("squared gradients", together.squares[row], expected.squares[0]),
                ("slopes", together.slopes[row], expected.slopes[0]),
            ):
                apart = float((own - right).norm() / right.norm()) if bool(right.any()) else float(own.norm())
                if not apart <= tolerance:
                    return ScoringPath(
                        "one by one", f"{name} of documents in a batch are off by {apart:.2g} of those of one alone"
                    )
    except UnlikeOthersError as error:
        return ScoringPath("one by one", str(error))
    except (torch.OutOfMemoryError, MemoryError):
        return ScoringPath("one by one", "memory did not suffice for two documents at once")
    except Exception as error:
        return ScoringPath("one by one", f"the model's code raised {type(error).__name__} on documents in a batch")
    return ScoringPath("batched")


def scorer_of(
    path: ScoringPath,
    methods: Sequence[str],
    model: Any,
    index: UnitIndex,
    parameters: Mapping[str, torch.nn.Parameter],
) -> Scorer:
    """The way to scores that was chosen, as far as the methods need it."""
    if not {"fisher", "taylor"} & set(methods):
        return ForwardOnly(model, index, path.name == "one by one")
    return (Batched if path.name == "batched" else OneByOne)(model, index, parameters)


def score_chunk(
    scorer: Scorer,
    objective: Objective,
    index: UnitIndex,
    device: torch.device,
    chunk: Chunk,
    cut: Microbatches,
    experts: Sequence[Expert] = (),
) -> tuple[ChunkRecord, dict[str, torch.Tensor]]:
    """The scores of all units on one chunk, averaged over its documents; why it has none where it has none.

    Of `experts` it is noted which the chunk reached, where the scorer sees whole gradients.
    """
    seen = SeenExperts(experts) if experts and isinstance(scorer, OneByOne) else None
    if isinstance(scorer, OneByOne):
        scorer = replace(scorer, seen=seen)
    cut = Microbatches(1) if scorer.one_by_one else cut
    whole = {name: torch.zeros(len(index), dtype=torch.float64) for name in ("fisher", "taylor", "active", "tokens")}
    loss, predictions = 0.0, 0
    try:
        for rows in cut.plan([example_length(example) for example in chunk.examples]):
            batch = collate([chunk.examples[i] for i in rows], objective.pad_id, device)
            with memory_errors(*batch.input_ids.shape):
                sums, found = scorer.score(objective, batch)
            require_finite(sums, batch)
            _add(whole, found, batch)
            loss += float(sums.per_document.double().sum())
            predictions += sums.predictions
    except NonFiniteError as error:
        return failed_chunk(chunk, str(error))
    except UnlikeOthersError as error:
        raise RunError(f"{chunk.name}: {error}; give --batch-size 1") from error
    count = len(chunk.examples)
    tensors = {
        "fisher": whole["fisher"] / count,
        "taylor": whole["taylor"] / count,
        "activation": whole["active"] / whole["tokens"].where(whole["tokens"] > 0, torch.nan),
    }
    if seen is not None:
        tensors[SEEN_KEY] = torch.from_numpy(seen.mask())
    facts = (chunk.documents, predictions, chunk.covered_bytes, loss / predictions)
    return ChunkRecord(chunk.language, chunk.place, *facts), tensors


def _add(whole: dict[str, torch.Tensor], found: RowScores, batch: Batch) -> None:
    """Add a batch's scores, each row's of its mean loss."""
    predictions = torch.tensor([e.predictions for e in batch.examples], dtype=torch.float64)[:, None]
    fisher = found.squares.cpu() / predictions**2
    taylor = found.slopes.cpu().abs() / predictions
    finite = torch.isfinite(fisher).all(1) & torch.isfinite(taylor).all(1)
    if not bool(finite.all()):
        first = batch.examples[int((~finite).nonzero()[0, 0])]
        raise NonFiniteError(f"gradient not finite ({place_of(first)})")
    whole["fisher"] += fisher.sum(0)
    whole["taylor"] += taylor.sum(0)
    whole["active"] += found.active.cpu()
    whole["tokens"] += found.tokens.cpu()


def read_scores(paths: Sequence[Path | None], method: str, units: int) -> NDArray[np.float64]:
    """Scores of N chunks: shape (N, units), NaN where a chunk is missing."""
    out = np.full((len(paths), units), np.nan)
    for row, path in enumerate(paths):
        if path is not None:
            with safe_open(path, "pt") as file:
                out[row] = file.get_tensor(method).numpy()
    return out


def blank_unseen(
    scores: Mapping[str, NDArray[np.float64]],
    index: UnitIndex,
    experts: Sequence[Expert],
    seen: NDArray[np.bool_],
) -> None:
    """Take away the scores of experts' tensors for chunks that did not reach them: there a 0 is no measurement.

    A tensor that several experts share, one below the other, is scored as a whole and stays.

    Args:
        scores: method → shape (L, K, units), changed in place.
        index: the units.
        experts: E experts.
        seen: shape (E, L, K).
    """
    sizes = {tensor.name: tensor.parameters for tensor in index.units.tensors}
    for expert, reached in zip(experts, seen, strict=True):
        places = [index.tensors[name] for name, span in expert.spans.items() if span == (0, sizes[name])]
        for method in {"fisher", "taylor"} & set(scores):
            for place in places:
                scores[method][..., place][~reached] = np.nan
