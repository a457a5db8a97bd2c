from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere import RunError, load_result
from interfere.settings import ImportanceSettings
from tests.text import some_text, write_text
from tests.tiny import save_tiny

FAST = ["--chunks", "4", "--tokens-per-chunk", "60", "--quiet", "--device", "cpu", "--top", "0.2"]
ABLATE = ["--ablate", "--draws", "2"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "llama", "llama")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(
        tmp_path_factory.mktemp("data") / "texts", {name: some_text(name, 30) for name in ("de", "en", "ru")}
    )


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["importance", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def test_a_run_from_folders_to_a_run_directory(llama: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("--model", llama, "--data", texts, "--output-dir", out, *FAST, *ABLATE)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines() if str(tmp_path) not in line) <= 80
    assert f"The report: {out / 'report.html'}" in result.stdout.replace("\n", "")
    tables = ("layers", "overlap", "own_units", "own_counts", "units", "chunks", "ablation", "specificity")
    for name in (*(f"{table}.csv" for table in tables), "results.json", "scores.safetensors", "report.html"):
        assert (out / name).is_file(), name
    pictures = list((out / "figures").glob("*.png"))
    assert len(pictures) >= 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert load_result(out).languages == ["de", "en", "ru"]


def test_json_on_standard_output(llama: Path, texts: Path, tmp_path: Path) -> None:
    options = ["--method", "activation", "--format", "json"]
    result = run("--model", llama, "--data", texts, "--output-dir", tmp_path / "r", *options, *FAST)
    assert json.loads(result.stdout)["kind"] == "importance"
    assert json.loads(result.stdout) == json.loads((tmp_path / "r" / "results.json").read_text())


def test_every_option_reaches_the_run(llama: Path, texts: Path, tmp_path: Path) -> None:
    options = {
        "--method": "gates,fisher",
        "--top": "0.3",
        "--ablation": "zero",
        "--draws": "3",
        "--gate-steps": "2",
        "--gate-sparsity": "0.5,2",
        "--gate-rate": "0.2",
        "--chunks": "4",
        "--tokens-per-chunk": "50",
        "--max-length": "30",
        "--seed": "3",
        "--batch-size": "2",
    }
    flat = [item for pair in options.items() for item in pair]
    result = run("--model", llama, "--data", texts, "--output-dir", tmp_path / "r", "--ablate", "--quiet", *flat)
    assert result.exit_code == 0, result.output
    expected = ImportanceSettings(
        methods=("gates", "fisher"),
        top=0.3,
        ablate=True,
        ablation="zero",
        draws=3,
        gate_steps=2,
        gate_sparsity=(0.5, 2.0),
        gate_rate=0.2,
        chunks=4,
        tokens_per_chunk=50,
        max_length=30,
        seed=3,
        batch_size=2,
    )
    recorded = load_result(tmp_path / "r").settings
    for name, value in vars(expected).items():
        assert recorded[name] == (list(value) if isinstance(value, tuple) else value), name
    assert set(load_result(tmp_path / "r").tables["gates"]["sparsity"]) == {0.5, 2.0}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--method", "magic"], 2, ["--method 'magic'", "choose from taylor, fisher, activation, gates"]),
        (["--top", "2"], 2, ["--top 2.0", "between 0 and 1"]),
        (["--gate-sparsity", "low"], 2, ["--gate-sparsity 'low'", "0.5,1"]),
        (["--languages", "de"], 2, ["1 language"]),
        (["--languages", "de,xx"], 2, ["'xx'"]),
        (["--batch-size", "some"], 2, ["--batch-size 'some'"]),
        (["--top", "0.001", "--ablate"], 2, ["--top 0.001", "is none of them"]),
    ],
)
def test_wrong_inputs(
    llama: Path, texts: Path, tmp_path: Path, options: list[str], code: int, words: list[str]
) -> None:
    result = run("--model", llama, "--data", texts, "--output-dir", tmp_path / "r", *FAST, *options)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr, result.stderr
    assert not (tmp_path / "r").exists()


def test_an_unfinished_run_of_other_settings_is_not_continued(
    llama: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise RunError("no more")

    out = tmp_path / "r"
    with monkeypatch.context() as patched:
        patched.setattr("interfere.importance._analyze.measure_damage", stop)
        failed = run("--model", llama, "--data", texts, "--output-dir", out, *FAST, "--ablate")
    assert failed.exit_code == 3
    assert "the same command with --resume continues" in failed.stderr
    again = run("--model", llama, "--data", texts, "--output-dir", out, *FAST, "--top", "0.3", "--resume")
    assert again.exit_code == 2
    assert "settings.ablate, settings.top" in again.stderr


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(llama: Path, texts: Path, tmp_path: Path) -> None:
    options = ["--model", llama, "--data", texts, *FAST, *ABLATE, "--method", "taylor,gates", "--gate-steps", "2"]
    assert run(*options, "--output-dir", tmp_path / "one").exit_code == 0
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "interfere", "importance"]
    done = subprocess.run(
        [sys.executable, *launcher, *map(str, options), "--output-dir", str(tmp_path / "two")],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The report:") == 1
    one, two = load_result(tmp_path / "one"), load_result(tmp_path / "two")
    for method, scores in one.arrays.items():
        np.testing.assert_allclose(two.arrays[method], scores, rtol=1e-4, atol=1e-6)
    for name in ("ablation", "specificity"):
        numbers = one.tables[name].select_dtypes("number")
        np.testing.assert_allclose(two.tables[name][numbers.columns], numbers, rtol=1e-3, atol=1e-5)
