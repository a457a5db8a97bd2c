from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from interfere import (
    GradientSettings,
    TrainingPoint,
    analyze_gradients,
    analyze_trajectory,
    load_checkpoint,
    load_result,
)
from interfere.errors import InputError, RunError
from interfere.results import FolderLock, write_result
from interfere.statistics import SketchParts
from interfere.statistics._changed_gradients import GramStatistics
from interfere.statistics._changes import change
from interfere.trajectory import _analyze
from tests.tiny import TEXTS, save_tiny, tiny_tokenizer
from tests.trajectory.training import small_trainer, texts

SMALL = GradientSettings(chunks=4, tokens_per_chunk=60)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("training")
    return [save_tiny(folder / f"checkpoint-{step}", "bert", seed=step) for step in (5, 20, 100)]


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all else here, and has tests of its own."""
    monkeypatch.setattr("interfere.report.write_run", write_result)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkpoints that gradients are computed of."""
    seen: list[str] = []
    compute = _analyze.analyze_gradients

    def analyze(checkpoint: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(Path(checkpoint.id).name)
        return compute(checkpoint, *arguments, **options)

    monkeypatch.setattr(_analyze, "analyze_gradients", analyze)
    return seen


def test_its_tables_are_those_of_every_checkpoint_by_itself(checkpoints: list[Path]) -> None:
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, metrics=("euclidean", "adam"))
    result = analyze_trajectory(checkpoints[::-1], texts(), settings=settings, device="cpu")
    assert list(result.tables["checkpoints"]["step"]) == [5, 20, 100]
    for step, folder in zip((5, 20, 100), checkpoints, strict=True):
        alone = analyze_gradients(load_checkpoint(folder), texts(), settings=settings)
        for name in ("pairs", "self", "groups"):
            table = result.tables[name]
            own = table[table["step"] == step].reset_index(drop=True)
            assert list(own.columns[:2]) == ["step", "checkpoint"]
            assert set(own["checkpoint"]) == {folder.name}
            expected = alone.tables[name].astype(object).where(alone.tables[name].notna(), None)
            found = own[expected.columns].astype(object)
            pd.testing.assert_frame_equal(found.where(found.notna(), None), expected)
        row = result.tables["checkpoints"].set_index("step").loc[step]
        assert row["weights_sha256"] == alone.model["weights_sha256"]
        body = alone.pairs[(alone.pairs["group"] == "body") & (alone.pairs["metric"] == "euclidean")]
        assert row["conflict"] == (body["verdict"] == "conflict").sum()


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        pytest.param(
            GradientSettings(chunks=4, tokens_per_chunk=60, gram="sketch", sketch_size=64), marks=pytest.mark.slow
        ),
    ],
    ids=["exact", "sketch"],
)
def test_changes_are_those_of_the_two_grams(checkpoints: list[Path], settings: GradientSettings) -> None:
    result = analyze_trajectory(checkpoints, texts(), settings=settings, device="cpu")
    runs = [analyze_gradients(load_checkpoint(folder), texts(), settings=settings) for folder in checkpoints]
    rows = result.tables["changes"]
    body = [run.pairs[run.pairs["group"] == "body"].reset_index(drop=True) for run in runs]
    assert np.allclose(rows["corrected_first"], body[0]["corrected"])
    assert np.allclose(rows["corrected_last"], body[2]["corrected"])
    assert np.allclose(rows["change"], body[2]["corrected"] - body[0]["corrected"])
    statistics = []
    for run in (runs[0], runs[2]):
        gram = run.arrays["euclidean/layer"]
        sizes = run.groups.iloc[1:]["sketch_size"].fillna(np.inf).to_numpy(dtype=float)
        parts = SketchParts(gram, [list(range(len(gram)))], sizes) if settings.gram == "sketch" else None
        statistics.append(GramStatistics(gram.sum(axis=0, keepdims=True), parts))
    expected = change(*(s.pair(0, 2)[0]["corrected"] for s in statistics))
    row = rows[(rows["a"] == "de") & (rows["b"] == "ru")].iloc[0]
    assert row["ci_low"] == pytest.approx(expected.low[0])
    assert row["ci_high"] == pytest.approx(expected.high[0])
    verdicts = pd.concat(body)
    assert rows["conflicts"].sum() == (verdicts["verdict"] == "conflict").sum()
    assert (rows["checkpoints"] == 3).all()
    assert set(rows["verdict"]) <= {"higher", "lower", "undetermined"}
    assert ((rows["verdict"] == "undetermined") == (rows["reason"] != "")).all()


