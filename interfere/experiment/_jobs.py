"""Running many jobs, by whatever runs functions."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from pathlib import Path

from interfere.engine import Progress, ProgressCallback
from interfere.errors import InterfereError, RunError
from interfere.experiment._run_job import is_finished, run_job
from interfere.experiment._spec import JobSpec


def run_jobs(
    specs: Sequence[JobSpec], executor: Executor | None = None, progress: ProgressCallback | None = None
) -> list[Path]:
    """Train the models that are not trained yet.

    What is trained does not depend on the executor: each job has its own number of threads.

    Args:
        specs: the models.
        executor: anything with the interface of `concurrent.futures`; where it runs jobs, the folders of the specs
            are the same. None: one after another, here.
        progress: called after each model with a `Progress` whose unit is updates.

    Returns:
        The folders of all models, in the order of `specs`.

    Raises:
        InputError: a folder holds a model of another spec; nothing is trained then.
        RunError: a job failed; the message names it. Jobs that have not begun are cancelled; those that run go on for
            as long as the executor lives, and none is lost: a job goes on from its last saved state.
    """
    missing = [spec for spec in specs if not is_finished(spec)]
    tally = _Tally(sum(spec.updates for spec in missing), progress)
    waiting: dict[Future[Path], JobSpec] = {}
    try:
        for spec in missing:
            if executor is None:
                run_job(spec)
                tally.add(spec)
                continue
            waiting[executor.submit(run_job, spec)] = spec
            # An executor may run a job before it returns; failures and progress are told at once there as well.
            _collect({future for future in waiting if future.done()}, waiting, tally)
        while waiting:
            _collect(wait(waiting, return_when=FIRST_COMPLETED).done, waiting, tally)
    finally:
        for future in waiting:
            future.cancel()
    return [Path(spec.folder) for spec in specs]


def process_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of processes for `run_jobs`.

    Processes are started anew rather than forked: a fork of a process in which PyTorch has threads may hang. A script
    that makes a pool therefore does so under `if __name__ == "__main__":`, since every process imports it.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, were it killed: it would train on for nobody."""
    parent = multiprocessing.parent_process()

    def wait_for_it() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


class _Tally:
    """Updates that are done."""

    def __init__(self, total: int, progress: ProgressCallback | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, spec: JobSpec) -> None:
        self.done += spec.updates
        if self.progress is not None:
            self.progress(Progress("training", self.done, self.total, spec.name))


def _collect(done: set[Future[Path]], waiting: dict[Future[Path], JobSpec], tally: _Tally) -> None:
    """Take finished jobs out of those that are waited for, in the order of their specs."""
    for future in [future for future in waiting if future in done]:
        spec = waiting.pop(future)
        try:
            future.result()
        except InterfereError as error:
            named = spec.name in str(error)
            raise error if named else type(error)(f"{spec.name}: {error}") from error
        except BrokenExecutor:
            raise RunError(
                f"a process that trained models ended without a word, at {spec.name} or at another: it was stopped, "
                "or memory ran out; run again to go on, with fewer processes if it was memory"
            ) from None
        tally.add(spec)
