"""Every Gram entry against plain autograd, one document at a time.

The reference tokenizes raw text itself, never pads, and takes the loss from the model's own forward where the model
computes the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from interfere import GradientSettings, Result, analyze_gradients
from interfere.checkpoint import checkpoint_from_model, map_parameters
from interfere.corpus import Document, corpus_from_texts, deal_slots
from interfere.objectives import make_objective
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

CHUNKS = 4
SEED = 3
LANGUAGES = ("de", "en", "zh")
TEXTS = {language: some_text(language, 15, seed=1) for language in LANGUAGES}
STYLES = {"bert": "bert", "xlm-r": "roberta", "gpt2": "gpt2", "llama": "llama", "gemma3": "llama", "t5": "t5"}
# float32 rounding of sums over a few hundred tokens, as a share of the vectors' norms.
TOLERANCE = 2e-5

Loss = Callable[[Any, Any, Document, Any], tuple[torch.Tensor, int]]


def causal(model: Any, tokenizer: Any, document: Document, _: Any) -> tuple[torch.Tensor, int]:
    ids = torch.tensor([tokenizer(document.text)["input_ids"]])
    count = ids.shape[1] - 1
    return model(input_ids=ids, labels=ids).loss * count, count


def masked(model: Any, tokenizer: Any, document: Document, objective: Any) -> tuple[torch.Tensor, int]:
    ids = tokenizer(document.text)["input_ids"]
    (example,) = objective.encode(document, "any")
    positions = [i for i, label in enumerate(example.labels) if label != -100]
    special = set(tokenizer.all_special_ids)
    assert positions
    assert all(ids[i] not in special for i in positions)
    inputs = [tokenizer.mask_token_id if i in positions else token for i, token in enumerate(ids)]
    labels = [token if i in positions else -100 for i, token in enumerate(ids)]
    loss = model(input_ids=torch.tensor([inputs]), labels=torch.tensor([labels])).loss
    return loss * len(positions), len(positions)


def spans(model: Any, tokenizer: Any, document: Document, objective: Any) -> tuple[torch.Tensor, int]:
    (example,) = objective.encode(document, "any")
    ids = tokenizer(document.text)["input_ids"]
    sentinels = {i for i in range(len(tokenizer)) if "extra_id" in tokenizer.convert_ids_to_tokens(i)}
    # Put the targets back where their sentinels stand: the document must come out.
    pieces: dict[int, list[int]] = {}
    assert example.labels[-1] == tokenizer.eos_token_id
    for token in example.labels[:-1]:
        if token in sentinels:
            current = pieces.setdefault(token, [])
        else:
            current.append(token)
    restored = [t for token in example.input_ids for t in (pieces[token] if token in sentinels else [token])]
    assert restored == ids
    labels = torch.tensor([example.labels])
    loss = model(input_ids=torch.tensor([example.input_ids]), labels=labels).loss
    return loss * labels.shape[1], labels.shape[1]


LOSSES: dict[str, Loss] = {"bert": masked, "xlm-r": masked, "t5": spans}


def reference(kind: str, names: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Chunk gradients, shape (L, K, numbers), and mean losses, shape (L, K)."""
    model, tokenizer = tiny_model(kind), tiny_tokenizer(STYLES[kind])
    loss = LOSSES.get(kind, causal)
    objective = make_objective("auto", checkpoint_from_model(model, tokenizer), seed=SEED)
    deal = deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED)
    vectors, losses = [], []
    parameters = dict(model.named_parameters())
    for language in LANGUAGES:
        for documents in deal.slots[language]:
            total, count, summed = torch.zeros(1, dtype=torch.float64), 0, 0.0
            for document in documents:
                model.zero_grad(set_to_none=True)
                value, more = loss(model, tokenizer, document, objective)
                value.backward()
                flat = [
                    (torch.zeros_like(parameters[n]) if parameters[n].grad is None else parameters[n].grad).reshape(-1)
                    for n in names
                ]
                total = total + torch.cat(flat).double()
                count += more
                summed += float(value.detach())
            vectors.append(total / count)
            losses.append(summed / count)
    shape = (len(LANGUAGES), CHUNKS)
    return torch.stack(vectors).view(*shape, -1), torch.tensor(losses).view(shape)


def analyze(kind: str, **settings: Any) -> Result:
    side = settings.pop("padding_side", "right")
    texts = settings.pop("texts", TEXTS)
    model, tokenizer = tiny_model(kind), tiny_tokenizer(STYLES[kind], padding_side=side)
    chosen = {"chunks": CHUNKS, "seed": SEED, "tokens_per_chunk": 100_000, "gram": "exact", "scope": "all"} | settings
    return analyze_gradients(checkpoint_from_model(model, tokenizer), texts, settings=GradientSettings(**chosen))


def assert_same_gram(gram: np.ndarray, expected: np.ndarray) -> None:
    norms = np.sqrt(np.einsum("lklk->lk", expected))
    scale = norms[:, :, None, None] * norms[None, None]
    np.testing.assert_array_less(np.abs(gram - expected), TOLERANCE * scale + 1e-30)


