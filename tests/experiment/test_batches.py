from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from interfere.experiment import JobSpec
from interfere.experiment._batches import Rows, member_batches
from interfere.experiment._order import members_of_updates, rate_factor
from interfere.objectives import IGNORE
from tests.experiment.small import small_plan


def _batches(job: JobSpec, name: str, first: int = 0) -> Iterator[Rows]:
    return member_batches(job, next(member for member in job.members if member.name == name), first)


def _same(one: Rows, other: Rows) -> bool:
    return torch.equal(one.input_ids, other.input_ids) and torch.equal(one.targets, other.targets)


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_a_language_has_the_same_batches_in_every_mixture_and_from_any_update_on(
    tmp_path: Path, architecture: str
) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("pairs", "all"), architecture=architecture, seeds=2)
    alone = list(islice(_batches(jobs["de"], "de"), 150))
    for other in ("de+ru", "all"):
        assert all(map(_same, alone, islice(_batches(jobs[other], "de"), 150)))
    # More updates than are made at once, so that the later ones come from another block.
    for first in (1, 63, 64, 100):
        assert all(map(_same, alone[first:], _batches(jobs["de"], "de", first)))
    assert not _same(alone[0], alone[1])
    assert not _same(alone[0], next(_batches(jobs["en"], "en")))
    assert not _same(alone[0], next(_batches(jobs["de-w8-t1-s1"], "de")))


@pytest.mark.parametrize("signal", ["embedding", "tag"])
def test_a_decoder_predicts_every_token_of_a_piece_of_the_text(tmp_path: Path, signal: str) -> None:
    _, _, jobs = small_plan(tmp_path, signal=signal)
    (member,) = jobs["ru"].members
    stream = np.load(member.tokens).astype(np.int64)
    stream[stream == jobs["ru"].bos_id] = member.begin_id
    windows = {tuple(window) for window in np.lib.stride_tricks.sliding_window_view(stream, 16).tolist()}
    assert (member.begin_id == jobs["ru"].bos_id) == (signal == "embedding")
    for rows in islice(_batches(jobs["ru"], "ru"), 20):
        assert rows.input_ids.shape == rows.targets.shape == (2, 16)
        assert torch.equal(rows.input_ids[:, 1:], rows.targets[:, :-1])
        assert set(rows.input_ids[:, 0].tolist()) == {member.begin_id}
        assert {tuple(row) for row in rows.targets.tolist()} <= windows
        assert rows.predictions == 32


def test_an_encoder_predicts_what_is_masked_and_reads_the_rest(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, architecture="encoder", mask_rate=0.3)
    job = jobs["en"]
    predicted = 0
    for rows in islice(_batches(job, "en"), 200):
        chosen = rows.targets != IGNORE
        assert torch.equal(chosen, rows.input_ids == job.mask_id)
        assert not chosen[:, 0].any()
        assert not (rows.targets == job.bos_id).any()
        assert (chosen.sum(dim=1) == round(0.3 * 16)).all()
        assert rows.predictions == int(chosen.sum())
        predicted += rows.predictions
    assert predicted == 200 * 2 * 5


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_every_id_of_a_clone_is_shifted(tmp_path: Path, architecture: str) -> None:
    _, prepared, jobs = small_plan(tmp_path, mixtures=("clone",), architecture=architecture)
    seen = [
        {
            each
            for rows in islice(_batches(jobs["clone.de+clone"], name), 300)
            for ids in (rows.input_ids, rows.targets)
            for each in ids.unique().tolist()
        }
        - {IGNORE}
        for name in ("de", "de/clone")
    ]
    assert seen[1] == {each + prepared.vocabulary for each in seen[0]}
    assert max(seen[0]) < min(seen[1])


def test_joint_updates_of_a_language_lie_evenly(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), temperature=1.0, updates=500)
    job = jobs["all"]
    present = members_of_updates(job)
    counts = np.array([member.updates for member in job.members])
    assert (present.sum(axis=0) == counts).all()
    assert present[:, counts.argmax()].all()
    share = np.arange(1, len(present) + 1)[:, None] / len(present)
    assert (np.abs(present.cumsum(axis=0) - counts * share) <= 1).all()


def test_alternating_updates_hold_one_language_and_no_language_falls_behind(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), joint=False, updates=300)
    present = members_of_updates(jobs["all"])
    assert (present.sum(axis=1) == 1).all()
    rounds = present.reshape(300, 3, 3)
    assert (rounds.sum(axis=1) == 1).all()
    # Each of the six orders of three languages comes up.
    assert len({tuple(each.argmax(axis=1)) for each in rounds}) == 6


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_in_the_warmup_and_falls_afterwards(schedule: str) -> None:
    rates = np.array([rate_factor(update, 100, 0.1, schedule) for update in range(100)])  # type: ignore[arg-type]
    assert (np.diff(rates[:11]) > 0).all()
    assert rates[10] == 1
    assert (np.diff(rates[10:]) == 0).all() if schedule == "constant" else (np.diff(rates[10:]) < 0).all()
    assert rates.min() > 0
