"""A loss of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Document
from interfere.errors import InputError
from interfere.objectives._causal import encode_causal
from interfere.objectives._text import Tokenize
from interfere.objectives._types import Batch, Example, LossFunction, LossSums


@dataclass(frozen=True)
class CustomObjective:
    """A callable `(model, batch) → LossSums`, on plain tokenised text.

    The batch has the tokenizer's ids, padded on the right, and the same ids as labels, `IGNORE` where there is
    padding. The number of predictions of an example is an estimate, its tokens less one, which the engine uses to cut
    text into chunks; the callable returns the real number.

    Args:
        function: the callable.
        tokenize: document → tokens.
        pad_id: fills short rows.
        name: the callable's name.
        max_length: tokens that longer documents are cut to.
    """

    function: LossFunction
    tokenize: Tokenize
    pad_id: int
    name: str
    max_length: int

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example; none for a document of a single token."""
        return encode_causal(self.tokenize, document, language)

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """What the callable returns, once it is what it should be.

        Raises:
            `InputError` naming what is wrong with it.
        """
        return _checked(self.function(model, batch), self.name, len(batch.examples))


def _checked(sums: Any, name: str, rows: int) -> LossSums:
    def wrong(what: str) -> InputError:
        return InputError(f"objective {name!r} {what}; it is called with (model, batch) and returns a LossSums")

    if not isinstance(sums, LossSums):
        raise wrong(f"returned a {type(sums).__name__}")
    total, per_document = sums.total, sums.per_document
    if not isinstance(total, torch.Tensor) or total.ndim != 0:
        raise wrong("returned a total that is not a scalar tensor")
    if not total.requires_grad and torch.is_grad_enabled():
        raise wrong("returned a total without a graph, so it has no gradient")
    if isinstance(sums.predictions, bool) or not isinstance(sums.predictions, int) or sums.predictions < 0:
        raise wrong(f"returned {sums.predictions!r} predictions, which is not a number of them")
    if not isinstance(per_document, torch.Tensor) or tuple(per_document.shape) != (rows,):
        raise wrong(f"returned per_document of another shape than ({rows},), one number a row")
    if per_document.requires_grad:
        raise wrong("returned per_document with a graph; detach it")
    return sums
