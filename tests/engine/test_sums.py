"""Gradients are added up as they appear, in bounded memory; where memory runs out, microbatches become smaller."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from interfere import GradientSettings, RunError, analyze_gradients, checkpoint_from_model
from interfere.checkpoint import map_parameters, scoped_parameters
from interfere.corpus import read_corpus
from interfere.engine import (
    Chunk,
    FittingMicrobatches,
    GradientSums,
    Microbatches,
    OutOfMemoryError,
    Projection,
    adam,
    euclidean,
    group_parameters,
    only_gradients_of,
    per_tensor,
    smaller_microbatches,
    sum_gradients,
    whole_gradient,
)
from interfere.objectives import make_objective
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = {name: some_text(name, 30, seed=4) for name in ("de", "ru")}


def _setting(kind: str = "llama"):
    checkpoint = checkpoint_from_model(tiny_model(kind), tiny_tokenizer(kind))
    objective = make_objective("auto", checkpoint)
    documents = read_corpus(TEXTS).documents["de"]
    examples = tuple(example for document in documents for example in objective.encode(document, "de"))
    scope = list(scoped_parameters(map_parameters(checkpoint.model), "body").values())
    return checkpoint.model, objective, Chunk("de", 0, examples, len(documents), 0, 0), scope


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("microbatches", [Microbatches(), Microbatches(3)])
def test_vectors_summed_as_gradients_appear_are_those_of_the_whole_gradient(hold, microbatches):
    model, objective, chunk, scope = _setting()
    groups = group_parameters(scope, "layer")
    sizes = {p.name: p.parameters for p in scope}
    with only_gradients_of(model, [p.name for p in scope]) as parameters:
        whole = whole_gradient(model, objective, chunk, parameters, Microbatches(1))
        generator = torch.Generator().manual_seed(0)
        moments = {n: torch.rand(p.shape, generator=generator) + 0.1 for n, p in parameters.items()}
        squares = {n: float(g.square().mean()) for n, g in whole.gradients.items()}
        metrics = [euclidean(sizes), adam(moments, 0.01, sizes), per_tensor(squares, sizes)]
        for projection in (Projection(None, 0), Projection(300, 0)):
            sums = GradientSums(projection, groups, metrics, hold=hold)
            loss, predictions = sum_gradients(model, objective, chunk.examples, parameters, microbatches, sums.take)
            expected = GradientSums(projection, groups, metrics, hold=True)
            for name, gradient in whole.gradients.items():
                expected.take(name, gradient.clone())
            assert loss == pytest.approx(whole.loss, rel=1e-6)
            assert predictions == whole.predictions
            for weights in metrics:
                for group in groups:
                    found, own = sums.vectors(group, weights, 0.5)
                    wanted, energies = expected.vectors(group, weights, 0.5)
                    assert float((found - wanted).norm() / wanted.norm()) < 1e-5
                    for name, energy in energies.items():
                        # The squared norm of a sketch is one of its tensor give or take √(2 / 300).
                        assert own[name] == pytest.approx(energy, rel=1e-4 if hold or sizes[name] <= 300 else 0.5)


def test_no_parameter_keeps_its_gradient():
    model, objective, chunk, scope = _setting()
    with only_gradients_of(model, [p.name for p in scope]) as parameters:
        standing: list[int] = []

        def take(name: str, gradient: torch.Tensor) -> None:
            standing.append(sum(p.grad is not None for p in parameters.values()))

        sum_gradients(model, objective, chunk.examples, parameters, Microbatches(3), take)
        assert len(standing) >= 2 * len(parameters)
        assert max(standing) == 0


class _Narrow:
    """An objective for which more than so many rows are too many."""

    def __init__(self, objective: object, rows: int) -> None:
        self._objective, self._rows = objective, rows

    def __getattr__(self, name: str) -> object:
        return getattr(self._objective, name)

    def loss(self, model: object, batch: object) -> object:
        if len(batch.examples) > self._rows:  # type: ignore[attr-defined]
            raise torch.OutOfMemoryError("no room")
        return self._objective.loss(model, batch)  # type: ignore[attr-defined]


@pytest.mark.parametrize("microbatches", [Microbatches(), Microbatches(16)])
def test_where_memory_runs_out_half_as_many_rows_are_tried(microbatches, tmp_path: Path):
    model, objective, chunk, scope = _setting()
    with only_gradients_of(model, [p.name for p in scope]) as parameters:
        expected = whole_gradient(model, objective, chunk, parameters, Microbatches(1))

        def work(cut: Microbatches):
            return whole_gradient(model, _Narrow(objective, 3), chunk, parameters, cut)

        fitting = FittingMicrobatches(tmp_path, microbatches)
        found = fitting.run("de, slot 0", work)
        for name, gradient in expected.gradients.items():
            torch.testing.assert_close(found.gradients[name], gradient, rtol=1e-4, atol=1e-5)
        said = smaller_microbatches(tmp_path)
        assert len(said) >= 2
        assert "Memory did not suffice" in said[0]
        assert "de, slot 0" in said[0]
        # Another sitting begins with what fitted.
        assert FittingMicrobatches(tmp_path, microbatches).now == fitting.now
        with pytest.raises(RunError, match="single example"):
            FittingMicrobatches(tmp_path / "..", Microbatches(1)).run("x", lambda cut: _raise(OutOfMemoryError(1, 9)))


def test_processes_that_read_the_same_chunk_do_not_cut_it_anew(tmp_path):
    fitting = FittingMicrobatches(tmp_path, Microbatches(4), fixed=True)
    with pytest.raises(
        RunError, match=r"out of memory with 4 examples of up to 9 tokens \(x\): give a smaller --batch"
    ):
        fitting.run("x", lambda cut: _raise(OutOfMemoryError(4, 9)))
    assert not list(tmp_path.iterdir())


def _raise(error: Exception) -> None:
    raise error


def test_pytorchs_words_for_no_memory_on_a_cpu_are_understood():
    model, objective, chunk, scope = _setting()

    class Huge(_Narrow):
        def loss(self, model: object, batch: object) -> object:
            return torch.empty(1 << 60)

    with only_gradients_of(model, [p.name for p in scope]) as parameters, pytest.raises(OutOfMemoryError):
        sum_gradients(model, Huge(objective, 0), chunk.examples, parameters, Microbatches(), lambda name, g: None)


def test_a_result_says_that_memory_ran_out(monkeypatch, tmp_path: Path):
    checkpoint = checkpoint_from_model(tiny_model("llama"), tiny_tokenizer("llama"))
    settings = GradientSettings(chunks=2, tokens_per_chunk=60)
    (tmp_path / "microbatches-0000.json").write_text(
        json.dumps(
            [
                {
                    "what": "de, slot 1",
                    "rows": 8,
                    "longest": 40,
                    "from": "2048 tokens",
                    "to": {"batch_size": None, "token_budget": 160, "overhead": 64},
                }
            ]
        )
    )
    result = analyze_gradients(checkpoint, TEXTS, settings=settings, workdir=tmp_path)
    [warning] = [w for w in result.warnings if "Memory" in w]
    assert "microbatches of 2048 tokens became microbatches of 160 tokens" in warning
    plain = analyze_gradients(checkpoint, TEXTS, settings=replace(settings))
    assert not any("Memory" in w for w in plain.warnings)
