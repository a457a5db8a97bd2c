from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from interfere import InputError, Result, load_result
from interfere.results import RunDirectory, result_document, write_result


def a_result() -> Result:
    pairs = pd.DataFrame(
        {
            "a": ["=1+1"],
            "b": ["en"],
            "group": ["body"],
            "metric": ["euclidean"],
            "cosine": [0.25],
            "corrected": [np.nan],
            "verdict": ["undetermined"],
            "reason": ['a, "b"\nand c'],
        }
    )
    return Result(
        kind="gradients",
        languages=["=1+1", "en"],
        tables={"pairs": pairs, "self": pd.DataFrame({"language": ["en"], "norm": [np.float32(2.5)]})},
        model={"id": "m", "revision": None},
        data={"en": {"tokens": np.int64(3)}},
        settings={"metrics": ("euclidean",)},
        environment={"python": "3"},
        warnings=["w"],
        command="interfere",
        arrays={"euclidean/layer": np.arange(16.0).reshape(1, 2, 2, 2, 2)},
        array_groups={"layer": ["encoder.0"]},
    )


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    result = a_result()
    write_result(result, tmp_path)
    again = load_result(tmp_path)
    assert result_document(again) == result_document(result)
    assert np.array_equal(again.arrays["euclidean/layer"], result.arrays["euclidean/layer"])
    assert np.isnan(again.pairs["corrected"].astype(float).iloc[0])
    assert load_result(tmp_path / "results.json").languages == ["=1+1", "en"]


def test_json_has_null_and_no_nan(tmp_path: Path) -> None:
    write_result(a_result(), tmp_path)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    assert document["schema_version"] == 1
    assert document["tables"]["pairs"][0]["corrected"] is None
    assert document["model"]["revision"] is None


def test_csv_cells_are_no_formulas_and_survive_quotes(tmp_path: Path) -> None:
    write_result(a_result(), tmp_path)
    with (tmp_path / "pairs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["a"] == "'=1+1"
    assert rows[0]["reason"] == 'a, "b"\nand c'
    assert rows[0]["cosine"] == "0.25"


def test_matrix_is_symmetric_and_names_what_is_missing() -> None:
    result = a_result()
    matrix = result.matrix("cosine")
    assert matrix.loc["en", "=1+1"] == matrix.loc["=1+1", "en"] == 0.25
    with pytest.raises(KeyError, match="encoder"):
        result.matrix(group="encoder.9")


def test_loading_needs_no_torch(tmp_path: Path) -> None:
    write_result(a_result(), tmp_path)
    code = (
        "import sys; from interfere import load_result; load_result(sys.argv[1]);"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": 99}'])
def test_damaged_results_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=r"results\.json"):
        load_result(tmp_path)


def test_a_damaged_gram_is_refused(tmp_path: Path) -> None:
    write_result(a_result(), tmp_path)
    (tmp_path / "gram.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="damaged"):
        load_result(tmp_path)


def test_an_unfinished_run_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "run.part").mkdir()
    with pytest.raises(InputError, match="--resume"):
        load_result(tmp_path / "run")


def test_a_run_directory_appears_whole(tmp_path: Path) -> None:
    run = RunDirectory.check(tmp_path / "run").open()
    (run.path / "x").write_text("1")
    (run.work / "y").write_text("2")
    assert not (tmp_path / "run").exists()
    assert run.finish() == tmp_path / "run"
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["x"]
    assert not run.path.exists()


def test_what_exists_is_not_touched_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "results.json").write_text("{}")
    with pytest.raises(InputError, match="--overwrite"):
        RunDirectory.check(target)
    with pytest.raises(InputError, match="nothing to resume"):
        RunDirectory.check(target, resume=True)
    run = RunDirectory.check(target, overwrite=True).open()
    assert (target / "results.json").exists()  # until the new run is complete
    (run.path / "new").write_text("")
    run.finish()
    assert [p.name for p in target.iterdir()] == ["new"]


def test_a_folder_that_is_no_run_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("")
    with pytest.raises(InputError, match="not a run"):
        RunDirectory.check(tmp_path / "thesis", overwrite=True)


def test_an_unfinished_run_is_resumed_or_overwritten_only_when_asked(tmp_path: Path) -> None:
    work = RunDirectory.check(tmp_path / "run").open().work
    (work / "chunk").write_text("")
    with pytest.raises(InputError, match="unfinished"):
        RunDirectory.check(tmp_path / "run")
    assert (RunDirectory.check(tmp_path / "run", resume=True).open().work / "chunk").exists()
    with pytest.raises(InputError, match="one of them"):
        RunDirectory.check(tmp_path / "run", resume=True, overwrite=True)
    assert not (RunDirectory.check(tmp_path / "run", overwrite=True).open().work / "chunk").exists()
    with pytest.raises(InputError, match="no unfinished run"):
        RunDirectory.check(tmp_path / "other", resume=True)
