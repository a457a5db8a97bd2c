"""Models and text that the loops run on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from benchmarks.assets import GNOME_LANGUAGES, gnome_text, smollm2
from benchmarks.gradients._loops import Tuning
from interfere import Checkpoint, Corpus, checkpoint_from_model, load_checkpoint, read_corpus
from interfere.settings import GradientSettings

XLM_R_VOCABULARY = 250_002
GEMMA_VOCABULARY = 262_144

_USUAL = Tuning(token_budget=512, logits_at_once=1 << 24)


@dataclass(frozen=True)
class Scenario:
    """What is read by which model.

    Args:
        what: in words.
        load: makes the checkpoint and the corpus.
        settings: of interfere; the loops read the same chunks.
        quick: the settings with which `--quick` runs.
        tuning: of the hand-written loop.
    """

    what: str
    load: Callable[[], tuple[Checkpoint, Corpus]]
    settings: GradientSettings
    quick: GradientSettings
    tuning: Tuning = _USUAL


def _words_tokenizer(size: int) -> Any:
    """A tokenizer of `size` entries that reads the words w0, w1 and so on."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    entries = {name: i for i, name in enumerate([*special, *(f"w{i}" for i in range(size - len(special)))])}
    tokenizer = Tokenizer(WordLevel(entries, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def xlm_roberta_shape() -> tuple[Checkpoint, Corpus]:
    """XLM-R-base with random weights, and 256 texts of 128 random tokens in each of two languages."""
    torch.manual_seed(0)
    model = XLMRobertaForMaskedLM(
        XLMRobertaConfig(vocab_size=XLM_R_VOCABULARY, max_position_embeddings=514, type_vocab_size=1)
    ).eval()
    return checkpoint_from_model(model, _words_tokenizer(XLM_R_VOCABULARY)), _random_texts(XLM_R_VOCABULARY, 126, 126)


def gemma_shape() -> tuple[Checkpoint, Corpus]:
    """Gemma 3's smallest size with random weights, and 256 texts of 8 to 64 random tokens in each of two languages."""
    torch.manual_seed(0)
    model = Gemma3ForCausalLM(
        Gemma3TextConfig(
            vocab_size=GEMMA_VOCABULARY,
            hidden_size=640,
            intermediate_size=2048,
            num_hidden_layers=18,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=256,
            max_position_embeddings=512,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
        )
    ).eval()
    return checkpoint_from_model(model, _words_tokenizer(GEMMA_VOCABULARY)), _random_texts(GEMMA_VOCABULARY, 6, 62)


def _random_texts(vocabulary: int, shortest: int, longest: int) -> Corpus:
    """256 texts of random words in each of two languages, of as many different lengths as there may be."""
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(0, vocabulary - 5, (2, 256, longest), generator=generator)
    lengths = torch.randint(shortest, longest + 1, (2, 256), generator=generator)
    return read_corpus(
        {
            language: [" ".join(f"w{i}" for i in text[:n]) for text, n in zip(rows, own, strict=True)]
            for language, rows, own in zip(("aa", "bb"), words.tolist(), lengths.tolist(), strict=True)
        }
    )


def smollm2_on_gnome(*languages: str) -> Callable[[], tuple[Checkpoint, Corpus]]:
    """SmolLM2-135M and the GNOME user documentation in some languages."""

    def load() -> tuple[Checkpoint, Corpus]:
        with tempfile.TemporaryDirectory() as folder:
            gnome_text(languages, Path(folder))
            corpus = read_corpus(folder)
        return load_checkpoint(smollm2()), corpus

    return load


_SKETCHED = GradientSettings(chunks=2, tokens_per_chunk=64, gram="sketch")

SCENARIOS = {
    "xlm-r-base": Scenario(
        "masked LM in the shape of XLM-R-base (278M parameters, vocabulary 250,002), chunks of 8 × 128 tokens",
        xlm_roberta_shape,
        GradientSettings(chunks=4, tokens_per_chunk=160),
        GradientSettings(chunks=2, tokens_per_chunk=160),
        Tuning(token_budget=1024, logits_at_once=1 << 26),
    ),
    "smollm2": Scenario(
        "SmolLM2-135M (causal LM) on GNOME's user documentation, 4 languages × 3 chunks of 512 tokens",
        smollm2_on_gnome("de", "en", "ko", "ru"),
        GradientSettings(chunks=3, tokens_per_chunk=512),
        GradientSettings(chunks=2, tokens_per_chunk=256),
        Tuning(token_budget=256, logits_at_once=1 << 24),
    ),
    "gemma": Scenario(
        "causal LM in the shape of Gemma 3 270M (tied vocabulary of 262,144), chunks of 32 texts of 8 to 64 tokens",
        gemma_shape,
        GradientSettings(chunks=3, tokens_per_chunk=1100),
        GradientSettings(chunks=2, tokens_per_chunk=1100),
        Tuning(token_budget=1024, logits_at_once=1 << 26),
    ),
    "few-chunks": Scenario(
        "SmolLM2-135M sketched, 2 languages × 2 chunks of 64 tokens",
        smollm2_on_gnome("de", "en"),
        _SKETCHED,
        _SKETCHED,
    ),
    "many-chunks": Scenario(
        "SmolLM2-135M sketched, 12 languages × 16 chunks of 64 tokens",
        smollm2_on_gnome(*GNOME_LANGUAGES[:12]),
        replace(_SKETCHED, chunks=16),
        replace(_SKETCHED, chunks=4),
    ),
    "peers": Scenario(
        "SmolLM2-135M on GNOME's user documentation, 4 languages × 3 chunks of 64 tokens",
        smollm2_on_gnome("de", "en", "ko", "ru"),
        GradientSettings(chunks=3, tokens_per_chunk=64),
        GradientSettings(chunks=2, tokens_per_chunk=64),
    ),
    "ranks": Scenario(
        "SmolLM2-135M on GNOME's user documentation, 4 languages × 6 chunks of 256 tokens",
        smollm2_on_gnome("de", "en", "ko", "ru"),
        GradientSettings(chunks=6, tokens_per_chunk=256),
        GradientSettings(chunks=2, tokens_per_chunk=256),
    ),
}
