"""Where a model mixes up the documents of a batch, each is read by itself."""

from __future__ import annotations

import numpy as np
import pytest

from interfere import GradientSettings, analyze_gradients
from interfere.checkpoint import checkpoint_from_model
from interfere.corpus import corpus_from_texts
from interfere.evaluation import evaluate
from interfere.settings import EvaluationSettings
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {language: some_text(language, 10) for language in ("de", "en")}
_FNET = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}


def fnet():
    """A model whose Fourier transforms run over padding too."""
    return checkpoint_from_model(tiny_model("FNetForMaskedLM", **_FNET), tiny_tokenizer("bert"))


def mixing():
    """A causal LM in which each document of a batch sees the mean of all."""

    def add_the_mean(module, inputs, output):
        return output + output.mean(dim=0, keepdim=True)

    model = tiny_model("llama")
    model.get_input_embeddings().register_forward_hook(add_the_mean)
    return checkpoint_from_model(model, tiny_tokenizer("llama"))


def gram(checkpoint, batch_size):
    settings = GradientSettings(chunks=2, batch_size=batch_size, gram="exact")
    result = analyze_gradients(checkpoint, TEXTS, settings=settings)
    return result, result.arrays["euclidean/layer"].sum(axis=0)


@pytest.mark.parametrize("make", [fnet, mixing])
def test_gradients_are_those_of_documents_by_themselves(make):
    result, found = gram(make(), 4)
    alone, expected = gram(make(), 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert "together" in result.settings["alone_reason"]
    assert any("read one at a time" in warning for warning in result.warnings)
    assert "alone_reason" not in alone.settings


def test_bits_are_those_of_documents_by_themselves(tmp_path):
    corpus = corpus_from_texts(TEXTS)
    bits = []
    for size in (4, 1):
        settings = EvaluationSettings(documents=4, mask_passes=2, batch_size=size)
        found = evaluate(fnet(), corpus, {"de": corpus.documents["de"][:4]}, settings, tmp_path / str(size))
        assert bool(found.memory) == (size == 4)
        bits.append(found.quality["de"].bits)
    np.testing.assert_allclose(bits[0], bits[1], rtol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "llama", "t5", "mixtral", "deberta-v2"])
def test_other_models_are_read_in_batches(kind):
    families = {"bert": "bert", "t5": "t5", "deberta-v2": "bert"}
    checkpoint = checkpoint_from_model(tiny_model(kind), tiny_tokenizer(families.get(kind, "llama")))
    result, _ = gram(checkpoint, 4)
    assert "alone_reason" not in result.settings
