"""The whole analysis: which models are trained on what, tables, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from interfere.engine import Progress
from interfere.errors import InputError
from interfere.settings import TaskSettings
from interfere.tasks import (
    DELTA_COLUMNS,
    SCORE_COLUMNS,
    UNIT_COLUMNS,
    LabelledCorpus,
    TaskAnalysis,
    TaskModel,
    analyze_task,
    read_labelled,
)
from tests.tasks.toy import write_task
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow

SETTINGS = TaskSettings(seeds=2, epochs=6, learning_rate=1e-2, batch_size=16)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> LabelledCorpus:
    return read_labelled(write_task(tmp_path_factory.mktemp("data"), SETTINGS.task), SETTINGS.task)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TaskModel]:
    """The same checkpoint as multilingual and as one of the monolingual models, and another one."""
    folder = tmp_path_factory.mktemp("models")
    shared = save_tiny(folder / "shared")
    return {
        "multi": TaskModel(shared),
        "mono en": TaskModel(shared, "monolingual", "en"),
        "mono de": TaskModel(save_tiny(folder / "de", seed=1), "monolingual", "de"),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def analysis(models: dict[str, TaskModel], corpus: LabelledCorpus, run: Path) -> TaskAnalysis:
    return analyze_task(models, corpus, SETTINGS, run)


def test_the_matrix_is_full_for_what_each_model_is_trained_on(analysis: TaskAnalysis) -> None:
    scores = analysis.tables["task_scores"]
    assert list(scores.columns) == SCORE_COLUMNS
    cells = {(row.model, row.train, row.test) for row in scores.itertuples()}
    expected = {("multi", a, b) for a in ("de", "en") for b in ("de", "en")}
    expected |= {(f"mono {a}", a, b) for a in ("de", "en") for b in ("de", "en")}
    assert cells == expected
    assert (scores["zero_shot"] == (scores["train"] != scores["test"])).all()
    assert (scores["ci_low"] <= scores["score"]).all()
    assert (scores["score"] <= scores["ci_high"]).all()
    assert (scores["majority_baseline"] == 0.5).all()
    assert set(scores["seeds"]) == {2}
    assert set(scores["items"]) == {24}


def test_scores_are_means_over_units(analysis: TaskAnalysis) -> None:
    units = analysis.tables["task_units"]
    assert list(units.columns) == UNIT_COLUMNS
    means = units.groupby(["model", "train", "test"])["score"].mean()
    scores = analysis.tables["task_scores"].set_index(["model", "train", "test"])["score"]
    np.testing.assert_allclose(scores.sort_index(), means.sort_index())


def test_a_model_against_itself_differs_by_exactly_nothing(analysis: TaskAnalysis) -> None:
    deltas = analysis.tables["task_deltas"]
    assert list(deltas.columns) == DELTA_COLUMNS
    assert len(deltas) == 4
    own = deltas[deltas["monolingual"] == "mono en"]
    assert (own["delta"] == 0).all()
    assert (own["verdict"] == "undetermined").all()
    assert own["reason"].str.contains("the very same places").all()
    other = deltas[deltas["monolingual"] == "mono de"]
    scores = analysis.tables["task_scores"].set_index(["model", "train", "test"])["score"]
    for row in other.itertuples():
        expected = scores["multi", row.train, row.test] - scores["mono de", row.train, row.test]
        assert row.delta == pytest.approx(expected)
        assert row.ci_low <= row.delta <= row.ci_high


def test_a_run_goes_on_where_it_stopped(
    analysis: TaskAnalysis, models: dict[str, TaskModel], corpus: LabelledCorpus, run: Path
) -> None:
    files = sorted(run.iterdir())
    assert len(files) == 8
    files[3].unlink()
    kept = {path: path.stat().st_mtime_ns for path in run.iterdir()}
    seen: list[Progress] = []
    again = analyze_task(models, corpus, SETTINGS, run, seen.append)
    for name, table in analysis.tables.items():
        assert table.equals(again.tables[name])
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [step.done for step in seen] == list(range(1, 25))
    assert {step.total for step in seen} == {24}
    with pytest.raises(InputError, match="--resume"):
        analyze_task(models, corpus, replace(SETTINGS, learning_rate=1e-3), run)


def test_facts_are_json_and_name_the_models(analysis: TaskAnalysis) -> None:
    import json

    facts = json.loads(json.dumps(analysis.facts))
    assert facts["metric"] == "accuracy"
    assert facts["models"]["multi"]["weights_sha256"] == facts["models"]["mono en"]["weights_sha256"]
    assert facts["models"]["multi"]["weights_sha256"] != facts["models"]["mono de"]["weights_sha256"]
    assert facts["data"]["de"]["train_items"] == 64


def test_warnings_name_what_was_not_learnt_and_what_was_cut(
    models: dict[str, TaskModel], corpus: LabelledCorpus, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, seeds=1, epochs=1, learning_rate=1e-9, max_length=5)
    found = analyze_task({"multi": models["multi"]}, corpus, settings, tmp_path)
    text = "\n".join(found.warnings)
    assert "hardly learnt" in text
    assert "test items of de were cut" in text
    assert "One seed" in text
    assert found.tables["task_scores"]["ci_low"].isna().all()
    assert found.tables["task_deltas"].empty


def test_wrong_models_are_named(models: dict[str, TaskModel], corpus: LabelledCorpus, tmp_path: Path) -> None:
    path = models["multi"].path
    for wrong, said in (
        ({}, "no model"),
        ({"m": TaskModel(path, "monolingual", "fr")}, r"--monolingual fr=.*'fr'.*de, en"),
        ({"m": TaskModel(path, "monolingual")}, "of which language"),
        ({"m": TaskModel(path, "multilingual", "de")}, "leave that out"),
    ):
        with pytest.raises(InputError, match=said):
            analyze_task(wrong, corpus, SETTINGS, tmp_path)
    with pytest.raises(InputError, match="--task token-classification"):
        analyze_task(models, corpus, replace(SETTINGS, task="token-classification"), tmp_path)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("task", "regression"),
        ("seeds", 0),
        ("seeds", True),
        ("epochs", 1.5),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("batch_size", 0),
        ("max_length", 1),
        ("warmup", 1.0),
        ("weight_decay", -0.1),
        ("seed", 2**31),
        ("subword", "last"),
    ],
)
def test_settings_out_of_range_name_their_option(option: str, value: object) -> None:
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')}"):
        TaskSettings(**{option: value})  # type: ignore[arg-type]
