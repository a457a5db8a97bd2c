"""One tokenizer for all models of an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from interfere.settings import ExperimentTokenizer

PAD, BOS, MASK = "<|pad|>", "<|bos|>", "<|mask|>"
_SAMPLE = 10_000_000
"""Bytes of each language that BPE is trained on at most."""


def language_tag(index: int) -> str:
    """The token that stands for a language, by its number: its name may be anything, a token's may not."""
    return f"<|language:{index}|>"


def make_tokenizer(
    kind: ExperimentTokenizer,
    texts: Mapping[str, Sequence[str]],
    *,
    tags: int,
    vocabulary: int = 8192,
    max_length: int | None = None,
) -> Any:
    """Make the tokenizer of an experiment: it loses nothing of any text, and begins each text with `<|bos|>`.

    Special tokens are never read out of a text: one that holds `<|bos|>` is encoded byte by byte as any other.

    Args:
        kind: `bytes`, where the id of a byte is its value, or `bpe`, trained on `texts`.
        texts: language → its training text; equally many bytes of each are used. The order is part of the result.
        tags: how many language tags.
        vocabulary: tokens of `bpe`, special ones included; little text gives fewer.
        max_length: what the models read at most.

    Returns:
        A `PreTrainedTokenizerFast`.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    characters = byte_characters()
    specials = [PAD, BOS, MASK, *(language_tag(index) for index in range(tags))]
    if kind == "bytes":
        tokenizer = Tokenizer(
            models.BPE(vocab={character: byte for byte, character in enumerate(characters)}, merges=[])
        )
    else:
        tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "bpe")
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "bpe":
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary - len(specials), initial_alphabet=characters, show_progress=False
        )
        tokenizer.train_from_iterator(_equal_amounts(texts), trainer)
    tokenizer.add_special_tokens(specials)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        # A document that begins ends the one before it, so generation stops there as well.
        eos_token=BOS,
        mask_token=MASK,
        extra_special_tokens=specials[3:],
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
        padding_side="right",
        **({} if max_length is None else {"model_max_length": max_length}),
    )


def load_experiment_tokenizer(folder: Path) -> Any:
    """The tokenizer that was saved to a folder."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder)


def byte_characters() -> list[str]:
    """The printable character that byte-level tokenizers write for each byte, by the byte's value.

    Printable bytes stand for themselves and the others for the characters from 256 on (Radford et al. 2019, GPT-2).
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _equal_amounts(texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Whole texts of each language, up to the bytes that the smallest one has."""
    limit = min([_SAMPLE, *(sum(len(text.encode()) for text in values) for values in texts.values())])
    for values in texts.values():
        taken = 0
        for text in values:
            if taken >= limit:
                break
            taken += len(text.encode())
            yield text
