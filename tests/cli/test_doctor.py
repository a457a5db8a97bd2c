from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from interfere_cli import app
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from tests.text import some_text, write_text
from tests.tiny import save_tiny, tiny_tokenizer

FAST = ["--chunks", "4", "--tokens-per-chunk", "60", "--quiet", "--device", "cpu"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "bert", "bert")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("data") / "texts", {n: some_text(n, 30) for n in ("de", "en", "ru")})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["doctor", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def strict(text: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    document: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return document


def test_a_checkpoint_in_order_passes(bert: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--model", bert, "--data", texts, *FAST)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines[1:])) <= 80
    assert lines[-1].startswith("PASSED (")
    assert any(line.startswith("ok   padding") for line in lines)
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_json_holds_all_of_it(bert: Path, texts: Path) -> None:
    result = run("--model", bert, "--data", texts, "--format", "json", *FAST)
    document = strict(result.stdout)
    assert (document["schema_version"], document["kind"], document["passed"]) == (1, "diagnosis", True)
    assert sum(document["counts"].values()) == len(document["checks"])
    assert {row["language"] for row in document["languages"]} == {"de", "en", "ru"}
    assert len(document["overlap"]) == 6
    assert document["cost"]["chunks"] == 12


def test_options_reach_the_examination(bert: Path, texts: Path) -> None:
    options = {
        "--scope": "all",
        "--granularity": "tensor",
        "--metric": "euclidean,adam",
        "--mask-passes": "2",
        "--max-length": "50",
        "--seed": "3",
        "--batch-size": "2",
        "--gram": "sketch",
        "--sketch-size": "64",
        "--memory-budget": "1MiB",
        "--languages": "de,ru",
    }
    flat = [word for pair in options.items() for word in pair]
    result = run("--model", bert, "--data", texts, "--format", "json", "--gradient-checkpointing", *flat, *FAST)
    assert result.exit_code == 0, result.output
    document = strict(result.stdout)
    settings = document["settings"]
    for option in ("scope", "granularity", "gram"):
        assert settings[option] == options[f"--{option}"]
    for option in ("mask_passes", "max_length", "seed", "batch_size", "sketch_size"):
        assert settings[option] == int(options[f"--{option.replace('_', '-')}"])
    assert settings["metrics"] == ["euclidean", "adam"]
    assert (settings["memory_budget"], settings["gradient_checkpointing"]) == (1024**2, True)
    # The calibration slot that adam needs is counted.
    assert document["cost"]["chunks"] == 2 * (4 + 1)
    assert all(part["in_scope"] for part in document["parts"])


def test_a_failed_check_is_exit_code_1(bert: Path, tmp_path: Path) -> None:
    same = some_text("de", 30)
    data = write_text(tmp_path / "texts", {"de": same, "nl": same})
    result = run("--model", bert, "--data", data, *FAST)
    assert result.exit_code == 1
    assert "fail shared-documents" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("FAILED (")


def test_a_checkpoint_that_does_not_load_is_a_finding(bert: Path, texts: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "nan", "bert")
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.0.output.dense.weight"][0, 0] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    result = run("--model", folder, "--data", texts, *FAST)
    assert result.exit_code == 1, result.output
    assert "fail loading" in result.stdout
    assert "NaN" in result.stdout
    small = save_tiny(tmp_path / "small", "bert", vocab_size=300)
    result = run("--model", small, "--data", texts, "--format", "json", *FAST)
    assert result.exit_code == 1
    document = strict(result.stdout)
    assert [check["name"] for check in document["checks"]] == ["loading"]
    assert "300 embedding rows" in document["checks"][0]["sentence"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "no/such/folder/here"], 3, "no/such/folder/here"),
        (["--chunks", "1"], 2, "--chunks"),
        (["--languages", "de"], 2, "at least 2"),
        (["--languages", "de,xx"], 2, "xx"),
        (["--data", "nowhere"], 2, "nowhere"),
        (["--objective", "causal-lm"], 2, "causal-lm"),
        (["--tokenizer", "no/such/tokenizer"], 3, "no/such/tokenizer"),
        (["--gram", "exact", "--memory-budget", "10"], 2, "--gram exact"),
    ],
)
def test_wrong_input_is_said_on_standard_error(
    bert: Path, texts: Path, arguments: list[str], code: int, words: str
) -> None:
    result = run("--model", bert, "--data", texts, *FAST, *arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 3
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_names_from_outside_do_no_harm(texts: Path, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "m\x1b[31m[bold]odel", "bert", tokenizer=tiny_tokenizer("bert"))
    data = write_text(
        tmp_path / "texts",
        {"[red]x": some_text("de", 30), "<b>": some_text("ru", 30), "=1+1": some_text("zh", 30)},
    )
    result = run("--model", folder, "--data", data, *FAST)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "[red]x" in result.stdout
    assert "[bold]odel" in result.stdout.replace("\n", "")  # a long path goes over several lines
