"""The batches of a language: the same in every model of a seed, whatever else is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from interfere.experiment._random import uniforms
from interfere.experiment._spec import JobSpec, Member
from interfere.objectives import IGNORE

_UPDATES_AT_ONCE = 64


@dataclass(frozen=True)
class Rows:
    """A language's sequences of one update.

    Args:
        input_ids: int64, shape (rows, positions). Each row begins with the language's first token.
        targets: int64, of that shape: what each position predicts, `IGNORE` where nothing.
        predictions: how many targets there are.
    """

    input_ids: torch.Tensor
    targets: torch.Tensor
    predictions: int


def member_batches(spec: JobSpec, member: Member, first: int = 0) -> Iterator[Rows]:
    """The batches of a language, one an update that it takes part in.

    A row is the token that begins a sequence, and `context` tokens from a random place of the training text. A decoder
    reads all of them but the last and predicts all of them; an encoder reads all with `mask_rate` of the tokens
    masked, and predicts those. Places and masks depend on (seed, member's name, number of the update) alone.

    Args:
        spec: the model.
        member: one of its languages.
        first: the number of the member's update to begin at.

    Returns:
        An endless iterator.
    """
    ids = np.load(member.tokens, mmap_mode="r")
    block, skipped = divmod(first, _UPDATES_AT_ONCE)
    while True:
        yield from _block(spec, member, ids, block)[skipped:]
        block, skipped = block + 1, 0


def _block(spec: JobSpec, member: Member, ids: NDArray[np.integer], block: int) -> list[Rows]:
    """The batches of several updates, which are cheaper to make together."""
    count, width = _UPDATES_AT_ONCE * spec.batch_size, spec.context
    places = uniforms(spec.seed, member.name, "places", block, count) * (member.stop - member.start - width + 1)
    first = member.start + places.astype(np.int64)
    text = ids[first[:, None] + np.arange(width)].astype(np.int64)
    begins = text == spec.bos_id
    rows = np.empty((count, width + 1), dtype=np.int64)
    rows[:, 0] = member.begin_id
    rows[:, 1:] = np.where(begins, member.begin_id, text + member.shift)
    if spec.architecture == "decoder":
        inputs, targets = rows[:, :-1], rows[:, 1:]
    else:
        chosen = _masked(spec, member, block, begins)
        inputs, targets = np.where(chosen, spec.mask_id + member.shift, rows), np.where(chosen, rows, IGNORE)
    shape = (_UPDATES_AT_ONCE, spec.batch_size, -1)
    predictions = (targets.reshape(shape) != IGNORE).sum(axis=(1, 2)).tolist()
    both = (torch.from_numpy(np.ascontiguousarray(each).reshape(shape)) for each in (inputs, targets))
    return [Rows(*each) for each in zip(*both, predictions, strict=True)]


def _masked(spec: JobSpec, member: Member, block: int, begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which positions an encoder has masked, shape (rows, context + 1): as many in each row, and no special token."""
    draws = uniforms(spec.seed, member.name, "masks", block, begins.size).reshape(begins.shape)
    size = max(1, round(spec.mask_rate * spec.context))
    # Tokens that begin a document come last, and are reached in no text but one of empty documents.
    order = np.argsort(np.where(begins, draws + 1, draws), axis=1)
    chosen = np.zeros((len(begins), spec.context + 1), dtype=bool)
    np.put_along_axis(chosen[:, 1:], order[:, :size], True, axis=1)
    chosen[:, 1:] &= ~begins
    return chosen
