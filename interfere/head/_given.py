"""Giving a checkpoint the head that it lacks, once for all sittings and processes of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from interfere.checkpoint import hash_weights
from interfere.engine import (
    Chunk,
    FittingMicrobatches,
    LossPath,
    Microbatches,
    Progress,
    ProgressCallback,
    choose_loss_path,
    example_length,
    memory_errors,
    on_path,
    only_gradients_of,
    write_tensors,
)
from interfere.head._text import held_out
from interfere.head._train import train_head
from interfere.objectives import Objective, collate
from interfere.ranks import Ranks
from interfere.runs import Reading
from interfere.settings import ReadingSettings

_FILE = "head.safetensors"
_JUDGED_SLOTS = 4
"""Slots on which the loss is measured before and after; a sweep of all would take half as long as the gradients."""


def give_head(
    reading: Reading,
    settings: ReadingSettings,
    folder: Path,
    ranks: Ranks,
    progress: ProgressCallback | None = None,
) -> Reading:
    """Train the head that a checkpoint lacks, or take the one that an earlier sitting has trained.

    The model is changed: its head has the new weights, and all others keep their bits.

    Args:
        reading: as prepared. One whose checkpoint has its head is returned as it is.
        settings: how the head is trained.
        folder: keeps it. Its file is there whole or not at all.
        ranks: the processes of the run, of which the first one trains.
        progress: called after each step with a `Progress`.

    Returns:
        The reading with what is recorded of the head.

    Raises:
        RunError: the training diverges, memory does not suffice, or there is no text to train on.
    """
    model, fresh = reading.checkpoint.model, reading.checkpoint.fresh
    if not fresh:
        return reading
    file = folder / _FILE
    ranks.decide(lambda: None if file.exists() else _train(reading, settings, folder, progress))
    with safe_open(file, "pt") as stored, torch.no_grad():
        facts: dict[str, Any] = json.loads(stored.metadata()["facts"])
        for name in fresh:
            model.get_parameter(name).copy_(stored.get_tensor(name))
    ranks.wait()
    return replace(reading, head=facts)


def head_warnings(reading: Reading) -> list[str]:
    """Sentences on a head that was trained here; none where the checkpoint brought its own."""
    facts = reading.head
    if facts is None:
        return []
    before, after = facts["loss_before"], facts["loss_after"]
    out = [
        f"The head was trained here, since the checkpoint has none for {reading.objective.name}: "
        f"{facts['parameters']:,} parameters, {facts['steps']:,} steps, on text that is not measured. On measured text "
        f"its loss went from {_mean(before):.2f} to {_mean(after):.2f} nats a prediction. What is measured is the "
        "model under this head: another head, or a longer training, may give other numbers."
    ]
    worse = [language for language in before if not after[language] < before[language]]
    if worse:
        out.append(
            f"The trained head predicts {', '.join(worse)} no better than the random one that it began as: it has "
            "learnt its training text and no more, or nothing. Give more text, or another --head-learning-rate."
        )
    return out


def _train(reading: Reading, settings: ReadingSettings, folder: Path, progress: ProgressCallback | None) -> None:
    model, fresh = reading.checkpoint.model, reading.checkpoint.fresh
    text = held_out(reading)
    own = folder / "head"
    own.mkdir(exist_ok=True)
    device = next(model.parameters()).device.type
    cut = FittingMicrobatches(own, Microbatches.for_device(None, device))
    start = {name: model.get_parameter(name).detach().clone() for name in fresh}
    with only_gradients_of(model, fresh) as parameters:
        path: LossPath = choose_loss_path(model, reading.objective, parameters, reading.chunks.values(), cut.now, own)
        objective = on_path(reading.objective, path, model)
        if path.alone:
            cut.one_by_one()
        judged = {
            language: [reading.chunks[language, slot] for slot in range(min(_JUDGED_SLOTS, reading.slots))]
            for language in reading.corpus.languages
        }
        before = cut.run("the head", lambda now: _losses(model, objective, judged, now))

        def train(now: Microbatches) -> Mapping[str, torch.Tensor]:
            # What a try that ran out of memory has changed is taken back.
            with torch.no_grad():
                for name, value in start.items():
                    parameters[name].copy_(value)
            return train_head(
                model,
                objective,
                parameters,
                text,
                now,
                steps=settings.head_steps,
                learning_rate=settings.head_learning_rate,
                seed=settings.seed,
                on_step=_reporter(progress, settings.head_steps),
            ).weights

        weights = cut.run("the head", train)
        after = cut.run("the head", lambda now: _losses(model, objective, judged, now))
    stored = {name: weights[name].to(start[name].dtype).cpu().contiguous() for name in fresh}
    others = [name for name, _ in model.named_parameters() if name not in set(fresh)]
    facts = {
        "steps": settings.head_steps,
        "learning_rate": settings.head_learning_rate,
        "seed": settings.seed,
        "parameters": sum(value.numel() for value in stored.values()),
        "tensors": list(fresh),
        "documents": {
            language: len({(e.document.line, e.document.content) for e in examples})
            for language, examples in text.items()
        },
        "loss_before": before,
        "loss_after": after,
        "sha256": hash_weights(model, without=others),
    }
    write_tensors(folder / _FILE, stored, {"facts": json.dumps(facts)})


def _losses(
    model: Any, objective: Objective, chunks: Mapping[str, Sequence[Chunk]], cut: Microbatches
) -> dict[str, float]:
    """Language → mean loss of a prediction, in nats."""
    device = next(model.parameters()).device
    out = {}
    for language, own in chunks.items():
        examples = [example for chunk in own for example in chunk.examples]
        total, predictions = 0.0, 0
        for rows in cut.plan([example_length(example) for example in examples]):
            batch = collate([examples[i] for i in rows], objective.pad_id, device)
            with torch.no_grad(), memory_errors(*batch.input_ids.shape):
                sums = objective.loss(model, batch)
            total += float(sums.per_document.double().sum())
            predictions += sums.predictions
        out[language] = total / predictions
    return out


def _reporter(progress: ProgressCallback | None, total: int) -> Any:
    if progress is None:
        return None
    return lambda step: progress(Progress("head", step, total, f"step {step} of {total}"))


def _mean(losses: Mapping[str, float]) -> float:
    return sum(losses.values()) / len(losses)
