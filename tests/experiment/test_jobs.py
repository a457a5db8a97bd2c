from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interfere import InputError, RunError
from interfere.engine import Progress
from interfere.experiment import JobSpec, is_finished, process_pool, run_job, run_jobs
from tests.experiment.small import same_weights, small_plan

pytestmark = pytest.mark.slow


class _AtOnce(Executor):
    """Runs a job before `submit` returns."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_executor_does_not_change_the_models(tmp_path: Path, dropout: float) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), dropout=dropout)
    specs = list(jobs.values())
    here = run_jobs(specs)
    assert here == [Path(spec.folder) for spec in specs]
    executors: dict[str, Executor] = {"threads": ThreadPoolExecutor(2), "at-once": _AtOnce()}
    if not dropout:
        executors["processes"] = process_pool(2)
    for name, executor in executors.items():
        moved = [replace(spec, folder=str(tmp_path / name / spec.name)) for spec in specs]
        told: list[Progress] = []
        with executor:
            folders = run_jobs(moved, executor, told.append)
        assert all(same_weights(one, other) for one, other in zip(here, folders, strict=True))
        assert [(each.phase, each.done, each.total) for each in told] == [
            ("training", 12 * turn, 48) for turn in (1, 2, 3, 4)
        ]
        assert {each.detail for each in told} == {spec.name for spec in specs}


def test_finished_jobs_are_not_submitted(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("mono",))
    run_job(jobs["en"])
    told: list[Progress] = []
    folders = run_jobs(list(jobs.values()), _AtOnce(), told.append)
    assert [each.detail for each in told] == ["de-w8-t1-s0", "ru-w8-t1-s0"]
    assert [each.total for each in told] == [24, 24]
    assert len(folders) == 3


@pytest.mark.parametrize("executor", [None, _AtOnce(), "thread"])
def test_the_first_failure_stops_the_rest_and_names_the_job(tmp_path: Path, executor: Any) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("mono",))
    specs = list(jobs.values())
    specs[1] = replace(specs[1], learning_rate=1e30)
    with ThreadPoolExecutor(1) as pool, pytest.raises(RunError, match="en-w8-t1-s0"):
        run_jobs(specs, pool if executor == "thread" else executor)
    assert is_finished(specs[0])
    # A pool of one thread may have taken the next job before the failure was seen; others have not.
    assert executor == "thread" or not is_finished(specs[2])


def test_a_folder_of_another_spec_is_found_before_anything_is_trained(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("mono",))
    run_job(jobs["ru"])
    specs = [jobs["de"], replace(jobs["ru"], weight_decay=0.5)]
    with pytest.raises(InputError, match="another weight_decay"):
        run_jobs(specs)
    assert not is_finished(specs[0])


def _train_and_be_killed(job: JobSpec) -> None:
    def kill(update: int) -> None:
        if update == 7:
            os.kill(os.getpid(), signal.SIGKILL)

    run_job(job, save_every=0, on_update=kill)


class _Deadly(Executor):
    """A pool whose processes are killed in the middle of a job."""

    def __init__(self) -> None:
        self._pool = process_pool(1)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._pool.submit(_train_and_be_killed, *args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def test_a_process_that_is_killed_is_told_and_its_training_taken_up(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("mono",))
    job = jobs["de"]
    with _Deadly() as executor, pytest.raises(RunError, match=r"ended without a word, at de-w8-t1-s0"):
        run_jobs([job], executor)
    seen: list[int] = []
    folder = run_job(job, on_update=seen.append)
    assert seen == [8, 9, 10, 11, 12]
    assert same_weights(folder, run_job(replace(job, folder=str(tmp_path / "whole"))))
