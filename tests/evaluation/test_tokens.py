"""Bytes of tokens, windows and words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from interfere import checkpoint_from_model
from interfere.corpus import Document
from interfere.evaluation import forward_windows, tokenize_whole, two_sided_windows, word_spans, words_of_tokens
from tests.objectives.reference import tiny_checkpoint
from tests.tiny import tiny_model

BYTE_LEVEL = tiny_checkpoint("gpt2")


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=30).filter(lambda t: t.strip() == t and t.isprintable()))
def test_bytes_of_tokens_add_up_to_the_text(text: str):
    found = tokenize_whole(Document(text, 1), BYTE_LEVEL)
    assert list(found.ends) == sorted(found.ends)
    assert found.ends[-1] == len(text.encode())
    # Each letter of a byte-level token is a byte, so the first token's are known.
    assert found.ends[0] == len(BYTE_LEVEL.tokenizer.convert_ids_to_tokens(found.ids[0]))
    assert found.lost_bytes == found.unknown == 0


def words_only(vocabulary: list[str], **options: Any) -> PreTrainedTokenizerFast:
    table = {word: index for index, word in enumerate(["[UNK]", "[PAD]", *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="[UNK]"))
    tokenizer.normalizer = options.get("normalizer")
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")


@pytest.mark.parametrize(
    ("normalizer", "text", "unknown", "lost"),
    [
        (None, "red blue red", 0, 0),
        (None, "red größe", 1, len("größe".encode())),
        (normalizers.Lowercase(), "Red BLUE", 0, 5),
        (normalizers.StripAccents(), "réd blue", 0, 0),
    ],
)
def test_what_a_tokenizer_loses_is_counted(normalizer: Any, text: str, unknown: int, lost: int):
    checkpoint = checkpoint_from_model(tiny_model("gpt2"), words_only(["red", "blue"], normalizer=normalizer))
    found = tokenize_whole(Document(text, 1), checkpoint)
    if "é" in text:
        # Accents go only from letters that are taken apart first: the word is unknown as a whole.
        unknown, lost = 1, len("réd".encode())
    assert (found.unknown, found.lost_bytes) == (unknown, lost)
    assert found.ends[-1] == len(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.integers(2, 30), st.integers(1, 30))
def test_windows_predict_every_token_once(tokens: int, size: int, stride: int):
    stride = min(stride, size)
    for cut in (forward_windows, two_sided_windows):
        windows = cut(tokens, size, stride)
        assert [t for w in windows for t in range(w.first, w.last)] == list(range(tokens))
        assert all(w.end - w.start <= size and w.start <= w.first <= w.last <= w.end for w in windows)
    for window in forward_windows(tokens, size, stride)[1:]:
        assert window.end == window.last
        assert window.first - window.start >= size - stride


@settings(max_examples=100, deadline=None)
@given(st.integers(31, 200), st.integers(8, 30))
def test_a_token_is_read_where_it_has_context_on_both_sides(tokens: int, size: int):
    windows = two_sided_windows(tokens, size, size // 2)
    for window in windows[1:-1]:
        least = min(window.first - window.start, window.end - window.last)
        assert least >= size // 4 - 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, größer!", ["Don", "'", "t", "stop", ",", "größer", "!"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("我爱 Paris", ["我", "爱", "Paris"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("カタカナ 2024年", ["カ", "タ", "カ", "ナ", "2024", "年"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]):
    assert [text[a:b] for a, b in word_spans(text)] == words


def test_tokens_of_one_word_and_words_of_one_token_belong_together():
    text = "ab cd, ef"
    #        a  b   " cd,"   " "  ef
    spans = [(0, 1), (1, 2), (2, 6), (6, 7), (7, 9)]
    assert words_of_tokens(text, spans) == [0, 0, 2, 3, 4]
    #        "ab c" joins both words, and d is of the second
    assert words_of_tokens(text, [(0, 4), (4, 5), (5, 6), (6, 9)]) == [0, 0, 2, 3]
    # Byte-level tokens that share one letter.
    assert words_of_tokens("é中", [(0, 1), (0, 1), (1, 2), (1, 2)]) == [0, 0, 2, 2]
