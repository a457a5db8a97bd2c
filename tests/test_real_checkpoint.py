"""A real causal LM on real text: what tiny random models cannot show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.assets import AssetUnavailableError, gnome_text, smollm2
from interfere import GradientSettings, analyze_gradients, load_checkpoint, read_corpus
from interfere.checkpoint import Checkpoint, find_units, map_parameters, scoped_parameters
from interfere.corpus import deal_slots
from interfere.engine import Microbatches, only_gradients_of, plan_chunk
from interfere.importance import Batched, OneByOne, UnitIndex, score_chunk
from interfere.objectives import make_objective

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
    # One seed gives three cosines with one draw of the signs: too few numbers for a mean square error.
    both = pd.concat([_exact_and_sketched(checkpoint, texts, seed) for seed in range(3)])
    difference = (both["corrected_sketch"] - both["corrected"]).astype(float)
    body = both["group"] == "body"
    assert body.sum() == 9
    assert np.sqrt((difference[body] ** 2).mean()) <= 0.01
    kept_whole = both["group"] == "decoder.norm"
    np.testing.assert_allclose(difference[kept_whole], 0, atol=1e-6)
    # Errors are stated where both languages' signals are sure; with this little text that is a part of the layers.
    z = (difference / both["sketch_error_sketch"].astype(float))[~kept_whole].dropna()
    assert len(z) > 36
    assert z.abs().max() < 4
    assert 0.5 < np.sqrt((z**2).mean()) < 1.6


def _exact_and_sketched(checkpoint: Checkpoint, texts: Path, seed: int) -> pd.DataFrame:
    """The pairs of one deal of the text, computed from whole gradients and from sketches."""
    exact, sketched = (
        analyze_gradients(
            checkpoint,
            texts,
            settings=GradientSettings(chunks=6, tokens_per_chunk=128, gram=gram, seed=seed, memory_budget=9 * 1024**3),
        )
        for gram in ("exact", "sketch")
    )
    assert sketched.settings["sketch_size"] == GradientSettings().sketch_size
    both = exact.pairs.merge(sketched.pairs, on=["a", "b", "group"], suffixes=("", "_sketch"))
    return both.dropna(subset=["corrected", "corrected_sketch"])


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


def test_scores_of_real_documents_in_a_batch_are_those_of_one_at_a_time(checkpoint: Checkpoint, texts: Path) -> None:
    model = checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    assert {(p.family.kind, p.family.count) for p in index.places} == {("head", 9), ("kv", 3), ("neuron", 1536)}
    objective = make_objective("auto", checkpoint)
    deal = deal_slots(read_corpus(texts), 4, 0)
    chunk = plan_chunk(objective, deal.slots["ru"][0], "ru", 0, 512)
    assert len(chunk.examples) >= 3
    names = list(scoped_parameters(map_parameters(model)))
    with only_gradients_of(model, names) as parameters:
        together, alone = (
            score_chunk(scorer(model, index, parameters), objective, index, torch.device("cpu"), chunk, Microbatches())
            for scorer in (Batched, OneByOne)
        )
    assert together[0] == replace(alone[0], loss=together[0].loss)
    assert together[0].loss == pytest.approx(alone[0].loss, rel=1e-5)
    for method in ("fisher", "taylor"):
        found, expected = together[1][method], alone[1][method]
        assert float((found - expected).norm() / expected.norm()) < 1e-4
        # Every unit by itself, the smallest ones up to what rounding leaves of the largest.
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-6 * float(expected.max()))
    activation = [scores["activation"].nan_to_num() for _, scores in (together, alone)]
    assert float((activation[0] - activation[1]).abs().max()) < 1e-2
