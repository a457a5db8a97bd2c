from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere import load_result
from tests.text import some_text, write_text
from tests.tiny import save_tiny

FAST = ["--quiet", "--device", "cpu"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("many", "de", "en")):
        save_tiny(folder / name, "gpt2", seed=seed)
    save_tiny(folder / "bert", "bert")
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("data") / "texts", {name: some_text(name, 20) for name in ("de", "en")})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["deltas", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def given(models: Path, texts: Path) -> list[str | Path]:
    return ["--multilingual", models / "many", "--monolingual", f"de={models / 'de'}", "--data", texts, *FAST]


def test_a_run_from_folders_to_a_run_directory(models: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run(*given(models, texts), "--monolingual", f"en={models / 'en'}", "--output-dir", out)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines() if str(tmp_path) not in line) <= 80
    for name in ("deltas.csv", "quality.csv", "models.csv", "documents.csv", "results.json", "report.html"):
        assert (out / name).is_file(), name
    assert len(list((out / "figures").glob("*.png"))) >= 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert list(load_result(out).tables["deltas"]["language"]) == ["de", "en"]


def test_every_option_reaches_the_run(models: Path, texts: Path, tmp_path: Path) -> None:
    options = {
        "--documents": "15",
        "--max-length": "30",
        "--stride": "9",
        "--mask-passes": "all",
        "--seed": "3",
        "--batch-size": "2",
    }
    flat = [item for pair in options.items() for item in pair]
    result = run(*given(models, texts), *flat, "--whole-word", "--output-dir", tmp_path / "r", "--format", "json")
    assert result.exit_code == 0, result.output
    settings = json.loads(result.stdout)["settings"]
    wanted = {"documents": 15, "max_length": 30, "stride": 9, "mask_passes": None, "seed": 3, "batch_size": 2}
    assert {name: settings[name] for name in wanted} == wanted
    assert settings["whole_word"] is True


def test_curves_and_sizes(models: Path, texts: Path, tmp_path: Path) -> None:
    result = run(
        "--multilingual", f"two={models / 'many'}", "--multilingual", f"three={models / 'en'}",
        "--monolingual", f"de@1MB={models / 'de'}", "--monolingual", f"de@2MB={models / 'en'}",
        "--data", texts, "--output-dir", tmp_path / "r", *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    tables = load_result(tmp_path / "r").tables
    assert list(tables["deltas"]["multilingual"]) == ["two", "three"]
    assert list(tables["worth"]["most"]) == [2e6, 2e6]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--monolingual", "fi=MODELS/de"], "there is no held-out text of 'fi'; the data has de, en"),
        (["--monolingual", "en=MODELS/bert"], "is made for masked-lm and"),
        (["--monolingual", "MODELS/de"], "give LANGUAGE=MODEL"),
        (["--monolingual", "de=MODELS/en"], "'de' has a model already"),
        (["--multilingual", "MODELS/en"], "two models are called 'multilingual'"),
        (["--multilingual", "de=MODELS/en"], "'de' is the name of a monolingual model"),
        (["--documents", "many"], "--documents 'many': give a whole number, or all"),
        (["--mask-passes", "1"], "--mask-passes 1: give at least 2"),
        (["--max-length", "20", "--stride", "30"], "--stride 30 must not exceed"),
        (["--epochs", "3"], "--epochs is for --task alone"),
        (["--task", "text-classification", "--whole-word"], "--whole-word is not for --task"),
        (["--monolingual", "en=MODELS/none"], "MODELS/none"),
    ],
)
def test_wrong_input_is_named_with_exit_code_2(
    arguments: list[str], words: str, models: Path, texts: Path, tmp_path: Path
) -> None:
    written = [argument.replace("MODELS", str(models)) for argument in arguments]
    result = run(*given(models, texts), *written, "--output-dir", tmp_path / "r")
    assert result.exit_code in (2, 3), result.output
    assert words.replace("MODELS", str(models)) in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "r").exists()


def test_a_labelled_task(models: Path, tmp_path: Path) -> None:
    data = tmp_path / "labelled"
    data.mkdir()
    for language in ("de", "en"):
        for part, count in (("train", 12), ("test", 10)):
            rows = [
                {"text": text, "label": "long" if len(text) > 40 else "short"}
                for text in some_text(language, 2 * count, seed=len(part))
            ]
            (data / f"{language}.{part}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = run(
        "--multilingual", models / "bert", "--monolingual", f"de={models / 'bert'}", "--data", data,
        "--task", "text-classification", "--task-seeds", "2", "--epochs", "1", "--output-dir", tmp_path / "r", *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = load_result(tmp_path / "r")
    assert found.kind == "tasks"
    # The same model on both sides: fine-tuned with the same seeds it is the same again.
    assert (found.tables["task_deltas"]["delta"] == 0).all()


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "interfere", "deltas", *map(str, arguments)]


def test_a_killed_run_goes_on_with_the_same_bits(models: Path, tmp_path: Path) -> None:
    texts = write_text(tmp_path / "texts", {"de": some_text("de", 400, words=(20, 40))})
    options = ["--multilingual", models / "many", "--monolingual", f"de={models / 'de'}", "--data", texts, *FAST]
    options += ["--batch-size", "1"]
    out = tmp_path / "killed"
    process = subprocess.Popen(command(*options, "--output-dir", out), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed.part").rglob("chunk-*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not out.exists()
    assert run(*options, "--output-dir", out, "--resume").exit_code == 0
    assert run(*options, "--output-dir", tmp_path / "whole").exit_code == 0
    bits = [load_result(folder).tables["documents"]["bits"] for folder in (out, tmp_path / "whole")]
    assert (bits[0] == bits[1]).all()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
def test_a_full_disk_is_said(models: Path, texts: Path, tmp_path: Path) -> None:
    limited = "import resource, sys, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)); from interfere_cli import main; main()"
    arguments = [sys.executable, "-c", limited, "deltas", *map(str, given(models, texts)), "--output-dir", "run"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("interfere: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
