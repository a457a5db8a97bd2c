from __future__ import annotations

import json
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere import load_result
from tests.text import some_text, write_text

FAST = [
    "--widths",
    "8",
    "--context",
    "16",
    "--batch-size",
    "2",
    "--updates",
    "10",
    "--seeds",
    "2",
    "--checkpoints",
    "2",
]
FAST += ["--conflict-chunks", "4", "--conflict-tokens", "40", "--quiet"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text(tmp_path_factory.mktemp("data") / "texts", {name: some_text(name, 60) for name in ("de", "en")})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments)], env={"COLUMNS": "80", "HF_HUB_OFFLINE": "1"})


def test_a_run_from_text_to_a_run_directory(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("--data", texts, "--mixtures", "pairs", "--output-dir", out, *FAST)
    assert result.exit_code == 0, result.output
    assert max(len(line) for line in result.stdout.splitlines() if str(tmp_path) not in line) <= 80
    for name in ("deltas.csv", "curves.csv", "conflict.csv", "predictions.csv", "results.json", "report.html"):
        assert (out / name).is_file(), name
    assert sorted(path.name for path in (out / "models").iterdir())[0] == "de+en-w8-t1-s0"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert load_result(out).kind == "experiment"


def test_every_option_reaches_the_run(texts: Path, tmp_path: Path) -> None:
    options = {
        "--mixtures": "pairs,half",
        "--pairs": "de-en",
        "--tokenizer": "bpe",
        "--vocabulary": "320",
        "--signal": "tag",
        "--learning-rate": "0.003",
        "--warmup": "0.2",
        "--schedule": "linear",
        "--weight-decay": "0.1",
        "--temperature": "2",
        "--text": "0.5,1",
        "--seed": "3",
        "--held-out": "0.2",
        "--documents": "9",
        "--dropout": "0.1",
    }
    flat = [item for pair in options.items() for item in pair]
    fast = [*FAST, "--updates", "3", "--seeds", "1", "--checkpoints", "1", "--conflict-chunks", "0"]
    result = run("--data", texts, *fast, *flat, "--alternating", "--output-dir", tmp_path / "r", "--format", "json")
    assert result.exit_code == 0, result.output
    settings = json.loads(result.stdout)["settings"]
    wanted = {
        "mixtures": ["pairs", "half"], "pairs": ["de-en"], "tokenizer": "bpe", "vocabulary": 320, "signal": "tag",
        "learning_rate": 0.003, "warmup": 0.2, "schedule": "linear", "weight_decay": 0.1, "temperature": 2,
        "text": [0.5, 1], "seed": 3, "held_out": 0.2, "documents": 9, "dropout": 0.1, "joint": False, "widths": [8],
        "context": 16, "batch_size": 2, "updates": 3, "seeds": 1, "checkpoints": 1, "conflict_chunks": 0,
    }  # fmt: skip
    assert {name: settings[name] for name in wanted} == wanted


def test_short_runs(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run(
        "--data", texts, "--mixtures", "pairs", "--scout", "--scout-lengths", "0.3,0.6", "--output-dir", out, *FAST
    )
    assert result.exit_code == 0, result.output
    assert list(load_result(out).tables["scout"]["language"]) == ["de", "en"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mixtures", "trios"], "--mixtures 'trios': choose from"),
        (["--pairs", "de-fi"], "--pairs 'de-fi': give two different languages of de, en"),
        (["--preset", "huge"], "--preset 'huge'"),
        (["--widths", "7"], "--widths 7: give multiples of 2"),
        (["--widths", "x"], "--widths 'x': give a whole number"),
        (["--workers", "0"], "--workers 0: give at least 1"),
        (["--languages", "de"], "at least 2 are needed"),
        (["--learning-rate", "-1"], "--learning-rate -1.0: give a number above 0"),
        (["--mask-rate", "0.3"], "--mask-rate is for --architecture encoder alone"),
        (["--context", "5000"], "tokens of training text"),
        (["--held-out", "0.01"], "--held-out 0.01: give a share from 0.05 to 0.5"),
    ],
)
def test_wrong_input_is_named(arguments: list[str], words: str, texts: Path, tmp_path: Path) -> None:
    result = run("--data", texts, "--mixtures", "pairs", *FAST, *arguments, "--output-dir", tmp_path / "r")
    assert result.exit_code in (2, 3), result.output
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "r").exists()
