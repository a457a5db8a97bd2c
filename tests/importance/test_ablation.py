"""Removing units against weights that are edited by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from interfere import ImportanceSettings, analyze_importance
from interfere.checkpoint import find_units
from interfere.engine import Chunk, FittingMicrobatches, Microbatches
from interfere.importance._ablate import random_units, site_means
from interfere.importance._index import UnitIndex
from interfere.importance._sites import changed_sites, removal
from interfere.objectives import collate, make_objective
from interfere.ranks import Ranks
from interfere.statistics import UnitGroup, choose
from tests.objectives.reference import KINDS, checkpoint_of, documents, tiny_checkpoint
from tests.text import some_text

TEXTS = {name: some_text(name, 60, seed=2) for name in ("de", "en", "ru")}


def _setting(kind: str):
    checkpoint = checkpoint_of(kind)
    objective = make_objective("auto", checkpoint, seed=1)
    examples = tuple(example for document in documents() for example in objective.encode(document, "de"))
    return checkpoint.model, objective, examples, UnitIndex.of(checkpoint.model, find_units(checkpoint.model))


@pytest.mark.parametrize("constants", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_removed_unit_is_an_edited_weight(kind, constants):
    model, objective, examples, index = _setting(kind)
    batch = collate(examples, objective.pad_id)
    place = index.places[-1]
    module = model.get_submodule(place.family.site)
    gone = torch.from_numpy(place.family.inputs) == place.family.count - 1
    removed = torch.zeros(len(index), dtype=torch.bool)
    removed[place.end - 1] = True
    values = torch.linspace(0.1, 0.3, len(gone))
    means = dict.fromkeys(index.sites, values) if constants else None
    with torch.no_grad():
        with changed_sites(model, removal(index, removed, means)):
            found = objective.loss(model, batch).per_document
        linear = isinstance(module, torch.nn.Linear)
        columns = module.weight if linear else module.weight.T
        added = (columns[:, gone] @ values[gone]).clone()
        columns[:, gone] = 0
        handle = module.register_forward_hook(lambda _, __, output: output + added if constants else output)
        expected = objective.loss(model, batch).per_document
        handle.remove()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "t5"])
def test_means_are_over_tokens_and_each_language_weighs_the_same(kind, tmp_path: Path):
    model, objective, examples, index = _setting(kind)
    chunks = {
        ("aa", 0): Chunk("aa", 0, examples[:1], 1, 0, 0),
        ("bb", 0): Chunk("bb", 0, examples[1:], len(examples) - 1, 0, 0),
    }
    cut = FittingMicrobatches(tmp_path, Microbatches())
    means = site_means(model, objective, index, chunks, cut, tmp_path / "means", Ranks(), None)
    path = index.places[0].family.site
    seen: list[torch.Tensor] = []
    handle = model.get_submodule(path).register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    by_language = []
    with torch.no_grad():
        for chunk in chunks.values():
            seen.clear()
            for example in chunk.examples:
                objective.loss(model, collate([example], objective.pad_id))
            by_language.append(torch.cat([values.reshape(-1, values.shape[-1]) for values in seen]).mean(0))
    handle.remove()
    torch.testing.assert_close(means[path], (by_language[0] + by_language[1]) / 2, rtol=1e-4, atol=1e-5)


def test_random_units_are_as_many_in_each_group():
    groups = [UnitGroup("encoder.0", "mlp", "neuron", 0, 40), UnitGroup("encoder.1", "mlp", "neuron", 40, 20)]
    scores = np.random.default_rng(0).random((3, 8, 60))
    chosen = choose(scores, groups, 0.1, ("neuron",))
    drawn = random_units(chosen, 5, seed=1)
    assert chosen.own[:, :40].sum(1).tolist() == [4, 4, 4]
    assert chosen.own[:, 40:].sum(1).tolist() == [2, 2, 2]
    assert drawn[:, :40].sum(1).tolist() == [4] * 5
    assert drawn[:, 40:].sum(1).tolist() == [2] * 5
    assert len({row.tobytes() for row in drawn}) == 5
    assert np.array_equal(drawn, random_units(chosen, 5, seed=1))


def test_ablation_reads_the_held_out_half_as_often_as_it_says():
    checkpoint = tiny_checkpoint("bert")
    settings = ImportanceSettings(chunks=4, tokens_per_chunk=40, ablate=True, draws=3, batch_size=100, top=0.2)
    passes = [0]
    checkpoint.model.base_model.register_forward_hook(lambda *_: passes.__setitem__(0, passes[0] + 1))
    analyze_importance(checkpoint, TEXTS, settings=ImportanceSettings(chunks=4, tokens_per_chunk=40, batch_size=100))
    scoring, passes[0] = passes[0], 0
    result = analyze_importance(checkpoint, TEXTS, settings=settings)
    half = 3 * 2
    assert passes[0] - scoring == half + (2 + 3 + 3) * half
    assert set(result.tables["ablation"]["removed"]) == {"de", "en", "ru", "core", "random"}
    damage = result.tables["ablation"].set_index(["removed", "language"])["damage"]
    assert len(damage) == 15
    assert np.isfinite(damage).all()
    assert list(result.tables["specificity"]["language"]) == ["de", "en", "ru"]
