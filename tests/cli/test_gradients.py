from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from interfere_cli import app
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from interfere import load_result
from tests.text import some_text, write_text
from tests.tiny import save_tiny, tiny_model, tiny_tokenizer

FAST = ["--chunks", "4", "--tokens-per-chunk", "60", "--quiet", "--device", "cpu"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "bert", "bert")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(
        tmp_path_factory.mktemp("data") / "texts", {name: some_text(name, 30) for name in ("de", "en", "ru")}
    )


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["gradients", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def refused(result: Result, code: int, *words: str) -> None:
    """One or two lines on standard error that name what is wrong, the right exit code, and nothing else."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert 1 <= len(result.stderr.strip().splitlines()) <= 3, result.stderr
    for word in words:
        assert word in result.stderr, (word, result.stderr)
    assert result.stdout == ""


def test_a_run_from_folders_to_a_run_directory(bert: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("--model", bert, "--data", texts, "--output-dir", out, *FAST)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines() if str(tmp_path) not in line) <= 80
    for name in (
        "results.json",
        "pairs.csv",
        "self.csv",
        "groups.csv",
        "tensors.csv",
        "chunks.csv",
        "gram.safetensors",
    ):
        assert (out / name).is_file(), name
    for name in ("languages-euclidean", "layers-euclidean"):
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / "figures" / f"{name}.svg").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    loaded = load_result(out)
    assert loaded.languages == ["de", "en", "ru"]
    assert len(loaded.pairs) == 3 * 3


def test_json_on_standard_output(bert: Path, texts: Path, tmp_path: Path) -> None:
    result = run("--model", bert, "--data", texts, "--output-dir", tmp_path / "r", "--format", "json", *FAST)
    assert json.loads(result.stdout)["kind"] == "gradients"
    assert json.loads(result.stdout) == json.loads((tmp_path / "r" / "results.json").read_text())


def test_every_option_reaches_the_run(bert: Path, texts: Path, tmp_path: Path) -> None:
    options = {
        "--languages": "de,en",
        "--objective": "masked-lm",
        "--max-length": "64",
        "--batch-size": "3",
        "--chunks": "5",
        "--tokens-per-chunk": "20",
        "--mask-passes": "2",
        "--scope": "all",
        "--granularity": "module",
        "--metric": "euclidean,adam",
        "--gram": "sketch",
        "--sketch-size": "128",
        "--memory-budget": "1MB",
        "--seed": "4",
        "--margin": "0.1",
        "--mixture": "de=1,en=3",
        "--adam-floor": "0.5",
        "--device": "cpu",
        "--dtype": "float32",
    }
    flat = [item for pair in options.items() for item in pair] + ["--gradient-checkpointing"]
    result = run("--model", bert, "--data", texts, "--output-dir", tmp_path / "r", "--quiet", *flat)
    assert result.exit_code == 0, result.output
    loaded = load_result(tmp_path / "r")
    expected = {
        "objective": "masked-lm",
        "max_length": 64,
        "batch_size": 3,
        "gradient_checkpointing": True,
        "chunks": 5,
        "tokens_per_chunk": 20,
        "mask_passes": 2,
        "scope": "all",
        "granularity": "module",
        "metrics": ["euclidean", "adam"],
        "gram": "sketch",
        "sketch_size": 128,
        "memory_budget": 1_000_000,
        "seed": 4,
        "margin": 0.1,
        "mixture": {"de": 1.0, "en": 3.0},
        "adam_floor": 0.5,
        "device": "cpu",
        "dtype": "float32",
    }
    assert {key: loaded.settings[key] for key in expected} == expected
    assert loaded.languages == ["de", "en"]


def test_progress_goes_to_standard_error(bert: Path, texts: Path, tmp_path: Path) -> None:
    arguments = [a for a in FAST if a != "--quiet"]
    result = run("--model", bert, "--data", texts, "--output-dir", tmp_path / "r", "--format", "json", *arguments)
    assert "left" in result.stderr
    json.loads(result.stdout)


# Wrong models


def test_no_such_model(texts: Path, tmp_path: Path) -> None:
    result = run("--model", tmp_path / "absent", "--data", texts, "--output-dir", tmp_path / "r", *FAST)
    refused(result, 3, "absent")
    refused(run("--model", "some/model", "--data", texts, *FAST), 3, "some/model", "neither a folder nor in the")


def test_a_folder_without_weights(bert: Path, texts: Path, tmp_path: Path) -> None:
    for file in bert.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    refused(run("--model", tmp_path, "--data", texts, "--output-dir", tmp_path / "r", *FAST), 3, "weights")


def test_a_model_without_a_language_model_head(texts: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path / "headless", "bert", model=tiny_model("bert").bert)
    result = run("--model", tmp_path / "headless", "--data", texts, "--output-dir", tmp_path / "r", *FAST)
    refused(result, 3, "head")


def test_weights_that_are_not_numbers(bert: Path, texts: Path, tmp_path: Path) -> None:
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    name = next(key for key in weights if key.endswith("query.weight"))
    weights[name][0, 0] = torch.nan
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    refused(run("--model", tmp_path, "--data", texts, "--output-dir", tmp_path / "r", *FAST), 3, name)


def test_a_tokenizer_without_a_mask_token(texts: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path / "m", "bert", tokenizer=tiny_tokenizer("bert", without=("mask",)))
    result = run("--model", tmp_path / "m", "--data", texts, "--output-dir", tmp_path / "r", *FAST)
    refused(result, 3, "mask")


def test_a_tokenizer_without_a_pad_token_is_fine(texts: Path, tmp_path: Path) -> None:
    save_tiny(tmp_path / "m", "gpt2")
    result = run("--model", tmp_path / "m", "--data", texts, "--output-dir", tmp_path / "r", *FAST)
    assert result.exit_code == 0, result.output


# Wrong text


@pytest.fixture
def bad(texts: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "en.txt").write_bytes((texts / "en.txt").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", 2, ["de.txt", "empty"]),
        (b"gut\n\xff\xfe kaputt\n", 2, ["de.txt", "UTF-8", "line 2"]),
        (b"Ein einziges Dokument.\n", 3, ["de", "--chunks"]),
        (b"eins\nzwei\ndrei\n", 3, ["de", "--chunks"]),
    ],
    ids=["empty", "not UTF-8", "one document", "fewer documents than slots"],
)
def test_a_wrong_language_file(
    bert: Path, bad: Path, tmp_path: Path, content: bytes, code: int, words: list[str]
) -> None:
    (bad / "de.txt").write_bytes(content)
    refused(run("--model", bert, "--data", bad, "--output-dir", tmp_path / "r", *FAST), code, *words)
    assert not (tmp_path / "r.part").exists()


@pytest.mark.slow
def test_very_long_lines_are_cut_and_said(bert: Path, bad: Path, tmp_path: Path) -> None:
    line = " ".join(some_text("de", 2500, seed=1))
    assert len(line) > 100_000
    (bad / "de.txt").write_text("\n".join(f"{n} {line}" for n in range(6)))
    result = run("--model", bert, "--data", bad, "--output-dir", tmp_path / "r", "--languages", "de,en", *FAST)
    assert result.exit_code == 0, result.output
    assert "cut at 128 tokens (--max-length): 5 of 5 in de" in " ".join(result.stdout.split())


def test_a_missing_folder_and_a_missing_language(bert: Path, texts: Path, tmp_path: Path) -> None:
    out = ["--output-dir", tmp_path / "r", *FAST]
    refused(run("--model", bert, "--data", tmp_path / "absent", *out), 2, "absent")
    refused(run("--model", bert, "--data", texts, "--languages", "de,fr", *out), 2, "fr", "de, en, ru")
    refused(run("--model", bert, "--data", texts, "--languages", "de", *out), 2, "at least 2")
    refused(run("--model", bert, "--data", texts, "--languages", "de,../x", *out), 2, "../x")


def test_a_language_may_be_called_like_markup(bert: Path, bad: Path, tmp_path: Path) -> None:
    (bad / "<b>.txt").write_bytes((bad / "en.txt").read_bytes().replace(b"The", b"A"))
    result = run("--model", bert, "--data", bad, "--output-dir", tmp_path / "r", *FAST)
    assert result.exit_code == 0, result.output
    assert "<b>" in result.stdout
    svg = (tmp_path / "r" / "figures" / "languages-euclidean.svg").read_text()
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg


# Wrong options


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--chunks", "1"], "--chunks"),
        (["--batch-size", "none"], "--batch-size"),
        (["--metric", "cosine"], "--metric"),
        (["--memory-budget", "much"], "--memory-budget"),
        (["--mixture", "de:1"], "--mixture"),
        (["--mixture", "de=1"], "--mixture"),
        (["--max-length", "9999"], "9999"),
        (["--mask-passes", "50"], "mask"),
        (["--objective", "clm"], "clm"),
        (["--device", "abacus"], "abacus"),
        (["--gram", "exact", "--memory-budget", "10"], "--memory-budget"),
    ],
)
def test_a_wrong_option(bert: Path, texts: Path, tmp_path: Path, options: list[str], word: str) -> None:
    result = run("--model", bert, "--data", texts, "--output-dir", tmp_path / "r", *FAST, *options)
    refused(result, 2, word)
    assert not (tmp_path / "r").exists()


def test_a_choice_that_does_not_exist_and_a_missing_option(bert: Path, texts: Path) -> None:
    result = run("--model", bert, "--data", texts, "--scope", "heads")
    assert result.exit_code == 2
    assert "--scope" in result.stderr
    assert run("--data", texts).exit_code == 2


def test_an_output_folder_that_exists(bert: Path, texts: Path, tmp_path: Path) -> None:
    command = ["--model", bert, "--data", texts, "--output-dir", tmp_path / "r", *FAST]
    assert run(*command).exit_code == 0
    before = (tmp_path / "r" / "results.json").read_bytes()
    refused(run(*command), 2, "exists", "--overwrite")
    assert (tmp_path / "r" / "results.json").read_bytes() == before
    assert run(*command, "--overwrite", "--seed", "1").exit_code == 0
    assert load_result(tmp_path / "r").settings["seed"] == 1


def test_an_output_path_below_a_file(bert: Path, texts: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run("--model", bert, "--data", texts, "--output-dir", tmp_path / "file" / "r", *FAST), 3, "--output-dir")


# Interruption


def test_ctrl_c_leaves_nothing_that_looks_finished_and_resume_goes_on(bert: Path, texts: Path, tmp_path: Path) -> None:
    out, part = tmp_path / "r", tmp_path / "r.part"
    options = ["--chunks", "7", "--tokens-per-chunk", "400", "--mask-passes", "6", "--granularity", "tensor", "--quiet"]
    command = ["--model", str(bert), "--data", str(texts), "--device", "cpu", *options]
    # A shell that runs tests in the background has its children ignore Ctrl-C.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from interfere_cli import main; main()"
    program = [sys.executable, "-c", code, "gradients"]
    process = subprocess.Popen(
        [*program, *command, "--output-dir", str(out)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(part.glob("work/chunk-*.safetensors"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "--resume" in stderr
    assert not out.exists()
    done = {p.name: p.stat().st_mtime_ns for p in part.glob("work/chunk-*.safetensors")}
    assert 2 <= len(done) < 21
    refused(run(*command, "--output-dir", out), 2, "unfinished", "--resume")
    refused(run(*command, "--output-dir", out, "--resume", "--seed", "9"), 2, "settings.seed")
    assert run(*command, "--output-dir", out, "--resume").exit_code == 0
    assert run(*command, "--output-dir", tmp_path / "whole").exit_code == 0
    assert (out / "gram.safetensors").read_bytes() == (tmp_path / "whole" / "gram.safetensors").read_bytes()


# The frame


def test_help_and_import_load_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, interfere, interfere_cli\n"
        "sys.argv = ['interfere', *sys.argv[1:]]\n"
        "try:\n    interfere_cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'pandas', 'matplotlib', 'scipy', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(' '.join(heavy) or 0)"
    )
    for arguments in (["--help"], ["gradients", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_public_names_exist() -> None:
    import interfere

    for name in interfere.__all__:
        assert getattr(interfere, name) is not None
    with pytest.raises(AttributeError):
        interfere.no_such_name  # noqa: B018
