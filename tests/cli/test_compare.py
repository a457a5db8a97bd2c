"""The command `interfere compare`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from interfere_cli._app import app
from typer.testing import CliRunner

from interfere.results import write_result
from tests.comparison.results import gradient_vectors, gradients


@pytest.fixture
def folders(tmp_path):
    for name, drift in (("old", 0.0), ("new", 0.5)):
        (tmp_path / name).mkdir()
        write_result(gradients(gradient_vectors(0, drift=drift), model_id=name), tmp_path / name)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_it_writes_a_run_and_says_what_changed(folders):
    (folders / "out").mkdir()
    (folders / "out" / "results.json").write_text("{}", encoding="utf-8")
    arguments = (folders / "old", folders / "new", "--output-dir", folders / "out")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "--overwrite replaces it" in refused.stderr
    done = run(*arguments, "--overwrite")
    assert done.exit_code == 0, done.output
    assert "What changed" in done.stdout
    assert {"results.json", "report.html", "changes.csv", "verdict_changes.csv", "figures"} <= {
        path.name for path in (folders / "out").iterdir()
    }


def test_json_is_the_document(folders):
    done = run(folders / "old", folders / "new", "--output-dir", folders / "out", "--format", "json")
    document = json.loads((folders / "out" / "results.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == document
    assert document["kind"] == "comparison"
    assert document["settings"]["before"] == str(folders / "old")


def test_a_run_that_is_compared_is_never_overwritten(folders):
    done = run(folders / "old", folders / "new", "--output-dir", folders / "new", "--overwrite")
    assert done.exit_code == 2
    assert "one of the runs that are compared" in done.stderr
    assert (folders / "new" / "results.json").is_file()


def test_what_cannot_be_compared_ends_with_2_and_every_reason(folders):
    other = gradients(gradient_vectors(0), settings={"scope": "all"}, text="other")
    (folders / "other").mkdir()
    write_result(replace(other, model={**other.model, "id": "\x1b[2J"}), folders / "other")
    done = run(folders / "old", folders / "other", "--output-dir", folders / "out")
    assert done.exit_code == 2
    assert "other text" in done.stderr
    assert "--scope" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folders / "out").exists()
    assert not (folders / "out.part").exists()


def test_a_folder_that_is_no_run_is_named(folders):
    done = run(folders / "old", folders / "nothing")
    assert done.exit_code == 2
    assert "nothing is not a run directory" in done.stderr
