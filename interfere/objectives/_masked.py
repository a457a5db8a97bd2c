"""Masked language modelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Document
from interfere.objectives._language import language_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._order import document_random, shuffled
from interfere.objectives._text import Tokenize
from interfere.objectives._types import IGNORE, Batch, Example, LossSums


@dataclass(frozen=True)
class MaskedLM:
    """Predict masked tokens (Devlin et al. 2019, https://arxiv.org/abs/1810.04805).

    Every chosen token is replaced by the mask token; the tenth that training leaves as it is and the tenth that it
    replaces by a random token are left out, since this is a measurement and they only add noise. Special tokens,
    unknown ones included, are never chosen. A random order of the others is cut into `passes` sets of the same size:
    the passes over one document mask disjoint sets, and a pass for which nothing is left gives no example.

    Args:
        tokenize: document → tokens.
        pad_id: fills short rows.
        mask_id: the mask token.
        special: token ids that are never masked.
        max_length: tokens that longer documents are cut to.
        rate: share of the tokens that one pass masks; at least one token is.
        passes: how many disjoint sets.
        seed: of the masks, together with the hash of the text.
    """

    tokenize: Tokenize
    pad_id: int
    mask_id: int
    special: frozenset[int]
    max_length: int
    rate: float = 0.15
    passes: int = 1
    seed: int = 0
    name: str = "masked-lm"

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example a pass; none for a document without a token that can be masked."""
        tokens = self.tokenize(document)
        maskable = [position for position in tokens.content if tokens.ids[position] not in self.special]
        if not maskable:
            return []
        size = max(1, round(self.rate * len(maskable)))
        order = shuffled(len(maskable), document_random(document, self.seed, self.name))
        examples = []
        for turn in range(self.passes):
            chosen = {maskable[index] for index in order[turn * size : (turn + 1) * size]}
            if not chosen:
                break
            pairs = list(enumerate(tokens.ids))
            examples.append(
                Example(
                    document=document,
                    language=language,
                    input_ids=tuple(self.mask_id if position in chosen else token for position, token in pairs),
                    labels=tuple(token if position in chosen else IGNORE for position, token in pairs),
                    predictions=len(chosen),
                    covered_bytes=tokens.covered_bytes,
                    cut=tokens.cut,
                )
            )
        return examples

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over the masked tokens."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""
        tokens = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        return tokens | language_inputs(model, batch)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position predicts."""
        return batch.labels
