"""Tokenizers that are not the usual fast one with all special tokens, from their files to a result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sentencepiece
import torch
from transformers import BertJapaneseTokenizer, ByT5Tokenizer, MarianTokenizer, PreTrainedTokenizerFast

from interfere import GradientSettings, RunError, analyze_gradients
from interfere.checkpoint import load_checkpoint
from tests.checkpoint.adapted import unheard
from tests.tiny import TEXTS, save_tiny, tiny_model, tiny_tokenizer

TEXT = {language: [f"{text} {i}" for text in TEXTS[language] for i in range(6)] for language in ("de", "en", "ru")}
SETTINGS = GradientSettings(chunks=4, tokens_per_chunk=60)


def plain_losses(checkpoint, result):
    """The mean loss of each chunk from the documents that it names, one by one, and how many tokens are predicted."""
    out = []
    for row in result.chunks.itertuples():
        total, count = 0.0, 0
        for line in row.lines.split():
            ids = checkpoint.tokenizer(TEXT[row.language][int(line) - 1])["input_ids"]
            with torch.no_grad():
                logits = checkpoint.model(input_ids=torch.tensor([ids])).logits[0]
            total += float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="sum"))
            count += len(ids) - 1
        out.append((count, total / count))
    return out


def expect_losses(checkpoint, result):
    found = [(row.tokens, row.loss) for row in result.chunks.itertuples()]
    expected = plain_losses(checkpoint, result)
    assert [count for count, _ in found] == [count for count, _ in expected]
    assert [loss for _, loss in found] == pytest.approx([loss for _, loss in expected], rel=1e-4)


def test_bytes_in_python(tmp_path):
    """ByT5's has no files and no fast form; a byte is a token, and an end token is added."""
    folder = save_tiny(tmp_path, model=tiny_model("llama", vocab_size=384), tokenizer=ByT5Tokenizer())
    checkpoint = load_checkpoint(folder)
    assert not getattr(checkpoint.tokenizer, "is_fast", False)
    result = analyze_gradients(checkpoint, TEXT, settings=SETTINGS)
    expect_losses(checkpoint, result)
    for row in result.chunks.itertuples():
        assert row.tokens == row.bytes


def test_bytes_for_span_corruption(tmp_path):
    folder = save_tiny(tmp_path, model=tiny_model("t5", vocab_size=384), tokenizer=ByT5Tokenizer())
    result = analyze_gradients(folder, TEXT, settings=SETTINGS)
    assert result.model["objective"] == "span-corruption"
    assert result.chunks["tokens"].gt(0).all()


def test_a_japanese_one_in_python(tmp_path):
    letters = sorted({letter for texts in TEXT.values() for text in texts for letter in text.lower() if letter.strip()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = BertJapaneseTokenizer(
        str(tmp_path / "vocab.txt"), word_tokenizer_type="basic", subword_tokenizer_type="character"
    )
    folder = save_tiny(tmp_path / "m", model=tiny_model("bert", vocab_size=len(vocabulary)), tokenizer=tokenizer)
    checkpoint = load_checkpoint(folder)
    assert not getattr(checkpoint.tokenizer, "is_fast", False)
    result = analyze_gradients(checkpoint, TEXT, settings=SETTINGS)
    assert result.model["objective"] == "masked-lm"
    # A seventh or so of the letters is predicted.
    letters_of = {language: sum(len(text.replace(" ", "")) for text in texts) for language, texts in TEXT.items()}
    for language, counted in letters_of.items():
        assert result.data[language]["tokens"] < counted / 4


def marian(folder: Path) -> MarianTokenizer:
    """Two vocabularies of SentencePiece and a list of all pieces, as Marian's conversion leaves them."""
    folder.mkdir()
    (folder / "text").write_text("\n".join(text for texts in TEXT.values() for text in texts), encoding="utf-8")
    for name in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "text"), model_prefix=str(folder / name), vocab_size=120, minloglevel=2
        )
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    pieces = [model.id_to_piece(i) for i in range(3, model.get_piece_size())]
    (folder / "vocab.json").write_text(
        json.dumps({piece: i for i, piece in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}), encoding="utf-8"
    )
    with unheard():
        # It asks for a package that evens out punctuation.
        return MarianTokenizer(*(str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")))


def test_two_sentencepiece_models(tmp_path):
    tokenizer = marian(tmp_path / "words")
    size = {"vocab_size": len(tokenizer), "decoder_vocab_size": len(tokenizer), "d_model": 16, "encoder_layers": 2}
    size |= {"decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24}
    size |= {"decoder_ffn_dim": 24, "max_position_embeddings": 128, "pad_token_id": tokenizer.pad_token_id}
    size |= {"eos_token_id": 0, "bos_token_id": 0, "decoder_start_token_id": tokenizer.pad_token_id}
    size |= {"forced_eos_token_id": 0}
    folder = save_tiny(tmp_path / "m", model=tiny_model("MarianMTModel", **size), tokenizer=tokenizer)
    checkpoint = load_checkpoint(folder)
    assert checkpoint.tokenizer("Двое детей")["input_ids"] == tokenizer("Двое детей")["input_ids"]
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, source_language="en")
    result = analyze_gradients(checkpoint, TEXT, settings=settings)
    assert result.model["objective"] == "translation"
    assert set(result.languages) == {"de", "ru"}


@pytest.mark.parametrize("special", [("pad",), ("pad", "bos"), ("pad", "bos", "eos", "unk")])
def test_special_tokens_that_are_not_there(special, tmp_path):
    """Nothing is put before or after a text that its tokenizer does not put there, and padding needs no token."""
    tokenizer = tiny_tokenizer("llama", without=special)
    if "bos" in special:
        tokenizer.backend_tokenizer.post_processor = None
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer.backend_tokenizer, **({} if "eos" in special else {"eos_token": "</s>"})
        )
    checkpoint = load_checkpoint(save_tiny(tmp_path, "llama", tokenizer=tokenizer))
    assert checkpoint.tokenizer.pad_token_id is None
    first = checkpoint.tokenizer("Zwei")["input_ids"][0]
    assert (first == 1) == ("bos" not in special)
    expect_losses(checkpoint, analyze_gradients(checkpoint, TEXT, settings=SETTINGS))


def test_a_masked_lm_without_a_mask_is_refused(tmp_path):
    folder = save_tiny(tmp_path, "bert", tokenizer=tiny_tokenizer("bert", without=("mask",)))
    with pytest.raises(RunError, match="no mask token that the model knows"):
        analyze_gradients(folder, TEXT, settings=SETTINGS)
