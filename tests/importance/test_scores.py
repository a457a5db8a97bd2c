"""Scores against loops over documents with plain autograd, and with weights picked by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from interfere import ImportanceSettings, analyze_importance, unit_scores
from interfere.checkpoint import find_units, map_parameters, scoped_parameters
from interfere.corpus import Document
from interfere.engine import Chunk, Microbatches, only_gradients_of
from interfere.importance._batched import Batched, _norms
from interfere.importance._index import UnitIndex
from interfere.importance._scores import OneByOne
from interfere.importance._scoring import choose_scoring, score_chunk
from interfere.objectives import make_objective
from tests.objectives.reference import KINDS, checkpoint_of, documents, reference, tiny_checkpoint
from tests.text import some_text

TEXTS = {name: some_text(name, 40, seed=2) for name in ("de", "en", "ru")}
BATCHED = {"bert", "gpt2", "llama", "xlm-r", "gemma3", "qwen3", "bloom", "FalconForCausalLM", "OPTForCausalLM"}


def _chunk(objective) -> Chunk:
    examples = tuple(example for document in documents() for example in objective.encode(document, "de"))
    return Chunk("de", 0, examples, len(examples), 0, 0)


def _gradients(checkpoint, examples) -> list[dict[str, torch.Tensor]]:
    """The gradient of each document's mean loss, parameter by parameter, from transformers' own loss on its text."""
    out = []
    sizes = {name: parameter.shape for name, parameter in checkpoint.model.named_parameters()}
    for example in examples:
        _, predictions, flat = reference(checkpoint, example)
        parts = flat.split([int(np.prod(shape)) for shape in sizes.values()])
        out.append({n: p.reshape(s) / predictions for (n, s), p in zip(sizes.items(), parts, strict=True)})
    checkpoint.model.zero_grad(set_to_none=True)
    return out


def _scored(checkpoint, scorer_class):
    model = checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    objective = make_objective("auto", checkpoint, seed=3)
    chunk = _chunk(objective)
    names = list(scoped_parameters(map_parameters(model)))
    with only_gradients_of(model, names) as parameters:
        scorer = scorer_class(model, index, parameters)
        record, tensors = score_chunk(scorer, objective, index, torch.device("cpu"), chunk, Microbatches(3))
    assert not record.failed
    return index, chunk, {name: value.numpy() for name, value in tensors.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_equal_a_loop_over_documents(kind):
    checkpoint = checkpoint_of(kind)
    scorer = Batched if kind in BATCHED else OneByOne
    index, chunk, scores = _scored(checkpoint, scorer)
    gradients = _gradients(checkpoint, chunk.examples)
    weights = dict(checkpoint.model.named_parameters())
    fisher, taylor = [], []
    for name in index.tensors:
        fisher.append(np.mean([float(g[name].square().sum()) for g in gradients]))
        taylor.append(np.mean([abs(float((g[name] * weights[name].detach()).sum())) for g in gradients]))
    places = list(index.tensors.values())
    np.testing.assert_allclose(scores["fisher"][places], fisher, rtol=1e-4, atol=1e-6 * max(fisher))
    np.testing.assert_allclose(scores["taylor"][places], taylor, rtol=1e-4, atol=2e-5 * max(taylor))
    for (layer, block), place in index.blocks.items():
        own = next(b for b in index.units.blocks if (b.layer, b.name) == (layer, block))
        summed = sum(scores["fisher"][index.tensors[name]] for name in own.tensors)
        assert scores["fisher"][place] == pytest.approx(summed, rel=1e-6)


# Kind → for a head or neuron u of layer 0: pieces of the weights that are its, (parameter, axis, indices), the last one
# its columns of the output projection.
def _bert(unit: int, kind: str):
    layer = "bert.encoder.layer.0"
    if kind == "head":
        rows = list(range(8 * unit, 8 * unit + 8))
        own = [f"{layer}.attention.self.{which}.{p}" for which in ("query", "key", "value") for p in ("weight", "bias")]
        return [(name, 0, rows) for name in own] + [(f"{layer}.attention.output.dense.weight", 1, rows)]
    up = [(f"{layer}.intermediate.dense.{p}", 0, [unit]) for p in ("weight", "bias")]
    return [*up, (f"{layer}.output.dense.weight", 1, [unit])]


def _gpt2(unit: int, kind: str):
    layer = "transformer.h.0"
    if kind == "head":
        rows = list(range(8 * unit, 8 * unit + 8))
        thrice = [start + row for start in (0, 16, 32) for row in rows]
        own = [(f"{layer}.attn.c_attn.weight", 1, thrice), (f"{layer}.attn.c_attn.bias", 0, thrice)]
        return [*own, (f"{layer}.attn.c_proj.weight", 0, rows)]
    up = [(f"{layer}.mlp.c_fc.weight", 1, [unit]), (f"{layer}.mlp.c_fc.bias", 0, [unit])]
    return [*up, (f"{layer}.mlp.c_proj.weight", 0, [unit])]


def _llama(unit: int, kind: str):
    layer = "model.layers.0"
    if kind == "head":
        rows = list(range(8 * unit, 8 * unit + 8))
        return [(f"{layer}.self_attn.q_proj.weight", 0, rows), (f"{layer}.self_attn.o_proj.weight", 1, rows)]
    if kind == "kv":
        return [(f"{layer}.self_attn.{which}_proj.weight", 0, list(range(8))) for which in "kv"]
    up = [(f"{layer}.mlp.{which}_proj.weight", 0, [unit]) for which in ("gate", "up")]
    return [*up, (f"{layer}.mlp.down_proj.weight", 1, [unit])]


def _t5(unit: int, kind: str):
    layer = "decoder.block.0.layer"
    if kind == "head":
        rows = list(range(8 * unit, 8 * unit + 8))
        own = [(f"{layer}.0.SelfAttention.{which}.weight", 0, rows) for which in "qkv"]
        return [*own, (f"{layer}.0.SelfAttention.o.weight", 1, rows)]
    up = [(f"{layer}.2.DenseReluDense.wi.weight", 0, [unit])]
    return [*up, (f"{layer}.2.DenseReluDense.wo.weight", 1, [unit])]


@pytest.mark.parametrize(
    ("kind", "layer", "pieces", "units", "scorer"),
    [
        ("bert", "encoder.0", _bert, ("head", "neuron"), Batched),
        ("gpt2", "decoder.0", _gpt2, ("head", "neuron"), Batched),
        ("llama", "decoder.0", _llama, ("head", "kv", "neuron"), Batched),
        ("t5", "decoder.0", _t5, ("head", "neuron"), OneByOne),
    ],
)
def test_heads_and_neurons_equal_weights_picked_by_hand(kind, layer, pieces, units, scorer):
    checkpoint = tiny_checkpoint(kind)
    index, chunk, scores = _scored(checkpoint, scorer)
    gradients = _gradients(checkpoint, chunk.examples)
    weights = dict(checkpoint.model.named_parameters())
    for what in units:
        place = next(
            p
            for p in index.places
            if (p.family.layer, p.family.kind) == (layer, what) and p.family.block != "cross-attention"
        )
        for unit in range(min(place.family.count, 4)):
            own = pieces(unit, what)
            squares = [
                sum(float(g[n].index_select(axis, torch.tensor(i)).square().sum()) for n, axis, i in own)
                for g in gradients
            ]
            assert scores["fisher"][place.start + unit] == pytest.approx(np.mean(squares), rel=1e-4)
            if what == "kv":
                continue
            # Scaling what a unit gives is scaling its columns of the matrix that reads it.
            name, axis, rows = own[-1]
            column = weights[name].detach().index_select(axis, torch.tensor(rows))
            slopes = [abs(float((g[name].index_select(axis, torch.tensor(rows)) * column).sum())) for g in gradients]
            assert scores["taylor"][place.start + unit] == pytest.approx(np.mean(slopes), rel=1e-3)


def test_a_group_of_heads_has_the_slope_of_its_heads_together():
    index, _, scores = _scored(tiny_checkpoint("llama"), Batched)
    places = {p.family.kind: p for p in index.places if p.family.layer == "decoder.1"}
    # One group of two heads: scaling their values is scaling all that the attention gives.
    assert scores["taylor"][places["kv"].start] == pytest.approx(
        scores["taylor"][index.blocks["decoder.1", "attention"]], rel=1e-5
    )


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "t5"])
def test_activation_is_the_share_of_tokens_with_a_positive_neuron(kind):
    checkpoint = tiny_checkpoint(kind)
    index, chunk, scores = _scored(checkpoint, OneByOne if kind == "t5" else Batched)
    place = next(p for p in index.places if p.family.kind == "neuron")
    module = checkpoint.model.get_submodule(place.family.gate or place.family.site)
    positive, tokens = torch.zeros(place.family.count, dtype=torch.float64), 0
    seen = []
    if place.family.gate:
        handle = module.register_forward_hook(lambda _, __, output: seen.append(output))
    else:
        handle = module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    for example in chunk.examples:
        reference(checkpoint, example)
        values = seen.pop().reshape(-1, place.family.count)
        positive += (values > 0).sum(0)
        tokens += len(values)
    handle.remove()
    np.testing.assert_allclose(scores["activation"][place.start : place.end], positive / tokens, rtol=1e-12)
    others = [p for p in index.places if p.family.kind != "neuron"]
    assert np.isnan(scores["activation"][others[0].start])


@pytest.mark.parametrize("tokens", [3, 200])
def test_norms_of_rows_and_columns_short_and_long(tokens):
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, tokens, 30, generator=random)
    gradients = torch.randn(2, tokens, 20, generator=random)
    found = _norms(inputs, gradients, {"in", "out"})
    for row in range(2):
        matrix = gradients[row].double().T @ inputs[row].double()
        torch.testing.assert_close(found["in"][row].double(), matrix.square().sum(0), rtol=1e-5, atol=0)
        torch.testing.assert_close(found["out"][row].double(), matrix.square().sum(1), rtol=1e-5, atol=0)


def _path(kind: str, tmp_path, objective=None):
    checkpoint = checkpoint_of(kind)
    model = checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    objective = objective or make_objective("auto", checkpoint, seed=3)
    names = list(scoped_parameters(map_parameters(model)))
    with only_gradients_of(model, names) as parameters:
        return choose_scoring(model, objective, index, parameters, [_chunk(objective)], Microbatches(), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_read_together_where_that_gives_the_same(kind, tmp_path):
    path = _path(kind, tmp_path)
    assert path == _path(kind, tmp_path)
    if kind in BATCHED:
        assert path.name == "batched"
    if kind in ("t5", "mixtral", "deberta-v2"):
        assert path.name == "one by one"
        assert path.reason


def test_a_model_that_mixes_documents_up_is_found_out(tmp_path, monkeypatch):
    original = Batched.score

    def swapped(self, objective, batch):
        sums, found = original(self, objective, batch)
        return sums, dataclasses.replace(found, squares=found.squares.flip(0))

    monkeypatch.setattr(Batched, "score", swapped)
    path = _path("bert", tmp_path)
    assert path.name == "one by one"
    assert "squared gradients of documents in a batch are off" in path.reason


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_the_batch_size_changes_nothing(kind):
    settings = ImportanceSettings(chunks=4, tokens_per_chunk=60, gate_steps=3, methods=("taylor", "fisher", "gates"))
    results = [
        analyze_importance(tiny_checkpoint(kind), TEXTS, settings=dataclasses.replace(settings, batch_size=size))
        for size in ("auto", 1, 3)
    ]
    for result in results[1:]:
        for method, scores in results[0].arrays.items():
            scale = np.nanmax(scores)
            np.testing.assert_allclose(result.arrays[method], scores, rtol=1e-3, atol=1e-5 * scale)


def test_every_unit_has_a_row_for_each_language_and_half():
    result = analyze_importance(
        tiny_checkpoint("bert"), TEXTS, settings=ImportanceSettings(chunks=4, tokens_per_chunk=60)
    )
    table = unit_scores(result, "fisher")
    assert list(table.columns) == ["language", "layer", "block", "kind", "unit", "score", "split"]
    units = int(result.tables["units"]["units"].sum())
    assert len(table) == units * 3 * 3
    both = table.pivot_table(index=["language", "layer", "kind", "block", "unit"], columns="split", values="score")
    np.testing.assert_allclose(both["all"], (both["a"] + both["b"]) / 2, rtol=1e-9)
    only = unit_scores(result, "activation")
    assert set(only["kind"]) == {"neuron"}
    with pytest.raises(KeyError, match="'gates' is not in this result, which has taylor, fisher, activation"):
        unit_scores(result, "gates")


def test_a_document_counts_by_its_mean_loss_whatever_its_length():
    checkpoint = tiny_checkpoint("gpt2")
    objective = make_objective("auto", checkpoint)
    short, long = (objective.encode(Document(text, 1), "de")[0] for text in ("Der Hund", "Der Hund und das Dorf " * 3))
    model = checkpoint.model
    index = UnitIndex.of(model, find_units(model))
    names = list(scoped_parameters(map_parameters(model)))
    found = []
    with only_gradients_of(model, names) as parameters:
        scorer = Batched(model, index, parameters)
        for examples in ((short,), (long,), (short, long)):
            chunk = Chunk("de", 0, examples, len(examples), 0, 0)
            device = torch.device("cpu")
            found.append(score_chunk(scorer, objective, index, device, chunk, Microbatches())[1]["fisher"].numpy())
    np.testing.assert_allclose(found[2], (found[0] + found[1]) / 2, rtol=1e-4, atol=1e-12)
