"""Which token bears the label of which word, and what is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