def test_only_new_checkpoints_are_measured(checkpoints: list[Path], tmp_path: Path, counted: list[str]) -> None:
    out = tmp_path / "along"
    analyze_trajectory(checkpoints[:2], texts(), settings=SMALL, directory=out, device="cpu")
    assert counted == ["checkpoint-5", "checkpoint-20"]
    assert load_result(out / "checkpoints" / "checkpoint-5").kind == "gradients"
    before = load_result(out)
    kept = {file: file.stat().st_mtime_ns for file in (out / "checkpoints").rglob("*") if file.is_file()}
    result = analyze_trajectory(checkpoints, texts(), settings=SMALL, directory=out, device="cpu")
    assert counted == ["checkpoint-5", "checkpoint-20", "checkpoint-100"]
    assert all(file.stat().st_mtime_ns == time for file, time in kept.items())
    joined = load_result(out)
    assert list(joined.tables["checkpoints"]["step"]) == [5, 20, 100]
    assert list(before.tables["checkpoints"]["step"]) == [5, 20]
    first = joined.pairs[joined.pairs["step"] < 100].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, before.pairs, check_dtype=False)
    pd.testing.assert_frame_equal(result.pairs, joined.pairs, check_dtype=False)
    assert sorted(p.name for p in out.iterdir() if p.name.startswith(".")) == []
    # A checkpoint that has gone since, as Trainer's save_total_limit does, stays in the tables.
    again = analyze_trajectory(checkpoints[2:], texts(), settings=SMALL, directory=out, device="cpu")
    assert len(counted) == 3
    assert list(again.tables["checkpoints"]["step"]) == [5, 20, 100]


@pytest.mark.slow
def test_other_weights_under_a_name_that_is_known(checkpoints: list[Path], tmp_path: Path, counted: list[str]) -> None:
    own = tmp_path / "checkpoint-5"
    shutil.copytree(checkpoints[0], own)
    out = tmp_path / "along"
    first = analyze_trajectory([own], texts(), settings=SMALL, directory=out, device="cpu")
    for file in own.iterdir():
        file.touch()  # looked at again, and the same
    analyze_trajectory([own], texts(), settings=SMALL, directory=out, device="cpu")
    assert counted == ["checkpoint-5"]
    save_tiny(own, "bert", seed=77)
    with pytest.raises(InputError, match=r"'checkpoint-5': its weights are not those.*--overwrite"):
        analyze_trajectory([own], texts(), settings=SMALL, directory=out, device="cpu")
    second = analyze_trajectory([own], texts(), settings=SMALL, directory=out, device="cpu", overwrite=True)
    assert counted == ["checkpoint-5", "checkpoint-5"]
    assert not np.allclose(first.pairs["cosine"], second.pairs["cosine"])


def test_other_settings_or_text_are_refused_with_what_differs(checkpoints: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "along"
    analyze_trajectory(checkpoints[:1], texts(), settings=SMALL, directory=out, device="cpu")
    other = GradientSettings(chunks=5, tokens_per_chunk=60)
    with pytest.raises(InputError, match=r"settings \(chunks: 4, now 5\)"):
        analyze_trajectory(checkpoints, texts(), settings=other, directory=out, device="cpu")
    with pytest.raises(InputError, match=r"text \(de, en, ru\)"):
        analyze_trajectory(checkpoints, texts(39), settings=SMALL, directory=out, device="cpu")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="is not the run directory of a trajectory"):
        analyze_trajectory(checkpoints, texts(), settings=SMALL, directory=tmp_path / "full", device="cpu")
    (out / "trajectory.json").write_text(json.dumps({"plan": 3}))
    with pytest.raises(InputError, match=r"trajectory\.json: damaged"):
        analyze_trajectory(checkpoints, texts(), settings=SMALL, directory=out, device="cpu")