@pytest.mark.parametrize("kind", list(STYLES))
def test_every_gram_entry_and_loss(kind: str) -> None:
    result = analyze(kind, batch_size=3)
    parameters = map_parameters(tiny_model(kind))
    groups = result.array_groups["layer"]
    grams = result.arrays["euclidean/layer"]
    assert len(groups) == len(grams) >= 3
    for group, gram in zip(groups, grams, strict=True):
        vectors, losses = reference(kind, [name for name, info in parameters.items() if info.layer == group])
        expected = torch.einsum("lkn,mjn->lkmj", vectors, vectors).numpy()
        assert np.einsum("lklk->lk", expected).min() > 0
        assert_same_gram(gram, expected)
    rows = result.self_similarity[result.self_similarity["group"] == "body"].set_index("language")
    tokens = result.data
    for row, language in enumerate(LANGUAGES):
        assert rows.loc[language, "documents"] == sum(
            len(d) for d in deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED).slots[language]
        )
        assert tokens[language]["documents_given"] == 15
        assert losses[row].min() <= rows.loc[language, "loss"] <= losses[row].max()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "t5"])
def test_batch_size_padding_side_and_order_change_nothing(kind: str) -> None:
    base = analyze(kind, batch_size=1).arrays["euclidean/layer"]
    body = base.sum(axis=0)
    for change in (
        {"batch_size": 5},
        {"batch_size": "auto"},
        {"batch_size": 4, "padding_side": "left"},
    ):
        assert_same_gram(analyze(kind, **change).arrays["euclidean/layer"].sum(axis=0), body)


def test_order_of_lines_changes_nothing_when_documents_have_ids() -> None:
    def documents(reverse: bool) -> dict[str, list[Document]]:
        out = {}
        for language, texts in TEXTS.items():
            made = [Document(text, line, id=f"d{line}") for line, text in enumerate(texts, start=1)]
            out[language] = made[::-1] if reverse else made
        return out

    forward = analyze("llama", texts=documents(False)).arrays["euclidean/layer"]
    backward = analyze("llama", texts=documents(True), batch_size=2).arrays["euclidean/layer"]
    assert_same_gram(backward.sum(axis=0), forward.sum(axis=0))


def test_languages_may_be_renamed() -> None:
    renamed = {"de": "x", "en": "b", "zh": "a"}
    base = analyze("bert").arrays["euclidean/layer"].sum(axis=0)
    other = analyze("bert", texts={renamed[name]: texts for name, texts in TEXTS.items()})
    order = [list(other.languages).index(renamed[name]) for name in LANGUAGES]
    assert_same_gram(other.arrays["euclidean/layer"].sum(axis=0)[order][:, :, order], base)


@pytest.mark.parametrize("granularity", ["module", "tensor"])
def test_finer_groups_add_up(granularity: str) -> None:
    by_layer = analyze("bert").arrays["euclidean/layer"].sum(axis=0)
    finer = analyze("bert", granularity=granularity)
    assert_same_gram(finer.arrays[f"euclidean/{granularity}"].sum(axis=0), by_layer)
    assert set(finer.pairs["group"]) == {"body", *finer.array_groups[granularity]}


def test_metrics_equal_their_definition() -> None:
    result = analyze("bert", metrics=("euclidean", "adam", "per-tensor"), granularity="tensor", adam_floor=0.02)
    model, tokenizer = tiny_model("bert"), tiny_tokenizer("bert")
    parameters = dict(model.named_parameters())
    names = list(result.array_groups["tensor"])
    objective = make_objective("auto", checkpoint_from_model(model, tokenizer), seed=SEED)
    deal = deal_slots(corpus_from_texts(TEXTS), CHUNKS, SEED)
    squares = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for language in LANGUAGES:
        model.zero_grad(set_to_none=True)
        parts = [masked(model, tokenizer, document, objective) for document in deal.calibration[language]]
        (sum(value for value, _ in parts) / sum(count for _, count in parts)).backward()
        for name in names:
            if parameters[name].grad is not None:
                squares[name] += parameters[name].grad.square() / len(LANGUAGES)
    for index, name in enumerate(names):
        vectors, _ = reference("bert", [name])
        v = squares[name].double().reshape(-1)
        if name.endswith("key.bias"):
            continue  # a constant added to all keys changes no attention: this gradient is rounding alone
        adam = vectors / torch.maximum(v, 0.02 * v.mean()).pow(0.25)
        per_tensor = vectors / v.sum().sqrt()
        for metric, x in (("adam", adam), ("per-tensor", per_tensor)):
            expected = torch.einsum("lkn,mjn->lkmj", x, x).numpy()
            np.testing.assert_allclose(
                result.arrays[f"{metric}/tensor"][index], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
            )


def test_a_tensor_whose_gradient_is_rounding_weighs_nothing() -> None:
    result = analyze("bert", metrics=("per-tensor",), granularity="tensor")
    energies = np.einsum("glklk->g", result.arrays["per-tensor/tensor"])
    names = list(result.array_groups["tensor"])
    keys = [index for index, name in enumerate(names) if name.endswith("key.bias")]
    assert len(keys) == 2
    assert energies[keys].max() < 0.05 * np.median(energies)
