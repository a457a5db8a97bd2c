"""The bundled checkpoint: it loads as any other, is small, and is what its card says."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from benchmarks.assets import AssetUnavailableError
from benchmarks.bundled._prose import LANGUAGES, real_prose
from benchmarks.bundled.relatedness import mantel
from benchmarks.bundled.write_card import bits_per_byte
from interfere import bundled_checkpoint, bundled_corpus
from interfere.bundled import CHECKPOINT, checkpoint_directory


def test_transformers_loads_it_without_help() -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(checkpoint_directory())
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_directory())
    assert tokenizer.mask_token_id is not None
    own = bundled_checkpoint()
    assert own.id == CHECKPOINT
    assert own.objective == "masked-lm"
    assert own.parameters == sum(p.numel() for p in model.parameters())
    assert {p.dtype for p in own.model.parameters()} == {torch.float32}


def test_its_tokenizer_loses_nothing_of_the_bundled_corpus() -> None:
    tokenizer = bundled_checkpoint().tokenizer
    for documents in bundled_corpus().documents.values():
        for document in documents:
            ids = tokenizer(document.text)["input_ids"]
            assert tokenizer.unk_token_id not in ids
            assert tokenizer.decode(ids, skip_special_tokens=True).removeprefix(" ") == document.text


def test_it_takes_at_most_six_megabytes_of_a_wheel() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in checkpoint_directory().iterdir():
            wheel.write(path, path.name)
    assert len(packed.getvalue()) <= 6_000_000
    assert (checkpoint_directory() / "model.safetensors").is_file()


@pytest.mark.slow
def test_masked_tokens_are_predicted_better_than_by_their_frequency() -> None:
    checkpoint = bundled_checkpoint()
    tokenizer, model = checkpoint.tokenizer, checkpoint.model
    for language, texts in _texts().items():
        counts = np.bincount(np.concatenate([tokenizer(text)["input_ids"][1:-1] for text in texts]))
        shares = counts[counts > 0] / counts.sum()
        # Frequencies of the very text are more than anybody knows beforehand. Of Arabic the model has seen so little
        # that it need only do better than by guessing.
        bits = np.log2(len(tokenizer)) if language == "ar" else -(shares * np.log2(shares)).sum()
        per_byte = float(bits) * counts.sum() / sum(len(text.encode()) for text in texts)
        assert bits_per_byte(model, tokenizer, texts[:40]) < per_byte, language


def _texts() -> dict[str, list[str]]:
    return {name: [d.text for d in documents] for name, documents in bundled_corpus().documents.items()}


def test_the_card_has_every_language_and_the_recipe() -> None:
    card = (checkpoint_directory() / "README.md").read_text(encoding="utf-8")
    training = json.loads((checkpoint_directory() / "training.json").read_text(encoding="utf-8"))
    assert sorted(training["languages"]) == list(LANGUAGES)
    for language, facts in training["languages"].items():
        assert f"({language}) | {facts['texts']:,} | {facts['bytes']:,} |" in card
    assert min(training["languages"], key=lambda name: training["languages"][name]["bytes"]) == "ar"
    assert f"{training['recipe']['steps']:,} steps" in card


def test_mantel_is_spearmans_correlation_with_a_permutation_p() -> None:
    rng = np.random.default_rng(0)
    names = list("abcdefgh")
    points = rng.normal(size=(8, 3))
    a = pd.DataFrame(points @ points.T, names, names)
    b = a + 0.1 * (noise := rng.normal(size=(8, 8))) + 0.1 * noise.T
    upper = np.triu_indices(8, 1)
    rho, p = mantel(a, b, permutations=999)
    assert rho == pytest.approx(spearmanr(a.to_numpy()[upper], b.to_numpy()[upper]).statistic)
    assert p == pytest.approx(1 / 1000)
    order = [3, 1, 7, 0, 2, 6, 4, 5]
    shuffled = pd.DataFrame(b.to_numpy()[np.ix_(order, order)], names, names)
    assert mantel(a, shuffled, permutations=999)[1] > 0.01


@pytest.mark.checkpoint
def test_nothing_of_the_bundled_corpus_was_trained_on() -> None:
    try:
        prose = real_prose()
    except AssetUnavailableError as error:
        pytest.skip(str(error))
    read = {_plain(text) for part in (prose.train, prose.held_out) for texts in part.values() for text in texts}
    for documents in bundled_corpus().documents.values():
        assert not {_plain(document.text) for document in documents} & read
    for language in LANGUAGES:
        assert not set(prose.train[language]) & set(prose.held_out[language])
        assert prose.held_out[language]


@pytest.mark.checkpoint
def test_a_training_can_be_repeated(tmp_path: Path) -> None:
    from benchmarks.bundled.train_model import Recipe, train

    try:
        prose = real_prose()
    except AssetUnavailableError as error:
        pytest.skip(str(error))
    for name in ("first", "second"):
        train(Recipe(steps=3, batch_tokens=512, vocabulary=600, hidden=32, inner=32), prose, tmp_path / name)
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
