"""Span corruption, as T5 and its kind are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch

from interfere.corpus import Document
from interfere.objectives._decoder import seq2seq_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._order import document_random, shuffled
from interfere.objectives._text import Tokenize
from interfere.objectives._types import Batch, Example, LossSums

MEAN_SPAN = 3
"""Mean length of a span, in tokens, before neighbours are joined."""


@dataclass(frozen=True)
class SpanCorruption:
    """Predict spans that were taken out of the text (Raffel et al. 2020, https://arxiv.org/abs/1910.10683, §3.1.4).

    The text is cut into cells of 1 to 5 tokens, 3 on average, and their order is shuffled. A pass takes cells in that
    order until it has `rate` of the tokens, leaving for later those that touch one it has, as long as there are
    others; cells that touch nevertheless become one span. No token is taken in two passes, and a pass for which
    nothing is left gives no example. In the input each span is replaced by a sentinel; the target is each sentinel
    followed by its span, then, if the text goes on, the next sentinel. What the tokenizer puts after a text (the end
    token) ends both.

    Args:
        tokenize: document → tokens.
        pad_id: fills short rows.
        sentinels: ids of `<extra_id_0>`, `<extra_id_1>`, …
        eos_id: ends the target.
        max_length: tokens that longer documents are cut to, before corruption.
        rate: share of the tokens that one pass takes out; at least one token is.
        passes: how many disjoint corruptions of a document.
        seed: of the spans, together with the hash of the text.
    """

    tokenize: Tokenize
    pad_id: int
    sentinels: tuple[int, ...]
    eos_id: int
    max_length: int
    rate: float = 0.15
    passes: int = 1
    seed: int = 0
    name: str = "span-corruption"

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example a pass; none for a document of fewer than two tokens."""
        tokens = self.tokenize(document)
        text = [tokens.ids[position] for position in tokens.content]
        if len(text) < 2:
            return []
        before = tokens.ids[: tokens.content[0]]
        after = tokens.ids[tokens.content[-1] + 1 :]
        after = after if after and after[-1] == self.eos_id else (*after, self.eos_id)
        examples = []
        for taken in self.passes_over(len(text), document_random(document, self.seed, self.name)):
            inputs, targets = self.corrupt(text, taken)
            examples.append(
                Example(
                    document=document,
                    language=language,
                    input_ids=(*before, *inputs, *after),
                    labels=(*targets, self.eos_id),
                    predictions=len(targets) + 1,
                    covered_bytes=tokens.covered_bytes,
                    cut=tokens.cut,
                )
            )
        return examples

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over the targets, sentinels and end token included."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""
        return seq2seq_inputs(model, batch)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position of the decoder predicts."""
        return batch.labels

    def passes_over(self, length: int, source: Random) -> list[set[int]]:
        """Disjoint sets of positions of a text that are taken out of it, one set a pass.

        Args:
            length: tokens of the text, at least 2.
            source: of random numbers.
        """
        return disjoint_passes(length, source, rate=self.rate, passes=self.passes, most=len(self.sentinels) - 1)

    def corrupt(self, text: Sequence[int], taken: set[int]) -> tuple[list[int], list[int]]:
        """The input and the target of a text, without end tokens.

        Args:
            text: token ids.
            taken: positions that are taken out.
        """
        inputs: list[int] = []
        targets: list[int] = []
        spans = 0
        for position, token in enumerate(text):
            if position not in taken:
                inputs.append(token)
                continue
            if position - 1 not in taken:
                inputs.append(self.sentinels[spans])
                targets.append(self.sentinels[spans])
                spans += 1
            targets.append(token)
        if len(text) - 1 not in taken:
            targets.append(self.sentinels[spans])
        return inputs, targets


def disjoint_passes(
    length: int, source: Random, *, rate: float, passes: int, most: int | None = None
) -> list[set[int]]:
    """Disjoint sets of positions, in spans of 3 on average, one set a pass; fewer where nothing is left.

    Args:
        length: tokens of the text, at least 2.
        source: of random numbers.
        rate: share of the tokens of a set.
        passes: how many sets.
        most: spans of a set; None: any number.
    """
    cells = _cells(length, source)
    waiting = shuffled(len(cells), source)
    wanted = min(max(1, round(rate * length)), length - 1)
    found = []
    for _ in range(passes):
        taken: set[int] = set()
        used: set[int] = set()
        apart = list(waiting)
        for touching in (False, True):
            for index in apart:
                if len(taken) >= wanted or (most is not None and len(used) >= most):
                    break
                if index not in used and (touching or not {index - 1, index + 1} & used):
                    used.add(index)
                    taken.update(cells[index][: wanted - len(taken)])
        if not taken:
            break
        waiting = [index for index in waiting if index not in used]
        found.append(taken)
    return found


def _cells(length: int, source: Random) -> list[list[int]]:
    """Cut positions 0 to length − 1 into runs of 1 to 2·MEAN_SPAN − 1."""
    cells = []
    start = 0
    while start < length:
        end = min(length, start + 1 + int(source.random() * (2 * MEAN_SPAN - 1)))
        cells.append(list(range(start, end)))
        start = end
    return cells
