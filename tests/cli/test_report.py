from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from interfere_cli import app
from typer.testing import CliRunner, Result

from interfere.results import write_result
from tests.report._page import Reader
from tests.report.test_deltas_results import make_deltas


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with two runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_result(make_deltas(["de", "en"], model_id=f"some/{name}"), tmp_path / name)
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "80"})


def test_two_runs_become_one_page(runs: Path) -> None:
    result = run("first", "second/results.json", "--title", "Two <models>")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "Written to interfere-report.html" in result.stderr
    reader = Reader((runs / "interfere-report.html").read_text(encoding="utf-8"))
    assert "".join(reader.text("h1")) == "Two <models>"
    assert {"first", "second", "some/first", "some/second"} <= set(reader.text("bdi"))
    assert any(tag == "img" for tag, _ in reader.tags)
    assert sorted(p.name for p in runs.iterdir()) == ["first", "interfere-report.html", "second"]


def test_a_file_is_not_replaced_unless_told(runs: Path) -> None:
    file = runs / "x.md"
    file.write_text("mine")
    options = ("first", "--format", "markdown", "--output", file)
    result = run(*options)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert file.read_text() == "mine"
    assert run(*options, "--overwrite").exit_code == 0
    assert file.read_text(encoding="utf-8").startswith("## Interference between languages\n")


def test_markdown_and_latex_go_to_standard_output(runs: Path) -> None:
    result = run("first", "--format", "markdown")
    assert result.exit_code == 0
    assert result.stdout.startswith("## Interference between languages\n")
    assert "| de |" in result.stdout
    result = run("first", "--format", "latex")
    assert result.exit_code == 0
    assert "\\begin{tabular}" in result.stdout
    assert sorted(p.name for p in runs.iterdir()) == ["first", "second"]


def test_what_is_wrong_is_said_in_one_line(runs: Path) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "results.json").write_text("{")
    (runs / "kind").mkdir()
    document = json.loads((runs / "first" / "results.json").read_text(encoding="utf-8"))
    (runs / "kind" / "results.json").write_text(json.dumps({**document, "kind": "deltas", "tables": {}}))
    (runs / "unfinished.part").mkdir()
    cases = [
        (("nothing",), "nothing is not a run directory"),
        (("unfinished",), "continue it with --resume"),
        (("broken",), "damaged"),
        (("first", "first"), "named twice"),
        (("first", "--output", "no/x.html"), "the folder no does not exist"),
        (("first", "--output", "second"), "is a folder"),
        (("first", "--output", "first/x.html"), "is inside the run first"),
        (("first", "--format", "latex", "--overwrite"), "needs --output"),
    ]
    for arguments, message in cases:
        result = run(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert message in result.stderr, arguments
        assert result.stderr.count("\n") == 1
        assert isinstance(result.exception, SystemExit)
    assert not (runs / "interfere-report.html").exists()
    assert run("kind").exit_code in (0, 2)


@pytest.mark.slow
def test_nothing_heavy_is_imported_for_help_or_text() -> None:
    code = (
        "import sys, interfere_cli, interfere\n"
        "assert not {'torch', 'transformers', 'matplotlib', 'jinja2'} & set(sys.modules)\n"
        "interfere.make_report\n"
        "assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
