from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from interfere import RunError
from interfere.experiment import JobSpec
from interfere.experiment._batches import member_batches
from interfere.experiment._order import rate_factor
from interfere.experiment._train import LOG_POINTS, MAX_NORM, loss_of_members, new_training, train
from interfere.objectives import IGNORE
from tests.experiment.small import small_plan


@pytest.mark.parametrize("changed", [{}, {"signal": "tag"}, {"architecture": "encoder"}])
def test_the_joint_loss_is_the_mean_of_each_language_alone(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Against transformers' own loss, which takes labels, a language at a time."""
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), **changed)
    job = jobs["all"]
    model = new_training(job).model
    rows = [next(member_batches(job, member)) for member in job.members]
    losses = loss_of_members(job, model)([0, 1, 2], rows)
    losses.mean().backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    own = []
    for member, each in zip(job.members, rows, strict=True):
        kinds = {} if member.type_id is None else {"token_type_ids": torch.full_like(each.input_ids, member.type_id)}
        if job.architecture == "encoder":
            own.append(model(input_ids=each.input_ids, labels=each.targets, **kinds).loss)
        else:
            logits = model(input_ids=each.input_ids, **kinds).logits
            own.append(functional.cross_entropy(logits.flatten(0, 1), each.targets.flatten(), ignore_index=IGNORE))
    torch.testing.assert_close(losses, torch.stack(own))
    (sum(own) / 3).backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)
    assert (job.members[0].type_id is None) == (changed.get("signal") == "tag")


def test_weights_after_some_updates_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    """AdamW written out, with clipping and the schedule."""
    _, _, jobs = small_plan(tmp_path, mixtures=("pairs",), updates=5, weight_decay=0.1)
    job = jobs["de+en"]
    training, plain = new_training(job), new_training(job).model
    assert list(train(training)) == [1, 2, 3, 4, 5]
    batches = [list(islice(member_batches(job, member), 5)) for member in job.members]
    moments = {name: (torch.zeros_like(each), torch.zeros_like(each)) for name, each in plain.named_parameters()}
    for update in range(5):
        plain.zero_grad()
        loss_of_members(job, plain)([0, 1], [each[update] for each in batches]).mean().backward()
        norm = torch.sqrt(sum((each.grad**2).sum() for each in plain.parameters()))
        rate = job.learning_rate * rate_factor(update, 5, job.warmup, job.schedule)
        with torch.no_grad():
            for name, each in plain.named_parameters():
                gradient = each.grad * min(1.0, MAX_NORM / float(norm))
                first, second = moments[name]
                first.mul_(0.9).add_(gradient, alpha=0.1)
                second.mul_(0.999).add_(gradient**2, alpha=0.001)
                if each.ndim >= 2:
                    each.mul_(1 - rate * 0.1)
                scale = torch.sqrt(second / (1 - 0.999 ** (update + 1))) + 1e-8
                each.sub_(rate * first / (1 - 0.9 ** (update + 1)) / scale)
    for (name, one), other in zip(training.model.named_parameters(), plain.parameters(), strict=True):
        # A bias of the keys moves no attention: its gradient is rounding alone, which Adam makes as large as any.
        kept = torch.tensor([*range(8), *range(16, 24)]) if name.endswith("c_attn.bias") else slice(None)
        torch.testing.assert_close(one[kept], other[kept], rtol=1e-3, atol=2e-4, msg=name)


@pytest.mark.parametrize(
    "changed",
    [{}, {"joint": False}, {"architecture": "encoder"}, {"signal": "tag", "dropout": 0.1}, {"tokenizer": "bpe"}],
)
def test_the_loss_falls_in_every_language(tmp_path: Path, changed: dict[str, Any]) -> None:
    settings, _, jobs = small_plan(tmp_path, mixtures=("all",), updates=150, **changed)
    training = new_training(jobs["all"])
    for _ in train(training):
        pass
    log = training.log
    assert len(log["updates"]) == len(log["rate"]) == LOG_POINTS
    assert log["updates"][-1] == jobs["all"].updates
    for losses in log["loss"].values():
        known = [loss for loss in losses if loss is not None]
        assert sum(known[-10:]) / 10 < 0.8 * known[0]
    assert settings.updates == 150


def test_a_log_point_without_a_language_says_so(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("pairs",), updates=30, joint=False)
    training = new_training(jobs["de+en"])
    for _ in train(training):
        pass
    de, en = training.log["loss"].values()
    # One update a point: just one of the two languages has a loss at each.
    assert len(de) == 60
    assert all((a is None) != (b is None) for a, b in zip(de, en, strict=True))


def _diverging(job: JobSpec) -> JobSpec:
    return replace(job, learning_rate=1e30, warmup=0.0)


def test_a_loss_that_is_not_finite_names_the_job_and_the_learning_rate(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path)
    with pytest.raises(RunError, match=r"de-w8-t1-s0: the training loss is not finite after \d+ updates, .*1e\+30"):
        for _ in train(new_training(_diverging(jobs["de"]))):
            pass
