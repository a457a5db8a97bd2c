"""From checkpoints and text to differences, end to end on tiny models."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import CausalLMOutput

from interfere import (
    Checkpoint,
    EvaluationSettings,
    InputError,
    RunError,
    analyze_deltas,
    checkpoint_from_model,
    load_result,
)
from interfere.engine import Progress
from interfere.results import write_result
from tests.objectives.reference import tiny_checkpoint
from tests.text import some_text
from tests.tiny import save_tiny, tiny_model, tiny_tokenizer

TEXTS = {language: some_text(language, 12) for language in ("de", "en", "ru")}


def other(kind: str, seed: int = 1) -> Checkpoint:
    checkpoint = tiny_checkpoint(kind)
    return checkpoint_from_model(tiny_model(kind, seed=seed), checkpoint.tokenizer, id=f"{kind}-{seed}")


def test_a_model_against_itself_differs_by_nothing_and_says_so():
    checkpoint = tiny_checkpoint("bert")
    result = analyze_deltas(checkpoint, {"de": checkpoint, "en": checkpoint}, TEXTS)
    deltas = result.tables["deltas"]
    assert (deltas["delta"] == 0).all()
    assert set(deltas["verdict"]) == {"undetermined"}
    assert set(deltas["reason"]) == {"both models give every document the same bits"}
    assert "de and multilingual are the same model: their weights are equal." in result.warnings
    assert "There is no monolingual model of ru: their quality is given, and no difference." in result.warnings


@pytest.mark.parametrize("kind", ["gpt2", "bert", "t5"])
def test_differences_are_those_of_the_models_bits(kind: str):
    result = analyze_deltas(tiny_checkpoint(kind), {"de": other(kind), "ru": other(kind, 2)}, TEXTS)
    quality = result.tables["quality"].set_index(["model", "language"])["bits_per_byte"]
    documents = result.tables["documents"]
    for row in result.tables["deltas"].to_dict("records"):
        one, two = quality["multilingual", row["language"]], quality[row["language"], row["language"]]
        assert row["delta"] == pytest.approx(one - two)
        assert row["relative"] == pytest.approx(one / two - 1)
        assert row["ci_low"] < row["delta"] < row["ci_high"]
        own = documents[(documents["model"] == "multilingual") & (documents["language"] == row["language"])]
        assert one == pytest.approx(own["bits"].sum() / own["bytes"].sum())
        assert len(own) == row["documents"] == 12


def test_a_result_comes_back_from_its_files(tmp_path: Path):
    result = analyze_deltas(tiny_checkpoint("gpt2"), {"de": {1e6: other("gpt2"), 2e6: other("gpt2", 2)}}, TEXTS)
    write_result(result, tmp_path)
    again = load_result(tmp_path)
    assert again.kind == "deltas"
    assert list(again.tables) == ["deltas", "quality", "models", "documents", "worth"]
    for name, table in result.tables.items():
        assert len(again.tables[name]) == len(table)
    assert set(again.tables["models"]["model"]) == {"multilingual", "de@1MB", "de@2MB"}
    assert set(again.tables["deltas"]["monolingual"]) == {"de@2MB"}


WORDS = {"red": 0.5, "blue": 0.25, "green": 0.125, "größe": 0.0625, "да": 0.0625}


class Fixed(GPT2LMHeadModel):
    """A model whose predictions are known: the words of a text are independent draws from `WORDS`."""

    vocabulary: tuple[str, ...]
    start: int

    def forward(self, input_ids: torch.Tensor, **_: Any) -> CausalLMOutput:
        logits = torch.full((*input_ids.shape, len(self.vocabulary)), -1e4)
        for row, ids in enumerate(input_ids.tolist()):
            for place in range(len(ids)):
                for token, share in self.after([self.vocabulary[i] for i in ids[: place + 1]]).items():
                    logits[row, place, self.vocabulary.index(token)] = math.log(share)
        return CausalLMOutput(logits=logits)

    def after(self, tokens: list[str]) -> dict[str, float]:
        if " " not in self.vocabulary:
            return WORDS
        spelled = bytes(map(ord, "".join("" if t == "<s>" else t for t in tokens))).rpartition(b" ")[2]
        shares: Counter[str] = Counter()
        for word, share in WORDS.items():
            if word.encode().startswith(spelled):
                rest = word.encode()[len(spelled) :]
                shares[chr(rest[0]) if rest else " "] += share
        total = sum(shares.values())
        return {token: share / total for token, share in shares.items()} if total else {" ": 1.0}


def fixed(vocabulary: list[str], tokenizer: Tokenizer) -> Checkpoint:
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    model = tiny_model("gpt2")
    model.__class__ = Fixed
    model.resize_token_embeddings(len(vocabulary))
    model.vocabulary = tuple(vocabulary)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", pad_token="<s>")
    return dataclasses.replace(tiny_checkpoint("gpt2"), model=model, tokenizer=wrapped)


def test_bits_per_byte_do_not_depend_on_the_tokenizer():
    """One distribution over texts, told word by word and byte by byte, has the same bits per byte."""
    by_word = ["<s>", *WORDS]
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(by_word)}, unk_token="<s>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    by_byte = ["<s>", *map(chr, range(256))]
    # The byte-level alphabet renames some bytes; here each byte is the letter of its number.
    pieces = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(by_byte)}, unk_token="<s>"))
    pieces.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(list(WORDS), 12, p=list(WORDS.values()))) for _ in range(20)]
    # The letters of a text's bytes stand for the text in the second model.
    spelled = ["".join(map(chr, text.encode())) for text in texts]
    one = analyze_deltas(fixed(by_word, words), {"en": fixed(by_word, words)}, {"en": texts})
    two = analyze_deltas(fixed(by_byte, pieces), {"en": fixed(by_byte, pieces)}, {"en": spelled})
    bits = [r.tables["documents"].query("model == 'en'")["bits"].to_numpy() for r in (one, two)]
    np.testing.assert_allclose(bits[0], bits[1], rtol=1e-5)
    truth = [-sum(math.log2(WORDS[word]) for word in text.split()) for text in texts]
    np.testing.assert_allclose(bits[0], truth, rtol=1e-5)
    assert one.tables["quality"]["bytes"].unique().tolist() == [sum(len(text.encode()) for text in texts)]


def test_masked_models_with_other_tokenizers_are_refused_unless_words_are_whole():
    short = tiny_tokenizer("bert")
    tokenizer = Tokenizer.from_str(short.backend_tokenizer.to_str())
    tokenizer.model = models.BPE(vocab=tokenizer.get_vocab(), merges=[], unk_token="[UNK]")
    tokenizer.decoder = decoders.ByteLevel()
    letters = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{r}_token": getattr(short, f"{r}_token") for r in ("unk", "mask", "pad")}
    )
    model = tiny_checkpoint("bert")
    apart = checkpoint_from_model(tiny_model("bert", seed=3), letters, id="letters")
    with pytest.raises(InputError, match=r"letters cuts the text of 'de' into other tokens than bert.*--whole-word"):
        analyze_deltas(model, {"de": apart}, TEXTS)
    result = analyze_deltas(model, {"de": apart}, TEXTS, EvaluationSettings(whole_word=True))
    assert np.isfinite(result.tables["deltas"]["delta"]).all()


def test_what_cannot_be_compared_is_refused():
    checkpoint = tiny_checkpoint("gpt2")
    with pytest.raises(
        InputError, match=r"--monolingual fi: there is no held-out text of 'fi'; the data has de, en, ru"
    ):
        analyze_deltas(checkpoint, {"fi": checkpoint}, TEXTS)
    with pytest.raises(InputError, match=r"bert is made for masked-lm and gpt2 for causal-lm"):
        analyze_deltas(checkpoint, {"de": tiny_checkpoint("bert")}, TEXTS)
    with pytest.raises(InputError, match="give at least one model"):
        analyze_deltas(checkpoint, {}, TEXTS)
    with pytest.raises(RunError, match="in none of its 2 documents"):
        analyze_deltas(checkpoint, {"de": checkpoint}, {"de": ["a", "b"]})


def test_a_curve_of_several_models_has_a_row_for_each():
    result = analyze_deltas(
        {"pair": other("gpt2", 4), "all": tiny_checkpoint("gpt2")}, {"de": other("gpt2"), "en": other("gpt2", 2)}, TEXTS
    )
    assert list(result.tables["deltas"]["multilingual"]) == ["pair", "pair", "all", "all"]


def test_an_interrupted_run_goes_on(tmp_path: Path):
    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.phase == "quality of de":
            raise StopError

    folder = tmp_path / "m"
    save_tiny(folder, "gpt2")
    given: dict[str, Any] = {"multilingual": str(folder), "monolingual": {"de": other("gpt2")}, "corpus": TEXTS}
    whole = analyze_deltas(**given)
    with pytest.raises(StopError):
        analyze_deltas(**given, workdir=tmp_path / "work", progress=stop)
    read: list[str] = []
    again = analyze_deltas(**given, workdir=tmp_path / "work", progress=lambda p: read.append(p.phase))
    assert read == []
    np.testing.assert_array_equal(again.tables["documents"]["bits"], whole.tables["documents"]["bits"])
