"""What passes between texts, models and losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch

from interfere.corpus import Document

IGNORE = -100
"""The label of a position where nothing is predicted, as in PyTorch's cross-entropy."""


@dataclass(frozen=True)
class Example:
    """One sequence that the model reads, made from one document (and one masking pass).

    Args:
        document: where it comes from.
        language: the language that the document was filed under.
        input_ids: token ids, unpadded.
        labels: what is predicted, `IGNORE` where nothing is. Masked LM: of the length of `input_ids`. Causal LM: the
            token ids themselves (position t is predicted from those before t, so position 0 never is). Of an
            encoder-decoder: the decoder's targets, of a length of their own.
        predictions: how many predictions its loss sums.
        covered_bytes: UTF-8 bytes of the document that the model reads in this example.
        cut: whether the document was longer than `max_length` and was cut.
    """

    document: Document
    language: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    predictions: int
    covered_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class Batch:
    """Several examples, padded on the right.

    Args:
        examples: in the order of the rows.
        input_ids: shape (rows, longest input).
        attention_mask: shape (rows, longest input); 1 for tokens, 0 for padding.
        labels: shape (rows, longest labels); `IGNORE` for padding and where nothing is predicted.
    """

    examples: tuple[Example, ...]
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class LossSums:
    """Sums of a loss over a batch, in nats.

    Args:
        total: scalar with a graph behind it: the loss summed over all predictions of the batch.
        predictions: how many predictions that is.
        per_document: shape (rows,), detached: the same sum, row by row.
    """

    total: torch.Tensor
    predictions: int
    per_document: torch.Tensor


LossFunction = Callable[[Any, Batch], LossSums]
"""A loss of the user's own: (model, batch) → `LossSums`. It calls the model and never `backward`."""


class Objective(Protocol):
    """A loss, and how a text becomes what it is computed on."""

    @property
    def name(self) -> str:
        """One of `OBJECTIVES`, such as `masked-lm`, or the name of the user's callable."""

    @property
    def pad_id(self) -> int:
        """The token id that fills the right of short rows; hidden from the model by the attention mask."""

    @property
    def max_length(self) -> int:
        """The tokens that longer documents are cut to, special ones included."""

    def encode(self, document: Document, language: str) -> list[Example]:
        """The examples of one document, none if nothing in it can be predicted."""

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss of a batch, with a graph."""


class SameExamples:
    """What an objective has from another one, `plain`, where it differs from it in how the loss is computed."""

    plain: Objective

    @property
    def name(self) -> str:
        """As of the plain objective."""
        return self.plain.name

    @property
    def pad_id(self) -> int:
        """As of the plain objective."""
        return self.plain.pad_id

    @property
    def max_length(self) -> int:
        """As of the plain objective."""
        return self.plain.max_length

    def encode(self, document: Document, language: str) -> list[Example]:
        """As the plain objective does."""
        return self.plain.encode(document, language)


@runtime_checkable
class TokenObjective(Objective, Protocol):
    """An objective that is the cross-entropy of logits, so that only those that are asked for need be there."""

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""

    def targets(self, batch: Batch) -> torch.Tensor:
        """Shape (rows, positions): what the logits of each position predict, `IGNORE` where nothing."""
