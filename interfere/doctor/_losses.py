"""Whether the loss is the model's own, what it is per language, and whether a causal model is one."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interfere.doctor._gaps import Reader
from interfere.doctor._types import Check
from interfere.engine import Microbatches, NonFiniteError, sum_gradients
from interfere.engine._work import square_norm
from interfere.objectives import Classification, Example, TokenObjective, logits_of

_OWN = {torch.float32: (1e-4, 1e-2), torch.float64: (1e-6, 1e-2)}
"""Relative differences of two losses from which on there is a warning, and a failure, by precision of the weights."""

_LOW_PRECISION = (1e-2, 5e-2)

GUESSING = 0.97
"""A model with at least this share of the loss of guessing every token alike does not know a language."""

_PEEKING = 1e-3


@dataclass(frozen=True)
class LanguageLosses:
    """What a few documents of each language say.

    Args:
        losses: language → mean loss of a prediction, in nats.
        failed: language → why it has no numbers.
        documents: how many documents of each were read.
    """

    losses: Mapping[str, float]
    failed: Mapping[str, str]
    documents: int


def read_languages(
    reader: Reader, examples: Mapping[str, Sequence[Example]], heard: Callable[[str], None]
) -> LanguageLosses:
    """Form loss and gradient of a few documents of each language, one by one.

    Args:
        reader: the model.
        examples: language → what is read.
        heard: called with each language that has been read.
    """
    losses: dict[str, float] = {}
    failed: dict[str, str] = {}
    for language, own in examples.items():
        total, predictions = 0.0, 0
        for example in own:
            squares: list[float] = []

            def take(_: str, gradient: torch.Tensor, squares: list[float] = squares) -> None:
                squares.append(square_norm(gradient))

            try:
                loss, count = sum_gradients(
                    reader.model, reader.objective, [example], reader.parameters, Microbatches(1), take
                )
            except NonFiniteError as error:
                failed[language] = str(error)
                break
            if not all(math.isfinite(square) for square in squares):
                failed[language] = f"gradient not finite (line {example.document.line})"
                break
            if not any(squares):
                failed[language] = f"gradient all zeros (line {example.document.line})"
                break
            total += loss
            predictions += count
        if language not in failed and predictions:
            losses[language] = total / predictions
        heard(language)
    return LanguageLosses(losses, failed, max((len(own) for own in examples.values()), default=0))


def language_loss_checks(found: LanguageLosses, guessing: float | None) -> Iterator[Check]:
    """Losses and gradients that are no numbers, and languages that the model does not know.

    Args:
        found: as read.
        guessing: the loss of guessing every token alike; None where the loss is not one of tokens.
    """
    if found.failed:
        listed = "; ".join(f"{language}: {why}" for language, why in list(found.failed.items())[:4])
        yield Check(
            "finite-gradients",
            "fail",
            f"{len(found.failed)} languages have no usable loss or gradient: {listed}. A run stops at such a language; "
            "try --dtype float32, and look at that document and at the weights.",
            float(len(found.failed)),
            languages=tuple(found.failed),
        )
    elif found.losses:
        yield Check(
            "finite-gradients", "ok", f"Losses and gradients of {found.documents} documents a language are finite.", 0.0
        )
    if guessing is None or not found.losses:
        return
    shares = {language: loss / guessing for language, loss in found.losses.items()}
    worst, most = max((share, language) for language, share in shares.items())
    unknown = tuple(language for language, share in shares.items() if share >= GUESSING)
    if not unknown:
        yield Check(
            "known-languages",
            "ok",
            f"The model predicts every language better than by guessing: at most {worst:.0%} of the loss of that "
            f"({most}; {guessing:.2f} nats).",
            worst,
            GUESSING,
        )
        return
    who = "any language" if len(unknown) == len(shares) and len(shares) > 1 else ", ".join(unknown)
    yield Check(
        "known-languages",
        "warn",
        f"The model does not predict {who} better than by guessing (loss up to {worst * guessing:.2f}; every choice "
        f"alike gives {guessing:.2f}): is it trained, and are tokenizer and objective its own? Gradients of what a "
        "model does not know say little about languages.",
        worst,
        GUESSING,
        unknown,
    )


def own_loss_check(reader: Reader, examples: Sequence[Example]) -> Check:
    """The objective's loss on a padded batch against the one that the model computes from labels itself."""
    name = "own-loss"
    objective = reader.plain
    if not isinstance(objective, TokenObjective | Classification):
        return Check(name, "ok", "The loss is one of your own; the model's is not asked for.")
    if "labels" not in inspect.signature(reader.model.forward).parameters:
        return Check(name, "ok", "The model computes no loss of its own from labels; there is nothing to compare.")
    batch = reader.batch(examples)
    with torch.no_grad():
        sums = reader.objective.loss(reader.model, batch)
        if isinstance(objective, Classification):
            of_texts = objective.name == "text-classification"
            with objective.inputs(reader.model, batch) as inputs:
                output = reader.model(**inputs, labels=batch.labels.squeeze(1) if of_texts else batch.labels)
        else:
            output = reader.model(**objective.inputs(reader.model, batch), labels=batch.labels)
    theirs = getattr(output, "loss", None)
    if theirs is None:
        return Check(name, "ok", "The model returns no loss of its own for labels; there is nothing to compare.")
    own, other = float(sums.total) / max(1, sums.predictions), float(theirs)
    value = abs(own - other) / max(abs(other), 1e-12)
    warn, fail = _OWN.get(next(iter(reader.parameters.values())).dtype, _LOW_PRECISION)
    text = f"Loss {own:.5g} and the model's own {other:.5g} on {len(examples)} documents in a padded batch"
    if value <= warn:
        return Check(name, "ok", f"{text} agree (within {value:.1e}).", value, fail)
    return Check(
        name,
        "fail" if not value <= fail else "warn",
        f"{text} differ by {value:.1e}. The model counts other positions, or adds a term (label smoothing, a router's "
        f"loss): make sure that {objective.name} is what it was trained with.",
        value,
        fail,
    )


def peeking_check(reader: Reader, examples: Sequence[Example], rows: int | None) -> Iterator[Check]:
    """Whether a causal model's predictions change with the token after them; no check for other objectives.

    Args:
        reader: the model.
        examples: documents, the shortest last.
        rows: tokens that the model knows.
    """
    if reader.plain.name != "causal-lm" or not isinstance(reader.plain, TokenObjective) or not rows or rows < 2:
        return
    example = next((each for each in reversed(examples) if len(each.input_ids) >= 3), None)
    if example is None:
        return
    inputs = reader.plain.inputs(reader.model, reader.batch([example]))
    changed = {**inputs, "input_ids": inputs["input_ids"].clone()}
    changed["input_ids"][:, -1] = (changed["input_ids"][:, -1] + 1) % rows
    with torch.no_grad():
        before, after = (_earlier(reader.model, each) for each in (inputs, changed))
    value = float((before - after).norm() / before.norm().clamp_min(1e-30))
    limit = _PEEKING if before.dtype == torch.float32 else 10 * _PEEKING
    if value <= limit:
        yield Check("causality", "ok", "No prediction changes when the token after it does.", value, limit)
        return
    yield Check(
        "causality",
        "fail",
        f"Predictions change by {value:.1e} when a later token does: the model sees what it is asked to predict. Its "
        "attention is not causal (is_decoder in its config?), or it is no causal language model.",
        value,
        limit,
    )


def _earlier(model: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return logits_of(model, **inputs)[:, :-1].float()
