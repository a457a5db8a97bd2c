"""Causal language modelling."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Document
from interfere.objectives._language import language_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._text import Tokenize
from interfere.objectives._types import IGNORE, Batch, Example, LossSums


@dataclass(frozen=True)
class CausalLM:
    """Predict each token from those before it.

    Only real tokens predict and are predicted: the first one of a row never is, and padding neither is nor predicts.
    The token ids are the tokenizer's own, with the special tokens that it adds.

    Args:
        tokenize: document → tokens.
        pad_id: fills short rows.
        max_length: tokens that longer documents are cut to.
    """

    tokenize: Tokenize
    pad_id: int
    max_length: int
    name: str = "causal-lm"

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example; none for a document of a single token."""
        return encode_causal(self.tokenize, document, language)

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over all tokens but the first of each row."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""
        tokens = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        return tokens | language_inputs(model, batch) | _order_inputs(model, batch.input_ids)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position predicts."""
        return next_tokens(batch.labels)


def _order_inputs(model: Any, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """The order from left to right, for a model that predicts in any order: without it, XLNet sees all tokens."""
    if "perm_mask" not in inspect.signature(model.forward).parameters:
        return {}
    size = ids.shape[1]
    hidden = torch.ones(size, size, device=ids.device).triu(1)
    return {"perm_mask": hidden.expand(len(ids), size, size)}


def encode_causal(tokenize: Tokenize, document: Document, language: str) -> list[Example]:
    """One example whose labels are its token ids; none for a document of a single token."""
    tokens = tokenize(document)
    if len(tokens.ids) < 2 or not tokens.content:
        return []
    return [
        Example(
            document=document,
            language=language,
            input_ids=tokens.ids,
            labels=tokens.ids,
            predictions=len(tokens.ids) - 1,
            covered_bytes=tokens.covered_bytes,
            cut=tokens.cut,
        )
    ]


def next_tokens(labels: torch.Tensor) -> torch.Tensor:
    """What each position predicts: the label to its right, and nothing at the right edge.

    Moving the labels rather than the logits spares a copy of the logits.
    """
    edge = torch.full_like(labels[:, :1], IGNORE)
    return torch.cat([labels[:, 1:], edge], dim=1)
