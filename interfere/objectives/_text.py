"""From text to token ids, cut to what the model can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from interfere.checkpoint import Checkpoint, embedding_rows
from interfere.corpus import Document
from interfere.errors import InputError, RunError
from interfere.objectives._codes import set_languages, target_mark

DEFAULT_MAX_LENGTH = 512
"""Tokens that a document is cut to where neither the model nor the user asks for fewer."""


@dataclass(frozen=True)
class Tokens:
    """A document as the model reads it.

    Args:
        ids: token ids with the special tokens that the tokenizer puts around a text.
        content: positions of the tokens of the text itself, without the special ones around it.
        covered_bytes: UTF-8 bytes of the text that these tokens stand for.
        cut: whether the text was longer than that.
    """

    ids: tuple[int, ...]
    content: tuple[int, ...]
    covered_bytes: int
    cut: bool


Tokenize = Callable[[Document], Tokens]
TokenizeLanguage = Callable[[Document, str], Tokens]
TokenizePair = Callable[[Document, Document, str], tuple[Tokens, Tokens]]


def make_tokenize(checkpoint: Checkpoint, max_length: int) -> Tokenize:
    """Make the function that turns a document into tokens.

    Args:
        checkpoint: whose tokenizer to use.
        max_length: tokens that a document is cut to, special ones included, as `choose_max_length` gives it.

    Returns:
        A function of a document. It raises a `RunError` where the text holds a token that the model does not know.
    """
    tokenizer = checkpoint.tokenizer
    rows = embedding_rows(checkpoint.model)

    def tokenize(document: Document) -> Tokens:
        tokens = _tokenize(document.text, tokenizer, max_length)
        require_known(tokens.ids, rows, checkpoint, document.line)
        return tokens

    return tokenize


def make_tokenize_language(checkpoint: Checkpoint, max_length: int) -> TokenizeLanguage:
    """The same for a tokenizer that may put a language's code into what it encodes: a function of document, language.

    It raises an `InputError` too, where the tokenizer has codes and none for the language.
    """
    tokenize = make_tokenize(checkpoint, max_length)

    def with_code(document: Document, language: str) -> Tokens:
        set_languages(checkpoint.tokenizer, language)
        return tokenize(document)

    return with_code


def make_tokenize_pair(checkpoint: Checkpoint, source_language: str, max_length: int) -> TokenizePair:
    """The function of a document, its translation and the translation's language that gives the tokens of both."""
    tokenizer, rows = checkpoint.tokenizer, embedding_rows(checkpoint.model)

    def tokenize(source: Document, target: Document, language: str) -> tuple[Tokens, Tokens]:
        set_languages(tokenizer, source_language, language)
        read = _tokenize(target_mark(tokenizer, language) + source.text, tokenizer, max_length)
        predicted = _tokenize(target.text, tokenizer, max_length, target=True)
        require_known(read.ids, rows, checkpoint, source.line)
        # Where encoder and decoder have vocabularies of their own, the decoder's rows are not counted here.
        if getattr(checkpoint.model.config, "tgt_vocab_size", rows) == rows:
            require_known(predicted.ids, rows, checkpoint, target.line)
        return read, predicted

    return tokenize


def choose_max_length(checkpoint: Checkpoint, max_length: int | None, least: int = 1) -> int:
    """The number of tokens that documents are cut to, special ones included.

    Args:
        checkpoint: whose limits count.
        max_length: what the user asks for; None for the smallest of what the model's positions and the tokenizer
            allow and 512.
        least: how many tokens of the text itself there must be room for.

    Raises:
        `InputError` where `max_length` is more than the model can read or leaves no room for text.
    """
    positions = model_positions(checkpoint.model)
    special = int(checkpoint.tokenizer.num_special_tokens_to_add())
    if max_length is None:
        own = int(checkpoint.tokenizer.model_max_length)
        limits = [DEFAULT_MAX_LENGTH, *([positions] if positions else []), *([own] if own > special else [])]
        return min(limits)
    if positions is not None and max_length > positions:
        raise InputError(
            f"a maximum length of {max_length} tokens is more than model {checkpoint.id!r} can read: {positions}"
        )
    if max_length < special + least:
        raise InputError(
            f"a maximum length of {max_length} tokens leaves no room for text: "
            f"the tokenizer adds {special}, so give at least {special + least}"
        )
    return max_length


