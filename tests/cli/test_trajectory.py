from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere import load_result
from tests.text import some_text, write_text
from tests.tiny import save_tiny

FAST = ["--chunks", "4", "--tokens-per-chunk", "60", "--quiet", "--device", "cpu"]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "training"
    for step in (10, 200):
        save_tiny(folder / f"checkpoint-{step}", "bert", seed=step)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("data") / "t", {name: some_text(name, 30) for name in ("de", "en", "ru")})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["trajectory", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def refused(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert 1 <= len(result.stderr.strip().splitlines()) <= 3, result.stderr
    for word in words:
        assert word in result.stderr, (word, result.stderr)
    assert result.stdout == ""


def test_from_checkpoints_to_a_run_directory(training: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "along"
    # As a shell expands --checkpoints training/checkpoint-*.
    folders = [training / "checkpoint-10", training / "checkpoint-200"]
    result = run("--checkpoints", *folders, "--data", data, "--output-dir", out, *FAST)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines() if str(tmp_path) not in line) <= 80
    for name in (
        "results.json",
        "pairs.csv",
        "self.csv",
        "groups.csv",
        "checkpoints.csv",
        "changes.csv",
        "report.html",
    ):
        assert (out / name).is_file(), name
    for name in ("cosines", "verdicts", "languages"):
        assert (out / "figures" / f"{name}-euclidean.png").read_bytes().startswith(b"\x89PNG")
    loaded = load_result(out)
    assert loaded.kind == "trajectory"
    assert list(loaded.tables["checkpoints"]["step"]) == [10, 200]
    assert load_result(out / "checkpoints" / "checkpoint-10").kind == "gradients"


def test_wrong_command_lines(training: Path, data: Path, tmp_path: Path) -> None:
    out = ["--data", data, "--output-dir", tmp_path / "x", *FAST]
    refused(run(*out), 2, "--checkpoints", "--revisions")
    refused(run("--model", "m", *out), 2, "--revisions step1000,step2000")
    refused(run("--checkpoints", training, "--model", "m", *out), 2, "not both")
    refused(run("--checkpoints", training / "step*", *out), 2, "no such folder")
    refused(run("--checkpoints", training, *out), 2, "holds checkpoints and is none", "checkpoint-*")
    refused(run("--checkpoints", training / "checkpoint-*", *out, "--chunks", "1"), 2, "--chunks")
    refused(run("--checkpoints", training / "checkpoint-*", *out, "--languages", "de,xx"), 2, "xx")
    assert not (tmp_path / "x").exists()
    missing = run("--model", "no/such-model", "--revisions", "step1,step2", *out)
    refused(missing, 3, "checkpoint 'step1'", "no/such-model")


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_command(training: Path, data: Path, tmp_path: Path) -> None:
    arguments = ["trajectory", "--checkpoints", str(training / "checkpoint-*"), "--data", str(data), "--format", "json"]
    arguments += ["--output-dir", str(tmp_path / "along"), "--mask-passes", "5", *FAST[2:], "--chunks", "6"]
    command = [sys.executable, "-m", "interfere", *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    part = tmp_path / "along" / "checkpoints" / "checkpoint-200.part" / "work"
    deadline = time.monotonic() + 120
    while len(list(part.glob("chunk-*.safetensors"))) < 3:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "along" / "results.json").exists()
    finished = {file: file.stat().st_mtime_ns for file in part.glob("chunk-*.safetensors")}
    first = tmp_path / "along" / "checkpoints" / "checkpoint-10" / "results.json"
    written = first.stat().st_mtime_ns
    assert len(finished) < 18

    resumed = CliRunner().invoke(app, arguments, env={"HF_HUB_OFFLINE": "1"})
    assert resumed.exit_code == 0, resumed.output
    assert first.stat().st_mtime_ns == written
    assert not part.exists()
    alone = CliRunner().invoke(app, [a.replace("along", "alone") for a in arguments], env={"HF_HUB_OFFLINE": "1"})
    assert alone.exit_code == 0, alone.output
    one, other = load_result(tmp_path / "along"), load_result(tmp_path / "alone")
    for name in ("pairs", "self", "changes"):
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
