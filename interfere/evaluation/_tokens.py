"""A whole text as a tokenizer sees it: its tokens, the bytes that they stand for, and what of it is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any

from interfere.checkpoint import Checkpoint, embedding_rows
from interfere.corpus import Document
from interfere.objectives import encode_text, require_known


@dataclass(frozen=True)
class TokenizedText:
    """A text, whatever its length, as token ids.

    Args:
        before: ids of the special tokens that the tokenizer puts before a text.
        ids: of the text itself.
        after: ids of the special tokens that it puts after a text.
        ends: shape (len(ids),): UTF-8 bytes of the text up to the end of each token, never falling; the last one is
            the whole text. A character that several tokens share ends with the first of them, except where the first
            two tokens share one: then all bytes are told apart.
        spans: (first, last + 1) character of each token; None where the tokenizer does not tell.
        unknown: how many of the tokens are the unknown one.
        lost_bytes: UTF-8 bytes of characters, white space aside, that do not come back when the tokens are decoded:
            dropped, unknown, or normalised into others.
        digest: of the tokens as strings.
    """

    before: tuple[int, ...]
    ids: tuple[int, ...]
    after: tuple[int, ...]
    ends: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] | None
    unknown: int
    lost_bytes: int
    digest: str


def tokenize_whole(document: Document, checkpoint: Checkpoint) -> TokenizedText:
    """Tokenize a document without cutting it.

    Raises:
        RunError: the text holds a token that the model does not know.
    """
    tokenizer = checkpoint.tokenizer
    encoded = encode_text(document.text, tokenizer)
    ids, content = encoded.ids, encoded.content
    require_known(ids, embedding_rows(checkpoint.model), checkpoint, document.line)
    if not content:
        return TokenizedText(
            (), (), (), (), None if encoded.spans is None else (), 0, _visible_bytes(document.text), ""
        )
    first, last = content[0], content[-1] + 1
    text = ids[first:last]
    spans = None if encoded.spans is None else tuple(encoded.spans[first:last])
    return TokenizedText(
        before=tuple(ids[:first]),
        ids=tuple(text),
        after=tuple(ids[last:]),
        ends=_ends(document.text, text, spans, tokenizer),
        spans=spans,
        unknown=_unknown(text, tokenizer),
        lost_bytes=_lost_bytes(document.text, text, tokenizer),
        digest=sha256("\0".join(tokenizer.convert_ids_to_tokens(text)).encode(errors="replace")).hexdigest(),
    )


def _ends(text: str, ids: list[int], spans: tuple[tuple[int, int], ...] | None, tokenizer: Any) -> tuple[int, ...]:
    """UTF-8 bytes of the text up to the end of each token."""
    whole = len(text.encode())
    # Tokens of a byte-level alphabet may end within a character, which spans of characters do not tell.
    if spans is None or (len(spans) > 1 and spans[1][0] < spans[0][1]):
        sizes = [_spelled_bytes(token) for token in tokenizer.convert_ids_to_tokens(ids)]
        if sum(sizes) == whole + 1:
            # A space that the tokenizer puts before the text.
            sizes[0] -= 1
        if sum(sizes) == whole:
            return tuple(accumulate(sizes))
    if spans is None:
        decoded = list(accumulate(len(tokenizer.decode([index]).encode()) for index in ids))
        return tuple(round(whole * end / max(1, decoded[-1])) for end in decoded)
    bytes_before = [0, *accumulate(len(character.encode()) for character in text)]
    ends = list(accumulate((bytes_before[end] for _, end in spans), max))
    return (*ends[:-1], whole)


def _spelled_bytes(token: str) -> int:
    """Bytes that a token spells if each of its characters stands for one, or if it is a `<0x..>` piece."""
    return 1 if len(token) == 6 and token.startswith("<0x") else len(token)


def _unknown(ids: list[int], tokenizer: Any) -> int:
    unknown = tokenizer.unk_token_id
    # GPT-2 and its kind call their only special token the unknown one, and spell every text without it.
    if unknown is None or unknown in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        return 0
    return ids.count(unknown)


def _visible_bytes(text: str) -> int:
    return sum(len(character.encode()) for character in text if not character.isspace())


def _lost_bytes(text: str, ids: list[int], tokenizer: Any) -> int:
    """Bytes of characters that decoding does not give back, each as often as it is missing."""
    decoded = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    missing = Counter(text)
    missing.subtract(decoded)
    return sum(
        count * len(character.encode()) for character, count in missing.items() if count > 0 and not character.isspace()
    )