def test_another_tokenizer_or_model_is_refused_and_what_came_before_is_kept(
    checkpoints: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "along"
    odd = save_tiny(tmp_path / "checkpoint-200", "xlm-r")
    with pytest.raises(InputError, match=r"'checkpoint-200': its tokenizer is not that of the other"):
        analyze_trajectory([checkpoints[0], odd], texts(), settings=SMALL, directory=out, device="cpu")
    assert load_result(out / "checkpoints" / "checkpoint-5").languages == ["de", "en", "ru"]
    wide = save_tiny(tmp_path / "checkpoint-300", "bert", tokenizer=tiny_tokenizer("bert"), intermediate_size=32)
    with pytest.raises(InputError, match="number of parameters is another one"):
        analyze_trajectory([checkpoints[0], wide], texts(), settings=SMALL, device="cpu")
    broken = tmp_path / "checkpoint-400"
    broken.mkdir()
    with pytest.raises(RunError, match="checkpoint 'checkpoint-400'"):
        analyze_trajectory([checkpoints[0], broken], texts(), settings=SMALL, device="cpu")


@pytest.mark.slow
def test_second_moments_are_each_checkpoints_own(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "training", steps=4, save_strategy="steps", save_steps=2, logging_steps=4)
    trainer.train()
    folders = [tmp_path / "training" / f"checkpoint-{step}" for step in (2, 4)]
    bare = tmp_path / "checkpoint-6"
    shutil.copytree(folders[1], bare)
    (bare / "optimizer.pt").unlink()
    settings = GradientSettings(chunks=4, tokens_per_chunk=60, metrics=("adam",))
    result = analyze_trajectory([*folders, bare], texts(), settings=settings, device="cpu")
    assert list(result.tables["checkpoints"]["second_moments"]) == ["optimizer", "optimizer", "calibration slot"]
    assert any("Second moments of the adam metric come from different places" in w for w in result.warnings)
    own = GradientSettings(
        chunks=4, tokens_per_chunk=60, metrics=("adam",), adam_state=str(folders[1] / "optimizer.pt")
    )
    alone = analyze_gradients(load_checkpoint(folders[1]), texts(), settings=own)
    rows = result.pairs[result.pairs["step"] == 4].reset_index(drop=True)
    assert np.allclose(rows["corrected"], alone.pairs["corrected"])
    # An optimizer without them is no reason to stop, and a file that is none is.
    torch.save({"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": []}, bare / "optimizer.pt")
    result = analyze_trajectory([bare], texts(), settings=settings, device="cpu")
    assert "holds no second moments" in result.tables["checkpoints"]["second_moments"][0]
    (bare / "optimizer.pt").write_bytes(b"no")
    with pytest.raises(InputError, match=r"'checkpoint-6'.*optimizer\.pt"):
        analyze_trajectory([bare], texts(), settings=settings, device="cpu")


def test_points_may_be_given_with_names_and_steps(checkpoints: list[Path]) -> None:
    points = [TrainingPoint(str(folder), step=n, name=f"=x<{n}>") for n, folder in enumerate(checkpoints[:2])]
    result = analyze_trajectory(points, texts(), settings=SMALL, device="cpu")
    assert list(result.tables["checkpoints"]["checkpoint"]) == ["=x<0>", "=x<1>"]
    assert list(result.tables["checkpoints"]["step"]) == [0, 1]


def test_an_optimizer_state_of_one_checkpoint_is_refused() -> None:
    with pytest.raises(InputError, match="--adam-state"):
        analyze_trajectory(["x"], texts(), settings=GradientSettings(metrics=("adam",), adam_state="y"))


def test_one_checkpoint_has_no_changes(checkpoints: list[Path]) -> None:
    result = analyze_trajectory(checkpoints[:1], texts(), settings=SMALL, device="cpu")
    assert set(result.tables["changes"]["reason"]) == {"there is one checkpoint"}
    assert len(TEXTS) > len(result.languages)


def test_one_process_writes_to_a_trajectory_at_a_time(
    tmp_path: Path, checkpoints: list[Path], counted: list[str]
) -> None:
    along = tmp_path / "along"
    held = FolderLock.take(along)
    with pytest.raises(RunError, match="along is being written by process"):
        analyze_trajectory(checkpoints[:2], texts(), settings=SMALL, directory=along, device="cpu")
    assert not counted
    held.release()
    analyze_trajectory(checkpoints[:2], texts(), settings=SMALL, directory=along, device="cpu")
    assert len(counted) == 2
    FolderLock.take(along).release()


def test_what_a_killed_process_has_left_goes(tmp_path: Path, checkpoints: list[Path], counted: list[str]) -> None:
    along = tmp_path / "along"
    analyze_trajectory(checkpoints[:2], texts(), settings=SMALL, directory=along, device="cpu")
    before = {file.name for file in along.iterdir()}
    (along / ".joined-killed").mkdir()
    (along / ".joined-killed" / "pairs.csv").write_text("half")
    analyze_trajectory(checkpoints[:2], texts(), settings=SMALL, directory=along, device="cpu")
    assert {file.name for file in along.iterdir()} == before
    assert len(counted) == 2
