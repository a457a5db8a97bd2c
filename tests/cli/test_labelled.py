"""Labelled tasks and heads that are trained here, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner

from tests.checkpoint.test_heads import save_body
from tests.tasks.toy import texts, write_rows
from tests.tiny import MODELS, VOCABULARY, save_tiny, tiny_model

TEXT = "text-classification"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("place")
    for language in ("code", "law"):
        write_rows(root / "data" / f"{language}.jsonl", texts({"code": "de", "law": "en"}[language], 90))
    names = {0: "low", 1: "high"}
    config = MODELS["bert"][2] | {"vocab_size": VOCABULARY, "id2label": names, "label2id": {"low": 0, "high": 1}}
    save_tiny(root / "classifier", model=tiny_model("BertForSequenceClassification", **config))
    save_body(root / "body")
    return root


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_class_of_the_checkpoint_has_the_labels_read(place, tmp_path):
    code, out, _ = run(
        "gradients", "--model", place / "classifier", "--data", place / "data", "--chunks", 5, "--quiet",
        "--output-dir", tmp_path / "run", "--format", "json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out)
    assert result["model"]["objective"] == TEXT
    assert result["settings"]["head"] == "saved"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "text-classification" in page


def test_a_body_is_given_a_head_and_the_run_says_so(place, tmp_path):
    options = ["--model", place / "body", "--data", place / "data", "--chunks", 5, "--quiet", "--objective", TEXT]
    code, out, _ = run(
        "importance", *options, "--head", "train", "--head-steps", 4, "--method", "taylor",
        "--output-dir", tmp_path / "run", "--format", "json",
    )  # fmt: skip
    assert code == 0
    head = json.loads(out)["model"]["head"]
    assert head["steps"] == 4
    assert set(head["loss_after"]) == {"code", "law"}
    assert "The head was trained here" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["gradients", "--model", "classifier"], 2, "bundled corpus: ar.jsonl, line 1"),
        (["gradients", "--model", "body", "--data", "data", "--objective", "masked-lm"], 3, "--head train"),
        (["gradients", "--model", "classifier", "--data", "data", "--head", "train"], 2, "already; leave it out"),
        (
            ["gradients", "--model", "body", "--data", "data", "--head-steps", "7"],
            2,
            "--head-steps is for --head",
        ),
        (
            ["importance", "--model", "classifier", "--data", "data", "--objective", "causal-lm"],
            2,
            "made for text-class",
        ),
        (["deltas", "--multilingual", "body", "--monolingual", "law=body", "--objective", TEXT], 2, f"--task {TEXT}"),
        (
            ["deltas", "--multilingual", "classifier", "--monolingual", "law=classifier", "--data", "data"],
            2,
            f"--task {TEXT} compares",
        ),
        (["doctor", "--model", "body", "--data", "data", "--objective", TEXT], 2, "made for masked-lm"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(place, tmp_path, monkeypatch, options, code, said):
    monkeypatch.chdir(place)
    output = [] if options[0] == "doctor" else ["--output-dir", tmp_path / "run"]
    found, _, error = run(*options, "--quiet", *output)
    assert found == code
    assert said in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


def test_doctor_names_the_objective_and_compares_with_the_models_own_loss(place):
    code, out, _ = run(
        "doctor",
        "--model",
        place / "classifier",
        "--data",
        place / "data",
        "--chunks",
        5,
        "--quiet",
        "--format",
        "json",
    )
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    said = checks["objective"]["sentence"]
    assert "text-classification: the checkpoint's class is BertForSequenceClassification" in said
    assert checks["own-loss"]["status"] == "ok"
    assert "agree" in checks["own-loss"]["sentence"]
    assert "labels" in checks["chunks"]["sentence"]
    assert code == 0
