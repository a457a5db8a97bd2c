"""The loss of a model that is told which language it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from interfere.checkpoint import Checkpoint
from interfere.corpus import Document
from interfere.errors import InputError
from interfere.experiment._spec import JobSpec
from interfere.objectives import (
    IGNORE,
    Batch,
    Example,
    LossSums,
    SameExamples,
    TokenObjective,
    logits_of,
    make_objective,
    token_loss,
)


@dataclass(frozen=True)
class LanguageSignal:
    """How a language looks to a model.

    Args:
        begin_id: the token that begins a sequence.
        type_id: its `token_type_ids`; None: the model is given none.
        shift: added to every other token's id.
    """

    begin_id: int
    type_id: int | None
    shift: int


@dataclass(frozen=True)
class LanguageObjective(SameExamples):
    """A `TokenObjective` in the way that the models of an experiment were trained.

    Examples hold the ids that the model reads, so their labels and the targets are the plain objective's; the language
    embedding comes with `inputs`.

    Args:
        plain: the objective without languages: `CausalLM` or `MaskedLM`.
        bos_id: the token that the tokenizer begins texts with.
        signals: name of a member → how it looks.
    """

    plain: TokenObjective
    bos_id: int
    signals: Mapping[str, LanguageSignal]

    def encode(self, document: Document, language: str) -> list[Example]:
        """The plain objective's examples, with ids as the model reads them in this language."""
        return [
            replace(
                example,
                input_ids=self.translate(language, example.input_ids),
                labels=self.translate(language, example.labels),
            )
            for example in self.plain.encode(document, language)
        ]

    def translate(self, language: str, ids: Sequence[int]) -> tuple[int, ...]:
        """Token ids of the tokenizer as a model reads them in a language; `IGNORE` stays as it is.

        Raises:
            InputError: the model was not trained on the language.
        """
        signal = self._signal(language)
        return tuple(
            each if each == IGNORE else signal.begin_id if each == self.bos_id else each + signal.shift for each in ids
        )

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over what the plain objective predicts."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with: the plain objective's inputs and the languages of the rows."""
        return self.plain.inputs(model, batch) | self._types(batch)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position predicts."""
        return self.plain.targets(batch)

    def _types(self, batch: Batch) -> dict[str, torch.Tensor]:
        types = [self._signal(example.language).type_id for example in batch.examples]
        known = [each for each in types if each is not None]
        if not known:
            return {}
        column = torch.tensor(known, dtype=torch.long, device=batch.input_ids.device)
        return {"token_type_ids": column[:, None].expand(batch.input_ids.shape)}

    def _signal(self, language: str) -> LanguageSignal:
        if language not in self.signals:
            raise InputError(f"the model was trained on {', '.join(self.signals)}, and not on {language!r}")
        return self.signals[language]


def language_objective(
    spec: JobSpec, checkpoint: Checkpoint, *, mask_passes: int = 1, seed: int = 0
) -> LanguageObjective:
    """The objective of a trained model, for held-out loss and for gradients.

    A document is read as in training: the language's first token, then at most `context` tokens.

    Args:
        spec: what the model was trained as.
        checkpoint: the model, final or of a moment in training.
        mask_passes: of an encoder: how many disjoint maskings of each document.
        seed: of the masks.
    """
    plain = make_objective(
        "auto",
        checkpoint,
        max_length=spec.context + 1,
        mask_passes=mask_passes,
        mask_rate=spec.mask_rate,
        seed=seed,
    )
    assert isinstance(plain, TokenObjective)
    return LanguageObjective(plain, spec.bos_id, signals_of(spec))


def signals_of(spec: JobSpec) -> dict[str, LanguageSignal]:
    """How each member of a mixture looks to its model."""
    return {member.name: LanguageSignal(member.begin_id, member.type_id, member.shift) for member in spec.members}
