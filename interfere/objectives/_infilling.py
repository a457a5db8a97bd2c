"""Text infilling, as BART and mBART are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Document
from interfere.objectives._decoder import seq2seq_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._order import document_random
from interfere.objectives._spans import disjoint_passes
from interfere.objectives._text import TokenizeLanguage
from interfere.objectives._types import Batch, Example, LossSums


@dataclass(frozen=True)
class TextInfilling:
    """Give back a text of which spans were hidden (Lewis et al. 2020, https://arxiv.org/abs/1910.13461, §2.2).

    Spans are chosen as `SpanCorruption` chooses them. In the input each is replaced by one mask token, whatever its
    length; the target is the whole text. Spans of no tokens, which training has too, are left out, and sentences stay
    in their order. Where the tokenizer has language codes, both have that of the document's language.

    Args:
        tokenize: document and its language → tokens.
        pad_id: fills short rows.
        mask_id: the mask token.
        max_length: tokens that longer documents are cut to.
        rate: share of the tokens that one pass hides; at least one token is.
        passes: how many disjoint sets of spans.
        seed: of the spans, together with the hash of the text.
    """

    tokenize: TokenizeLanguage
    pad_id: int
    mask_id: int
    max_length: int
    rate: float = 0.15
    passes: int = 1
    seed: int = 0
    name: str = "text-infilling"

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example a pass; none for a document of fewer than two tokens."""
        tokens = self.tokenize(document, language)
        if len(tokens.content) < 2:
            return []
        first, last = tokens.content[0], tokens.content[-1] + 1
        text, before, after = tokens.ids[first:last], tokens.ids[:first], tokens.ids[last:]
        source = document_random(document, self.seed, self.name)
        return [
            Example(
                document=document,
                language=language,
                input_ids=(*before, *self.hide(text, taken), *after),
                labels=tokens.ids,
                predictions=len(tokens.ids),
                covered_bytes=tokens.covered_bytes,
                cut=tokens.cut,
            )
            for taken in disjoint_passes(len(text), source, rate=self.rate, passes=self.passes)
        ]

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over the whole text, the special tokens around it included."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""
        return seq2seq_inputs(model, batch)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position of the decoder predicts."""
        return batch.labels

    def hide(self, text: Sequence[int], taken: set[int]) -> list[int]:
        """A text with one mask token for each run of positions that are taken out."""
        out = []
        for position, token in enumerate(text):
            if position not in taken:
                out.append(token)
            elif position - 1 not in taken:
                out.append(self.mask_id)
        return out
