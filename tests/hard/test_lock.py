"""Two processes never write to one folder, and a dead one stands in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interfere.errors import InputError, RunError
from interfere.results import FolderLock, RunDirectory

_HOLD = """
import sys, time
from interfere.results import FolderLock
lock = FolderLock.take(__import__("pathlib").Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes to a folder."""
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_second_process_is_told_which_one_writes_and_a_killed_one_is_forgotten(tmp_path: Path) -> None:
    part = tmp_path / "run.part"
    with another_process(part) as process:
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(RunError, match=f"being written by process {process.pid} on"):
                RunDirectory.check(tmp_path / "run", **options)
        with pytest.raises(RunError, match=f"process {process.pid} on"):
            FolderLock.take(part)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with pytest.raises(InputError, match="--resume continues it"):
            RunDirectory.check(tmp_path / "run")
        RunDirectory.check(tmp_path / "run", resume=True).open().finish()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not list((tmp_path / "run").iterdir())


def test_a_run_that_began_in_the_meantime_is_not_touched(tmp_path: Path) -> None:
    late = RunDirectory.check(tmp_path / "run", overwrite=True)
    with another_process(tmp_path / "run.part") as process:
        (tmp_path / "run.part" / "kept").write_text("1")
        with pytest.raises(RunError, match=f"process {process.pid}"):
            late.open()
        assert late.worth_resuming() is False
        assert (tmp_path / "run.part" / "kept").exists()


def test_a_run_that_was_finished_in_the_meantime_is_not_written_again(tmp_path: Path) -> None:
    late = RunDirectory.check(tmp_path / "run")
    first = RunDirectory.check(tmp_path / "run").open()
    (first.path / "results.json").write_text("{}")
    first.finish()
    with pytest.raises(RunError, match="just been finished"):
        late.open()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_lock_is_free_again_once_it_is_released_or_its_owner_is_gone(tmp_path: Path) -> None:
    lock = FolderLock.take(tmp_path)
    with pytest.raises(RunError, match=f"process {os.getpid()} "):
        FolderLock.take(tmp_path)
    lock.release()
    lock.release()
    assert not list(tmp_path.iterdir())
    second = FolderLock.take(tmp_path)
    del second
    FolderLock.take(tmp_path).release()


def test_a_run_can_be_told_to_other_processes_of_its_own(tmp_path: Path) -> None:
    import pickle

    run = RunDirectory.check(tmp_path / "run").open()
    told = pickle.loads(pickle.dumps(run))
    assert (told, told.work) == (run, run.work)
    assert told.worth_resuming() is False
    assert run.path.is_dir()


def test_a_model_is_trained_by_one_process(tmp_path: Path) -> None:
    from interfere.experiment import run_job
    from tests.experiment.small import small_plan

    _, _, jobs = small_plan(tmp_path, updates=2)
    spec = next(iter(jobs.values()))
    folder = Path(spec.folder)
    with another_process(folder.with_name(folder.name + ".part")) as process:
        with pytest.raises(RunError, match=f"process {process.pid} on"):
            run_job(spec)
        process.kill()
        process.wait()
        assert run_job(spec) == folder
    assert not (folder / "lock").exists()


def test_the_command_line_says_who_writes_before_it_loads_anything(tmp_path: Path) -> None:
    from interfere_cli import app
    from typer.testing import CliRunner

    with another_process(tmp_path / "run.part") as process:
        for option in ("--resume", "--overwrite", "--quiet"):
            arguments = ["gradients", "--model", "nowhere", option, "--output-dir", str(tmp_path / "run")]
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 3
            assert f"being written by process {process.pid} on" in done.stderr