def model_positions(model: Any) -> int | None:
    """The longest sequence that a model has positions for, None where there is no limit that it states.

    RoBERTa and its kind count positions from the id of the padding token on, and lose as many rows of their table.
    """
    from torch import nn

    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    # MPT, which has no table of positions, has a table of biases by distance of the second name's size.
    names = ("max_position_embeddings", "max_seq_len")
    stated = next((value for value in (getattr(config, name, None) for name in names) if isinstance(value, int)), 0)
    if stated <= 0:
        return None
    for name, module in model.named_modules():
        padded = isinstance(module, nn.Embedding) and module.padding_idx is not None
        if padded and name.rpartition(".")[2] == "position_embeddings" and module.num_embeddings == stated:
            return stated - int(module.padding_idx) - 1
    return stated


def choose_pad_id(checkpoint: Checkpoint) -> int:
    """The token id to fill short rows with.

    The attention mask hides padding from every model, so any id would do, but for models that tell positions or
    lengths from `input_ids != config.pad_token_id`: the model's own id comes first. A tokenizer without one is fine.
    """
    tokenizer, model = checkpoint.tokenizer, checkpoint.model
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    rows = embedding_rows(model)
    for pad in (getattr(config, "pad_token_id", None), tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(pad, int) and pad >= 0 and (rows is None or pad < rows):
            return pad
    return 0


@dataclass(frozen=True)
class EncodedText:
    """A whole text as its tokenizer gives it.

    Args:
        ids: token ids with the special tokens that the tokenizer puts around a text.
        content: positions of the tokens of the text itself.
        spans: (first, last + 1) character of every token; None where the tokenizer does not tell.
    """

    ids: list[int]
    content: list[int]
    spans: list[tuple[int, int]] | None


def encode_text(text: str, tokenizer: Any, *, target: bool = False) -> EncodedText:
    """Tokenize a text without cutting or padding it, whatever the tokenizer is set to.

    Args:
        text: the text.
        tokenizer: of a model.
        target: whether it is what a decoder predicts, which some tokenizers encode in another way.
    """
    fast = bool(getattr(tokenizer, "is_fast", False))
    encoded = tokenizer(
        **({"text_target": text} if target else {"text": text}),
        add_special_tokens=True,
        truncation=False,
        padding=False,
        return_special_tokens_mask=True,
        return_offsets_mapping=fast,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    content = [position for position, special in enumerate(encoded["special_tokens_mask"]) if not special]
    spans = [(int(a), int(b)) for a, b in encoded["offset_mapping"]] if fast else None
    return EncodedText([int(index) for index in encoded["input_ids"]], content, spans)


def require_known(ids: Sequence[int], rows: int | None, checkpoint: Checkpoint, line: int) -> None:
    """Make sure that the model has a row for every token.

    Raises:
        RunError: it has not; the message names the token.
    """
    if rows is not None and ids and max(ids) >= rows:
        raise RunError(
            f"line {line}: {checkpoint.tokenizer.convert_ids_to_tokens(max(ids))!r} is a token that the tokenizer of "
            f"{checkpoint.id!r} has and the model does not; take it out of the text"
        )


def _tokenize(text: str, tokenizer: Any, limit: int, *, target: bool = False) -> Tokens:
    # Cut here and not by the tokenizer: it may be set to cut on the left, and would keep the length that it is given.
    encoded = encode_text(text, tokenizer, target=target)
    ids, content = encoded.ids, encoded.content
    whole = len(text.encode())
    if len(ids) <= limit or not content:
        return Tokens(tuple(ids[:limit]), tuple(content), whole, len(ids) > limit)
    tail = ids[content[-1] + 1 :]
    end = limit - len(tail)
    kept = [position for position in content if position < end]
    if encoded.spans is not None and kept:
        covered = len(text[: encoded.spans[kept[-1]][1]].encode())
    else:
        covered = min(whole, len(tokenizer.decode([ids[position] for position in kept]).encode()))
    return Tokens(tuple(ids[:end] + tail), tuple(kept), covered, True)
