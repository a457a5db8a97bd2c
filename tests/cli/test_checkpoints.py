"""Adapters, GGUF files and subfolders on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner

from interfere import load_result
from interfere.results import write_result
from tests.checkpoint.adapted import save_adapter, save_base
from tests.checkpoint.packed import save_gguf
from tests.text import some_text, write_text
from tests.tiny import save_tiny

COMMON = ["--chunks", "4", "--tokens-per-chunk", "60", "--quiet"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("interfere.report.write_run", write_result)
    write_text(tmp_path / "texts", {name: some_text(name, 30) for name in ("de", "en")})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


@pytest.mark.parametrize("command", ["gradients", "importance"])
def test_an_adapter_and_its_base(command: str, place: Path) -> None:
    save_adapter(place / "lora", save_base(place / "base"))
    options = [command, "--model", "lora", "--data", "texts", "--output-dir", "run", *COMMON]
    code, said = invoke(*options)
    assert code == 2
    assert "--base-model" in said
    assert not (place / "run").exists()
    code, said = invoke(*options, "--base-model", "base")
    assert code == 0, said
    model = load_result(place / "run").model
    assert (model["id"], model["adapter"], model["base"]) == ("lora", "LORA", "base")


def test_the_scope_of_adapters(place: Path) -> None:
    save_adapter(place / "lora", save_base(place / "base"))
    given = ["--base-model", "base", "--data", "texts", "--scope", "adapters"]
    code, said = invoke("gradients", "--model", "lora", *given, "--output-dir", "run", *COMMON)
    assert code == 0, said
    assert set(load_result(place / "run").tensors["tensor"].str.contains("lora_")) == {True}
    code, said = invoke("doctor", "--model", "lora", *given, "--format", "json", *COMMON)
    assert {check["name"]: check["status"] for check in json.loads(said)["checks"]}["scope"] == "ok"
    code, said = invoke("gradients", "--model", "base", "--data", "texts", "--scope", "adapters", *COMMON)
    assert code == 3
    assert "no parameter is in --scope adapters" in said
    code, said = invoke("doctor", "--model", "base", "--data", "texts", "--scope", "adapters", *COMMON)
    assert code == 1
    assert "the model has no adapters" in " ".join(said.split())


def test_a_gguf_file(place: Path) -> None:
    save_gguf(place / "m.gguf", "Q8_0")
    code, said = invoke("gradients", "--model", "m.gguf", "--data", "texts", "--output-dir", "run", *COMMON)
    assert code == 0, said
    assert load_result(place / "run").model["stored_as"] == "gguf"
    (place / "broken.gguf").write_bytes(b"GGUF")
    code, said = invoke("doctor", "--model", "broken.gguf", "--data", "texts", *COMMON)
    assert code == 1
    assert "is no GGUF file" in " ".join(said.split())


def test_a_subfolder(place: Path) -> None:
    save_tiny(place / "m" / "step-2", "llama")
    given = ["--model", "m", "--data", "texts", "--output-dir", "run", *COMMON]
    code, said = invoke("gradients", *given, "--subfolder", "step-2")
    assert code == 0, said
    assert load_result(place / "run").model["id"] == "m/step-2"
    for wrong, expected in (("../m", 2), ("step-3", 3)):
        code, said = invoke("gradients", *given, "--overwrite", "--subfolder", wrong)
        assert code == expected
        assert "--subfolder" in said
        assert "Traceback" not in said
