from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from interfere import Document, InputError, analyze_gradients, load_checkpoint
from interfere.checkpoint import Checkpoint
from interfere.experiment import JobSpec, LanguageObjective, language_objective, run_job
from interfere.experiment._batches import Rows
from interfere.experiment._train import loss_of_members
from interfere.objectives import Batch, TokenObjective, collate, targets_only
from interfere.settings import GradientSettings
from tests.experiment.small import small_plan

TEXTS = ("Zwei Kinder", "suchen ihren Hund im Dorf am Fluss.", "ж")


def _trained(folder: Path, mixture: str = "all", **changed: Any) -> tuple[JobSpec, Checkpoint]:
    _, _, jobs = small_plan(folder, mixtures=(mixture,), updates=30, **changed)
    job = next(reversed(jobs.values()))
    return job, load_checkpoint(run_job(job))


def _batch(objective: LanguageObjective, languages: tuple[str, ...]) -> Batch:
    examples = [
        example
        for line, text in enumerate(TEXTS, start=1)
        for language in languages
        for example in objective.encode(Document(text, line), language)
    ]
    return collate(examples, objective.pad_id)


WAYS = pytest.mark.parametrize(
    "changed",
    [{}, {"signal": "tag"}, {"signal": "none"}, {"mixture": "clone"}, {"mixture": "half"}, {"architecture": "encoder"}],
    ids=str,
)


@WAYS
def test_a_document_is_read_as_in_training(tmp_path: Path, changed: dict[str, Any]) -> None:
    """The loss of a row, against training's loss of the same ids unpadded and alone."""
    job, checkpoint = _trained(tmp_path, **changed)
    objective = language_objective(job, checkpoint)
    assert isinstance(objective, TokenObjective)
    names = tuple(member.name for member in job.members)
    batch = _batch(objective, names)
    sums = objective.loss(checkpoint.model, batch)
    assert sums.total.requires_grad
    assert float(sums.per_document.sum()) == pytest.approx(float(sums.total.detach()), rel=1e-5)
    for row, example in enumerate(batch.examples):
        number = names.index(example.language)
        member = job.members[number]
        assert example.input_ids[0] == member.begin_id
        ids, targets = torch.tensor([example.input_ids]), torch.tensor([example.labels])
        if job.architecture == "decoder":
            ids, targets = ids[:, :-1], targets[:, 1:]
        alone = Rows(ids.expand(2, -1), targets.expand(2, -1), 2 * example.predictions)
        mean = loss_of_members(job, checkpoint.model)([number], [alone])
        assert float(sums.per_document[row]) == pytest.approx(example.predictions * float(mean.detach()), rel=1e-4)


@WAYS
def test_the_same_loss_without_needless_logits(tmp_path: Path, changed: dict[str, Any]) -> None:
    job, checkpoint = _trained(tmp_path, **changed)
    objective = language_objective(job, checkpoint)
    batch = _batch(objective, tuple(member.name for member in job.members))
    expected = objective.loss(checkpoint.model, batch)
    sums = targets_only(objective, checkpoint.model).loss(checkpoint.model, batch)
    assert sums.predictions == expected.predictions
    torch.testing.assert_close(sums.per_document, expected.per_document, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(sums.total, expected.total)


def test_the_language_changes_the_loss_only_where_the_model_is_told_it(tmp_path: Path) -> None:
    for signal, same in (("embedding", False), ("tag", False), ("none", True)):
        job, checkpoint = _trained(tmp_path / signal, signal=signal)
        objective = language_objective(job, checkpoint)
        losses = objective.loss(checkpoint.model, _batch(objective, ("de", "ru"))).per_document
        assert torch.equal(losses[::2], losses[1::2]) == same


def test_a_clone_reads_no_id_of_its_twin(tmp_path: Path) -> None:
    job, checkpoint = _trained(tmp_path, "clone")
    objective = language_objective(job, checkpoint)
    document = Document("Zwei Kinder", 1)
    twin, clone = (objective.encode(document, member.name)[0].input_ids for member in job.members)
    size = job.members[1].shift
    assert clone == tuple(each + size for each in twin)


def test_a_language_that_the_model_was_not_trained_on_is_refused(tmp_path: Path) -> None:
    job, checkpoint = _trained(tmp_path, "mono")
    with pytest.raises(InputError, match="trained on ru, and not on 'de'"):
        language_objective(job, checkpoint).encode(Document("Zwei", 1), "de")


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
@pytest.mark.parametrize("signal", ["embedding", "none"])
def test_gradients_are_of_a_model_that_is_told_the_language(tmp_path: Path, architecture: str, signal: str) -> None:
    """The same text in each language: its loss differs just where the model is told which it is."""
    job, checkpoint = _trained(tmp_path, architecture=architecture, signal=signal)
    texts = {name: [f"{text} {i}" for i in range(6) for text in TEXTS] for name in ("de", "en", "ru")}
    result = analyze_gradients(
        checkpoint, texts, language_objective(job, checkpoint), GradientSettings(chunks=4, max_length=17)
    )
    pairs = result.tables["pairs"]
    body = pairs[pairs.group == "body"]
    assert len(body) == 3
    assert body.cosine.notna().all()
    own = result.tables["self"]
    assert own[own.group == "body"].loss.nunique() == (3 if signal == "embedding" else 1)
