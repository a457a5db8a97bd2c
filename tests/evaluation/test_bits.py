"""Bits per byte against token-by-token computations that share no code with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interfere import Checkpoint, checkpoint_from_model
from interfere.corpus import corpus_from_texts
from interfere.errors import InputError, RunError
from interfere.evaluation import Evaluation, draw_documents, evaluate
from interfere.settings import EvaluationSettings
from tests.objectives.reference import tiny_checkpoint
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {"en": some_text("en", 6), "ru": [*some_text("ru", 5), "中文 и ещё 😀"]}


def measure(checkpoint: Checkpoint, folder: Path, texts: dict[str, list[str]] = TEXTS, **settings: Any) -> Evaluation:
    corpus = corpus_from_texts(texts)
    chosen = EvaluationSettings(**settings)
    documents = draw_documents(corpus, chosen.documents, chosen.seed)
    return evaluate(checkpoint, corpus, documents, chosen, folder)


def logprobs(checkpoint: Checkpoint, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return checkpoint.model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3"])
def test_causal_bits_are_those_of_each_token_given_all_before_it(kind: str, tmp_path: Path):
    checkpoint = tiny_checkpoint(kind)
    found = measure(checkpoint, tmp_path).quality
    for language, texts in TEXTS.items():
        for index, text in enumerate(texts):
            ids = checkpoint.tokenizer(text)["input_ids"]
            end = checkpoint.tokenizer.eos_token_id
            ids = ids[:-1] if ids[-1] == end and len(ids) > 1 else ids
            nats = 0.0
            for t in range(1, len(ids)):
                nats -= float(logprobs(checkpoint, ids[:t])[-1, ids[t]])
            has_start = ids[0] in checkpoint.tokenizer.all_special_ids
            # The letters of a byte-level token stand for one byte each.
            first = 0 if has_start else len(checkpoint.tokenizer.convert_ids_to_tokens(ids[0]))
            assert found[language].bits[index] == pytest.approx(nats / math.log(2), rel=1e-5)
            assert found[language].bytes[index] == len(text.encode()) - first
            assert found[language].tokens[index] == len(ids) - 1


def test_a_long_text_is_read_in_windows_that_overlap(tmp_path: Path):
    checkpoint = tiny_checkpoint("llama")
    text = " ".join(some_text("en", 12))
    quality = measure(checkpoint, tmp_path, {"en": [text, text[:200]]}, max_length=20, stride=6).quality["en"]
    ids = checkpoint.tokenizer(text)["input_ids"]
    ids = ids[:-1] if ids[-1] == checkpoint.tokenizer.eos_token_id else ids
    start, content = ids[0], ids[1:]
    nats, ends = 0.0, [19]
    while ends[-1] < len(content):
        ends.append(min(len(content), ends[-1] + 6))
    for t, token in enumerate(content):
        end = next(end for end in ends if t < end)
        context = content[max(0, end - 19) : t]
        nats -= float(logprobs(checkpoint, [start, *context])[-1, token])
    assert len(ends) > 5
    assert quality.bits[0] == pytest.approx(nats / math.log(2), rel=1e-5)
    assert quality.bytes[0] == len(text.encode())


def pseudo_bits(checkpoint: Checkpoint, text: str, sets: list[set[int]]) -> float:
    ids = checkpoint.tokenizer(text)["input_ids"]
    nats = 0.0
    for hidden in sets:
        inputs = [checkpoint.tokenizer.mask_token_id if i in hidden else token for i, token in enumerate(ids)]
        scores = logprobs(checkpoint, inputs)
        nats -= sum(float(scores[i, ids[i]]) for i in hidden)
    return nats / math.log(2)


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "deberta-v2"])
def test_masked_bits_one_token_at_a_time(kind: str, tmp_path: Path):
    checkpoint = tiny_checkpoint(kind)
    found = measure(checkpoint, tmp_path, mask_passes=None).quality
    for language, texts in TEXTS.items():
        for index, text in enumerate(texts):
            inside = range(1, len(checkpoint.tokenizer(text)["input_ids"]) - 1)
            assert found[language].bits[index] == pytest.approx(
                pseudo_bits(checkpoint, text, [{i} for i in inside]), rel=1e-5
            )
            assert found[language].bytes[index] == len(text.encode())


def test_passes_mask_every_token_once_in_sets_of_one_size(tmp_path: Path):
    checkpoint = tiny_checkpoint("bert")
    found = measure(checkpoint, tmp_path, mask_passes=3).quality["en"]
    mask = checkpoint.tokenizer.mask_token_id
    for index, text in enumerate(TEXTS["en"]):
        ids = checkpoint.tokenizer(text)["input_ids"]
        sets = [{i for i, token in enumerate(e.input_ids) if token == mask} for e in found.encoded[index].examples]
        assert len(sets) == 3
        assert sorted(i for hidden in sets for i in hidden) == list(range(1, len(ids) - 1))
        assert max(map(len, sets)) - min(map(len, sets)) <= 1
        assert found.bits[index] == pytest.approx(pseudo_bits(checkpoint, text, sets), rel=1e-5)


def test_more_passes_come_to_one_token_at_a_time(tmp_path: Path):
    checkpoint = tiny_checkpoint("bert")
    longest = max(len(checkpoint.tokenizer(text)["input_ids"]) for text in TEXTS["en"])
    by_passes = [
        measure(checkpoint, tmp_path / str(passes), mask_passes=passes).quality["en"].bits for passes in (longest, None)
    ]
    np.testing.assert_array_equal(*by_passes)


def test_masked_windows_predict_every_token_of_a_long_text_once(tmp_path: Path):
    checkpoint = tiny_checkpoint("bert")
    text = " ".join(some_text("en", 12))
    quality = measure(checkpoint, tmp_path, {"en": [text]}, max_length=20, mask_passes=4).quality["en"]
    count = len(checkpoint.tokenizer(text)["input_ids"]) - 2
    assert quality.tokens[0] == count == sum(e.predictions for e in quality.encoded[0].examples)
    assert quality.encoded[0].windows > 5
    assert all(len(e.input_ids) <= 20 for e in quality.encoded[0].examples)


def test_whole_words_are_hidden_together(tmp_path: Path):
    checkpoint = tiny_checkpoint("bert")
    text = "unbelievable extraordinary words hide their rest"
    quality = measure(checkpoint, tmp_path, {"en": [text]}, mask_passes=3, whole_word=True).quality["en"]
    tokens = checkpoint.tokenizer(text, return_offsets_mapping=True)
    spans = tokens["offset_mapping"][1:-1]
    # A token that is nothing but space belongs to no word.
    words = [
        len(text[:end].split()) if text[start:end].strip() else -position for position, (start, end) in enumerate(spans)
    ]
    for example in quality.encoded[0].examples:
        hidden = [token == checkpoint.tokenizer.mask_token_id for token in example.input_ids][1:-1]
        touched = {word for word, flag in zip(words, hidden, strict=True) if flag}
        assert hidden == [word in touched for word in words]
    assert sum(e.predictions for e in quality.encoded[0].examples) == len(words)


def test_span_corruption_is_the_decoders_own_loss(tmp_path: Path):
    checkpoint = tiny_checkpoint("t5")
    quality = measure(checkpoint, tmp_path).quality["en"]
    for index, encoded in enumerate(quality.encoded):
        nats = 0.0
        for example in encoded.examples:
            with torch.no_grad():
                out = checkpoint.model(
                    input_ids=torch.tensor([example.input_ids]), labels=torch.tensor([example.labels])
                )
            nats += float(out.loss.double()) * len(example.labels)
        assert quality.bits[index] == pytest.approx(nats / math.log(2), rel=1e-5)
        assert 0.6 * len(TEXTS["en"][index].encode()) < quality.bytes[index] <= len(TEXTS["en"][index].encode())


@pytest.mark.parametrize("kind", ["gpt2", "bert", "t5", "mixtral"])
def test_batches_change_nothing(kind: str, tmp_path: Path):
    checkpoint = tiny_checkpoint(kind)
    runs = [measure(checkpoint, tmp_path / str(size), batch_size=size).quality for size in (1, 5, "auto")]
    for language in TEXTS:
        for other in runs[1:]:
            np.testing.assert_allclose(other[language].bits, runs[0][language].bits, rtol=2e-5)


def test_what_is_finished_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    checkpoint = tiny_checkpoint("bert")
    first = measure(checkpoint, tmp_path).quality["en"].bits
    monkeypatch.setattr(type(checkpoint.model), "forward", lambda *_, **__: pytest.fail("read again"))
    np.testing.assert_array_equal(measure(checkpoint, tmp_path).quality["en"].bits, first)
    with pytest.raises(InputError, match="another mask_passes"):
        measure(checkpoint, tmp_path, mask_passes=3)


def test_a_loss_that_is_no_number_fails_its_language_alone(tmp_path: Path):
    model, tokenizer = tiny_model("gpt2"), tiny_tokenizer("gpt2")
    checkpoint = checkpoint_from_model(model, tokenizer)
    token = tokenizer("Z")["input_ids"][0]
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(model.transformer.wte.weight.clone())
        model.transformer.wte.weight[token] = float("nan")
    texts = {"en": some_text("en", 3), "xx": ["aZa bcd efg", "hij klm nop"]}
    found = measure(checkpoint, tmp_path, texts).quality
    assert "not finite" in found["xx"].failed
    assert "line 1" in found["xx"].failed
    assert np.isnan(found["xx"].bits).all()
    assert np.isfinite(found["en"].bits).all()


def test_windows_without_room_and_text_without_tokens_are_refused(tmp_path: Path):
    checkpoint = tiny_checkpoint("gpt2")
    with pytest.raises(InputError, match=r"--stride 30 must not exceed"):
        measure(checkpoint, tmp_path, max_length=20, stride=30)
    with pytest.raises(RunError, match="in none of its 2 documents"):
        measure(checkpoint, tmp_path, {"en": ["a", "b"]})


def test_documents_are_drawn_by_what_they_say(tmp_path: Path):
    corpus = corpus_from_texts({"en": TEXTS["en"], "copy": TEXTS["en"][::-1]})
    drawn = draw_documents(corpus, 3, seed=1)
    assert {d.text for d in drawn["en"]} == {d.text for d in drawn["copy"]}
    assert len(drawn["en"]) == 3
    assert {d.text for d in draw_documents(corpus, 3, seed=2)["en"]} != {d.text for d in drawn["en"]}
