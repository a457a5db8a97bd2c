from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from interfere.experiment import make_tokenizer
from tests.tiny import TEXTS

BYTES = make_tokenizer("bytes", {}, tags=4)
BPE = make_tokenizer("bpe", TEXTS, tags=4, vocabulary=400)
EITHER = pytest.mark.parametrize("tokenizer", [BYTES, BPE], ids=["bytes", "bpe"])


@EITHER
@given(text=st.text() | st.sampled_from(["<|bos|>", "a<|language:1|> b", " <|mask|>", "\r\n\t ", "don 't ."]))
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert not set(ids[1:]) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids[1:]) == text


@given(text=st.text())
def test_a_byte_is_its_own_id(text: str) -> None:
    assert bytes(BYTES(text)["input_ids"][1:]) == text.encode()


@EITHER
def test_it_is_the_same_when_made_and_loaded_again(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    kind = "bytes" if tokenizer is BYTES else "bpe"
    again = make_tokenizer(kind, TEXTS, tags=4, vocabulary=400)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = TEXTS["hi"][0] + " <|bos|> " + TEXTS["de"][1]
    for other in (again, loaded):
        assert other.get_vocab() == tokenizer.get_vocab()
        assert other(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_special_tokens_are_beyond_the_bytes_and_every_language_has_one() -> None:
    assert len(BYTES) == 256 + 3 + 4
    tags = {BYTES.convert_tokens_to_ids(f"<|language:{number}|>") for number in range(4)}
    assert len(tags | {BYTES.pad_token_id, BYTES.bos_token_id, BYTES.mask_token_id}) == 7


def test_bpe_is_trained_on_equal_amounts() -> None:
    """Ten times the text of one language changes nothing where the other one is as short as before."""
    little = {"en": ["the river " * 10], "xx": ["zq zq zq " * 10]}
    much = {**little, "en": little["en"] + ["mountain sky village " * 20] * 10}
    assert make_tokenizer("bpe", little, tags=2, vocabulary=300).get_vocab() == (
        make_tokenizer("bpe", much, tags=2, vocabulary=300).get_vocab()
    )
    assert len(BPE) == 400
