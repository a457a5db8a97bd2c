"""Which token bears the label of which word, and what is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from interfere.objectives._items import Encoded, encode, word_positions
from interfere.tasks import Item
from tests.tiny import TEXTS, tiny_tokenizer

TOKEN = "token-classification"
WORDS = [word for texts in TEXTS.values() for text in texts for word in text.split()]
TOKENIZERS = {style: tiny_tokenizer(style) for style in ("bert", "gpt2", "llama", "t5")}


def encoded(words: list[str], style: str = "bert", *, length: int = 1000, subword: str = "first") -> Encoded:
    return encode(
        Item(tuple(words), ("O",) * len(words), 1),
        TOKEN,
        TOKENIZERS[style],
        max_length=length,
        subword=subword,  # type: ignore[arg-type]
        pad_id=0,
        rows=None,
    )


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from(sorted(TOKENIZERS)))
def test_every_word_begins_and_ends_at_its_own_tokens(words: list[str], style: str) -> None:
    """Between the first tokens of neighbouring words lies exactly the first of them."""
    tokenizer = TOKENIZERS[style]
    first, last = encoded(words, style), encoded(words, style, subword="last")
    assert first.ids == last.ids == tuple(tokenizer(" ".join(words))["input_ids"])
    for word, start, end in zip(words, first.positions, last.positions, strict=True):
        assert start is not None
        assert end is not None
        assert tokenizer.decode(first.ids[start : end + 1]).strip() == word


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.integers(4, 20), st.sampled_from(["first", "last"]))
def test_words_past_the_maximum_length_are_counted(words: list[str], length: int, subword: str) -> None:
    whole, short = encoded(words, subword=subword), encoded(words, length=length, subword=subword)
    assert short.cut == (len(whole.ids) > length)
    assert len(short.ids) == min(length, len(whole.ids))
    assert short.ids[-1] == whole.ids[-1]
    room = length - 1 if short.cut else length
    assert short.positions == tuple(at if at is not None and at < room else None for at in whole.positions)
    assert short.unread == sum(at is None for at in short.positions)


def test_a_token_of_two_words_is_one_words_own() -> None:
    # "ab cd" as the tokens "a", "b c", "d".
    offsets = [(0, 0), (0, 1), (1, 4), (4, 5)]
    assert word_positions(["ab", "cd"], offsets, "first") == [1, 2]
    assert word_positions(["ab", "cd"], offsets, "last") == [2, 3]
    assert word_positions(["ab", "cd"], [(0, 5)], "first") == [0, None]


def test_a_word_without_any_token_has_no_position() -> None:
    assert word_positions(["a", "\u200e", "b"], [(0, 1), (4, 5)], "first") == [0, None, 1]


@pytest.mark.parametrize("style", ["bert", "gpt2"])
def test_a_text_is_read_as_the_tokenizer_reads_it(style: str) -> None:
    text = TEXTS["en"][0]
    found = encode(
        Item((text,), ("a",), 1),
        "text-classification",
        TOKENIZERS[style],
        max_length=128,
        subword="first",
        pad_id=0,
        rows=None,
    )
    assert found == Encoded(tuple(TOKENIZERS[style](text)["input_ids"]), (), False)


def test_a_tokenizer_that_is_given_words_tells_whose_each_token_is() -> None:
    pieces = [("<pad>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁ab", -1.0), ("c", -3.0), ("d", -3.0)]
    backend = Tokenizer(models.Unigram(pieces, 1, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>")
    item = Item(("ab", "cd", "c"), ("O", "O", "O"), 1)

    def read(by_word: bool, subword: str = "first") -> Encoded:
        return encode(
            item,
            TOKEN,
            tokenizer,
            max_length=99,
            subword=subword,
            pad_id=0,
            rows=None,
            by_word=by_word,  # type: ignore[arg-type]
        )

    own = tokenizer(list(item.words), is_split_into_words=True)
    assert read(True).ids == tuple(own["input_ids"])
    assert tokenizer.convert_ids_to_tokens(own["input_ids"]) == ["▁ab", "▁", "c", "d", "▁", "c"]
    assert read(True).positions == tuple(own.word_ids().index(word) for word in range(3)) == (0, 1, 4)
    assert read(True, "last").positions == (0, 3, 5)
    assert read(False).positions == (0, 2, 5)


def test_a_tokenizer_that_refuses_words_is_given_the_text() -> None:
    def refuse(text: Any, **options: Any) -> Any:
        assert not options.get("is_split_into_words"), "needs add_prefix_space=True"
        return TOKENIZERS["gpt2"](text, **options)

    item = Item(("the", "dog"), ("O", "O"), 1)
    found = encode(item, TOKEN, refuse, max_length=99, subword="first", pad_id=0, rows=None, by_word=True)
    assert found == encoded(["the", "dog"], "gpt2")
