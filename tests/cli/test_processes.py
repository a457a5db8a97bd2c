"""Several processes give the numbers of one, and what dies can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from interfere import GradientSettings, analyze_gradients, bundled_corpus, load_checkpoint, load_result, read_corpus
from interfere.bundled import checkpoint_directory
from interfere.corpus import deal_slots
from interfere.engine import Microbatches, plan_chunks
from interfere.objectives import make_objective

LANGUAGES = ["de", "ru", "zh"]
SETTINGS = GradientSettings(
    chunks=10, tokens_per_chunk=100, metrics=("euclidean", "adam"), sketch_size=2000, gram="sketch"
)
OPTIONS = [
    *("--languages", "de,ru,zh", "--chunks", "10", "--tokens-per-chunk", "100", "--metric", "euclidean,adam"),
    *("--gram", "sketch", "--sketch-size", "2000", "--quiet"),
]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def _command(output: Path, *options: str, processes: int = 1) -> list[str]:
    launcher = TORCHRUN if processes == 2 else []
    model = str(checkpoint_directory())
    arguments = ["gradients", "--model", model, *OPTIONS, "--output-dir", str(output), *options]
    return [sys.executable, *launcher, "-m", "interfere", *arguments]


def _environment() -> dict[str, str]:
    # Started from a test process that may have variables of its own about processes.
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def _wait_for_chunks(part: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while len(list(part.glob("work/chunk-*.safetensors"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run(_command(output), check=True, capture_output=True, env=_environment())
    return output


def test_two_processes_give_the_numbers_of_one(uninterrupted: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        _command(tmp_path / "run", processes=2), check=False, capture_output=True, text=True, env=_environment()
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The report:") == 1
    one, two = load_result(uninterrupted), load_result(tmp_path / "run")
    for name, gram in one.arrays.items():
        np.testing.assert_allclose(two.arrays[name], gram, rtol=0, atol=1e-6 * np.abs(gram).max())
    np.testing.assert_allclose(two.pairs["corrected"], one.pairs["corrected"], rtol=0, atol=1e-5)
    assert list(two.pairs["verdict"]) == list(one.pairs["verdict"])
    assert list(two.chunks["loss"]) == pytest.approx(list(one.chunks["loss"]), rel=1e-6)


@pytest.mark.slow
def test_a_model_that_is_spread_over_processes_gives_the_numbers_of_a_whole_one(tmp_path: Path) -> None:
    options = ["--metric", "euclidean", "--languages", "de,ru", "--chunks", "4"]
    for name, more, processes in (("whole", [], 1), ("spread", ["--shard", "--gradient-checkpointing"], 2)):
        command = _command(tmp_path / name, *options, *more, processes=processes)
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
    whole, spread = load_result(tmp_path / "whole"), load_result(tmp_path / "spread")
    assert spread.settings["loss_path_reason"] == "the model is spread over processes"
    for name, gram in whole.arrays.items():
        np.testing.assert_allclose(spread.arrays[name], gram, rtol=0, atol=1e-5 * np.abs(gram).max())
    assert list(spread.chunks["loss"]) == pytest.approx(list(whole.chunks["loss"]), rel=1e-5)
    assert list(spread.chunks["tokens"]) == list(whole.chunks["tokens"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--metric", "euclidean"], "start several with torchrun"),
        (["--metric", "adam"], "--metric euclidean alone"),
        (["--metric", "euclidean", "--gram", "exact"], "leave --gram exact out"),
    ],
)
def test_what_a_spread_model_cannot_do_is_said(options: list[str], words: str, tmp_path: Path) -> None:
    command = _command(tmp_path / "run", "--shard", *options)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_environment())
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are told apart by /proc")
def test_a_process_that_dies_ends_the_run_and_it_can_be_resumed(uninterrupted: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    running = subprocess.Popen(
        _command(output, processes=2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    )
    part = tmp_path / "run.part"
    _wait_for_chunks(part, 5, running)
    _process_of_rank(1, running.pid).kill()
    _, errors = running.communicate(timeout=120)
    assert running.returncode != 0
    assert f"Finished chunks are kept in {part}: the same command with --resume continues" in errors.decode()
    assert part.is_dir()
    subprocess.run(
        _command(output, "--resume", processes=2), check=True, capture_output=True, env=_environment(), timeout=300
    )
    for name, gram in load_result(uninterrupted).arrays.items():
        np.testing.assert_allclose(load_result(output).arrays[name], gram, rtol=0, atol=1e-6 * np.abs(gram).max())


@pytest.mark.slow
def test_what_is_wrong_is_said_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [*_command(tmp_path / "run", processes=2), "--mixture", "de=1"],
        check=False,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert done.returncode != 0
    assert done.stderr.count("--mixture gives weights for de") == 1


@pytest.mark.slow
def test_a_killed_run_computes_what_is_missing_and_nothing_else(uninterrupted: Path, tmp_path: Path) -> None:
    running = subprocess.Popen(_command(tmp_path / "run"), stdout=subprocess.DEVNULL, env=_environment())
    part = tmp_path / "run.part"
    _wait_for_chunks(part, 7, running)
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=60)
    kept = len(list(part.glob("work/chunk-*.safetensors")))
    assert 7 <= kept < 30

    checkpoint, corpus = load_checkpoint(checkpoint_directory()), read_corpus(bundled_corpus(), LANGUAGES)
    objective = make_objective("auto", checkpoint)
    chunks, _ = plan_chunks(objective, deal_slots(corpus, 10, 0), 100, calibration=False)
    cut = Microbatches.for_device(None, "cpu")
    passes = [len(cut.plan([len(e.input_ids) for e in chunk.examples])) for chunk in chunks.values()]
    names = sorted({language for language, _ in chunks})
    there = [
        (part / "work" / f"chunk-{names.index(language):04d}-{slot:04d}.safetensors").exists()
        for language, slot in chunks
    ]
    assert sum(there) == kept
    counted = [0]
    layer = checkpoint.model.base_model
    layer.register_forward_hook(lambda *_: counted.__setitem__(0, counted[0] + 1))
    result = analyze_gradients(checkpoint, corpus, settings=SETTINGS, workdir=part / "work")
    assert counted[0] == sum(n for n, done in zip(passes, there, strict=True) if not done)
    for name, gram in load_result(uninterrupted).arrays.items():
        np.testing.assert_allclose(result.arrays[name], gram, rtol=0, atol=1e-6 * np.abs(gram).max())


def test_being_told_to_terminate_is_answered_with_how_to_go_on(tmp_path: Path) -> None:
    running = subprocess.Popen(
        _command(tmp_path / "run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    )
    _wait_for_chunks(tmp_path / "run.part", 3, running)
    running.terminate()
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "terminated from outside" in errors.decode()
    assert "--resume" in errors.decode()


def _process_of_rank(rank: int, launcher: int) -> _Process:
    for folder in Path("/proc").iterdir():
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == launcher and f"RANK={rank}".encode() in environment:
            return _Process(int(folder.name))
    raise AssertionError(f"no process of rank {rank}")


class _Process:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
