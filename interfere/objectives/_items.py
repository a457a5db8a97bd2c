"""From items to token ids, with the position at which each word is labelled."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from interfere.corpus._items import Item
from interfere.errors import RunError
from interfere.settings._tasks import LabelledSubword, Task


@dataclass(frozen=True)
class Encoded:
    """An item as a model reads it.

    Args:
        ids: token ids, with the special tokens that the tokenizer puts around a text.
        positions: for each word of a sentence the position of the token that bears its label; None where it has none,
            because it was cut off or because the tokenizer gives it no token of its own. Empty in text classification.
        cut: whether the item was longer than the model reads.
    """

    ids: tuple[int, ...]
    positions: tuple[int | None, ...]
    cut: bool

    @property
    def unread(self) -> int:
        """Words without a token."""
        return sum(position is None for position in self.positions)


def encode(
    item: Item,
    task: Task,
    tokenizer: Any,
    *,
    max_length: int,
    subword: LabelledSubword,
    pad_id: int,
    rows: int | None,
    by_word: bool = False,
) -> Encoded:
    """Turn an item into tokens.

    The words of a sentence are joined by spaces and read as text, so that they are cut into the subwords that the
    model was trained on; which word a token belongs to is told by its place in the text. Or the tokenizer is given the
    words, and tells itself which tokens are whose: so do nearly all who train a model to label words, and a model that
    is done with that has to be read in the same way. The two differ where a space is a token of its own, and in
    tokenizers that mark words by the space before them and are given none.

    Args:
        item: a text or a sentence.
        task: which of the two.
        tokenizer: of the model; for sentences one that tells the place of its tokens (a fast one).
        max_length: tokens that are read, special ones included; more are cut off at the end of the text.
        subword: the token of a word that bears its label.
        pad_id: what stands for an item without any token.
        rows: how many tokens the model has an embedding for, None where that is not known.
        by_word: whether the tokenizer is given the words of a sentence; one that refuses them is given the text.

    Raises:
        RunError: the text holds a token that the model does not know.
    """
    sentence = task == "token-classification"
    encoded = None
    if sentence and by_word:
        # A byte-level tokenizer may refuse words without `add_prefix_space`.
        with suppress(AssertionError, ValueError, NotImplementedError):
            encoded = _call(tokenizer, list(item.words), is_split_into_words=True)
    told = encoded is not None
    if encoded is None:
        encoded = _call(tokenizer, " ".join(item.words), return_offsets_mapping=sentence)
    ids = [int(index) for index in encoded["input_ids"]]
    special = [bool(flag) for flag in encoded["special_tokens_mask"]]
    if rows is not None and ids and max(ids) >= rows:
        token = tokenizer.convert_ids_to_tokens(max(ids))
        raise RunError(f"line {item.line}: the tokenizer has the token {token!r} and the model does not")
    positions: list[int | None] = []
    if told:
        positions = _own_positions(encoded.word_ids(), special, len(item.words), subword)
    elif sentence:
        offsets = [
            (0, 0) if flag else tuple(place) for place, flag in zip(encoded["offset_mapping"], special, strict=True)
        ]
        positions = word_positions(item.words, offsets, subword)
    cut = len(ids) > max_length
    if cut:
        # Cut here and not by the tokenizer, which may be set to cut on the left. Special tokens at the end stay.
        content = [position for position, flag in enumerate(special) if not flag]
        tail = ids[content[-1] + 1 :] if content else []
        end = max_length - len(tail)
        ids = ids[:end] + tail
        positions = [None if at is None or at >= end else at for at in positions]
    return Encoded(tuple(ids) or (pad_id,), tuple(positions), cut)


def _call(tokenizer: Any, text: str | list[str], **options: bool) -> Any:
    return tokenizer(
        text,
        add_special_tokens=True,
        truncation=False,
        padding=False,
        return_special_tokens_mask=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
        **options,
    )


def _own_positions(
    owners: Sequence[int | None], special: Sequence[bool], words: int, subword: LabelledSubword
) -> list[int | None]:
    """The first or last token of each word, as the tokenizer tells whose each token is."""
    out: list[int | None] = [None] * words
    for position, (owner, flag) in enumerate(zip(owners, special, strict=True)):
        if owner is not None and not flag and (subword == "last" or out[owner] is None):
            out[owner] = position
    return out


def word_positions(
    words: Sequence[str], offsets: Sequence[tuple[int, int]], subword: LabelledSubword
) -> list[int | None]:
    """The token that bears the label of each word, of words that are joined by single spaces.

    A token that reaches over two words is of one of them, the one that comes to it first.

    Args:
        words: the words.
        offsets: where each token begins and ends in the text; equal where it has no place there.
        subword: whether the first or the last token of a word bears its label.
    """
    starts, ends, at = [], [], 0
    for word in words:
        starts.append(at)
        ends.append(at + len(word))
        at += len(word) + 1
    out: list[int | None] = [None] * len(words)
    order = range(len(offsets)) if subword == "first" else range(len(offsets) - 1, -1, -1)
    for position in order:
        start, end = offsets[position]
        if start >= end:
            continue
        # Words that end after the token's start, and start before its end.
        overlapping = range(bisect_right(ends, start), bisect_left(starts, end))
        for index in overlapping if subword == "first" else reversed(overlapping):
            if out[index] is None:
                out[index] = position
                break
    return out
