"""A real causal LM on real text: what tiny random models cannot show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.assets import AssetUnavailableError, gnome_text, smollm2
from interfere import GradientSettings, analyze_gradients, load_checkpoint, read_corpus
from interfere.checkpoint import Checkpoint
from interfere.corpus import deal_slots

pytestmark = pytest.mark.checkpoint

LANGUAGES = ("de", "en", "ru")


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    try:
        return load_checkpoint(smollm2())
    except AssetUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gnome")
    try:
        gnome_text(LANGUAGES, folder)
    except AssetUnavailableError as error:
        pytest.skip(str(error))
    return folder


def test_the_sketch_of_real_gradients_is_as_good_as_it_says(checkpoint: Checkpoint, texts: Path) -> None:
    exact, sketched = (
        analyze_gradients(
            checkpoint,
            texts,
            settings=GradientSettings(chunks=6, tokens_per_chunk=128, gram=gram, memory_budget=9 * 1024**3),
        )
        for gram in ("exact", "sketch")
    )
    assert sketched.settings["sketch_size"] == GradientSettings().sketch_size
    both = exact.pairs.merge(sketched.pairs, on=["a", "b", "group"], suffixes=("", "_sketch"))
    both = both.dropna(subset=["corrected", "corrected_sketch"])
    difference = (both["corrected_sketch"] - both["corrected"]).astype(float)
    body = both["group"] == "body"
    assert body.sum() == 3
    assert np.sqrt((difference[body] ** 2).mean()) <= 0.01
    kept_whole = both["group"] == "decoder.norm"
    np.testing.assert_allclose(difference[kept_whole], 0, atol=1e-6)
    # Errors are stated where both languages' signals are sure; with this little text that is a part of the layers.
    z = (difference / both["sketch_error_sketch"].astype(float))[~kept_whole].dropna()
    assert len(z) > 12
    assert z.abs().max() < 4
    assert 0.5 < np.sqrt((z**2).mean()) < 1.6


def test_gradients_of_real_documents_equal_plain_autograd(checkpoint: Checkpoint, texts: Path) -> None:
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, gram="exact", memory_budget=9 * 1024**3)
    result = analyze_gradients(checkpoint, texts, settings=settings)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    corpus = read_corpus(texts)
    deal = deal_slots(corpus, 4, settings.seed)
    names = [name for name, _ in model.named_parameters() if ".layers.7." in name]
    parameters = dict(model.named_parameters())
    vectors = []
    for language in LANGUAGES:
        for documents in deal.slots[language][:2]:
            tokens, total = 0, torch.zeros(1)
            for document in documents:
                ids = torch.tensor([tokenizer(document.text)["input_ids"]])
                if tokens and tokens + ids.shape[1] - 1 > 60:
                    break
                model.zero_grad(set_to_none=True)
                (model(input_ids=ids, labels=ids).loss * (ids.shape[1] - 1)).backward()
                total = total + torch.cat([parameters[name].grad.reshape(-1) for name in names])
                tokens += ids.shape[1] - 1
            vectors.append(total.double() / tokens)
    model.zero_grad(set_to_none=True)
    stacked = torch.stack(vectors)
    expected = (stacked @ stacked.T).numpy()
    group = list(result.array_groups["layer"]).index("decoder.7")
    gram = result.arrays["euclidean/layer"][group][:, :2, :, :2].reshape(6, 6)
    norms = np.sqrt(np.diag(expected))
    assert np.abs(gram - expected).max() < 1e-4 * norms.max() ** 2
    np.testing.assert_array_less(np.abs(gram - expected), 1e-4 * np.outer(norms, norms))
