"""Results of kind `tasks` made by hand, and that they look like real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from interfere.report import findings, terminal_report, write_run
from interfere.results import Result, load_result
from interfere.settings import TaskSettings
from interfere.tasks import TaskModel, analyze_task_deltas
from tests.report._page import Reader
from tests.tasks.toy import write_task
from tests.tiny import save_tiny

NAN = float("nan")
ALIKE = "the two models are right and wrong in the very same places, with every seed"
OPEN = "not surely different from 0 over seeds and test items"
ONE_SEED = "1 seed gives no interval"


def _noise(*of: str) -> float:
    return crc32(" ".join(of).encode("utf-8", "replace")) % 1000 / 1000


def planted(model: str, train: str, test: str) -> float:
    """A score that is high within a language and lower across; monolingual models guess across."""
    if train == test:
        return 0.75 + 0.2 * _noise(model, test)
    return 0.30 + (0.4 * _noise(train, test) if model not in (train, test) else 0.08 * _noise(train, test))


def make_tasks(
    languages: Sequence[str],
    models: Sequence[str] = ("multilingual",),
    *,
    score: Callable[[str, str, str], float] = planted,
    width: float = 0.03,
    baseline: float = 0.34,
    alike: Sequence[str] = (),
    alone: Sequence[str] = (),
    seeds: int = 5,
    model_id: str = "some/model-134m",
    task: str = "text-classification",
    warnings: Sequence[str] = (),
) -> Result:
    """A result of kind `tasks`.

    Args:
        languages: are sorted.
        models: the multilingual ones; a monolingual one has its language's name.
        score: of model, language of fine-tuning and of the test.
        width: half width of intervals.
        baseline: always giving the most frequent label.
        alike: languages whose two models answer alike, within them.
        alone: languages without a monolingual model.
        seeds: with one there are no intervals.
        model_id: name of the first model.
        task: of all models.
        warnings: of the run.
    """
    languages = sorted(languages)
    half = width if seeds > 1 else NAN
    roles = dict.fromkeys(models, "multilingual") | {a: "monolingual" for a in languages if a not in alone}
    found = {
        (model, train, test): float(np.clip(score(model, train, test), 0, 1))
        for model, role in roles.items()
        for train in (languages if role == "multilingual" else [model])
        for test in languages
    }
    for model in models:
        found |= {(model, a, a): found[a, a, a] for a in alike}
    scores = [
        {"model": model, "role": roles[model], "train": train, "test": test, "zero_shot": train != test}
        | {"score": value, "ci_low": max(value - half, 0), "ci_high": min(value + half, 1) if seeds > 1 else NAN}
        | {"seed_sd": 0.01 if seeds > 1 else NAN, "seeds": seeds, "items": 200, "majority_baseline": baseline}
        for (model, train, test), value in found.items()
    ]
    for row in scores if seeds < 2 else []:
        row["ci_low"] = NAN
    deltas = []
    for (model, train, test), value in found.items():
        if roles[model] != "multilingual" or train in alone:
            continue
        delta, same = value - found[train, train, test], train == test and test in alike
        sure = seeds > 1 and not same and abs(delta) > width
        q = NAN if seeds < 2 else 1.0 if same else 0.0004 if sure else 0.6
        reason = "" if sure else ALIKE if same else OPEN if seeds > 1 else ONE_SEED
        verdict = "undetermined" if not sure else "better" if delta > 0 else "worse"
        row = {"multilingual": model, "monolingual": train, "train": train, "test": test, "zero_shot": train != test}
        row |= {"delta": delta, "ci_low": delta - half, "ci_high": delta + half, "p_value": q / 2, "q_value": q}
        deltas.append({**row, "verdict": verdict, "reason": reason, "seeds": seeds, "items": 200})
    units = [
        {"model": model, "train": train, "seed": seed, "test": test, "score": value, "items": 200, "cut": 0}
        | {"unread": 0, "loss": 0.25, "steps": 120}
        for (model, train, test), value in found.items()
        for seed in range(seeds)
    ]
    facts = {"train_items": 800, "test_items": 200, "split": "files", "origin": "x.train.jsonl, x.test.jsonl"}
    facts |= {"skipped": {}, "retagged": 0, "train_sha256": "1" * 64, "test_sha256": "2" * 64}
    return Result(
        kind="tasks",
        languages=languages,
        tables={
            "task_scores": pd.DataFrame(scores),
            "task_deltas": pd.DataFrame(deltas, columns=list(deltas[0]) if deltas else _DELTAS),
            "task_units": pd.DataFrame(units),
        },
        model={"id": model_id, "revision": None, "architecture": "X", "parameters": 1_234}
        | {"weights_sha256": "0" * 64, "objective": task},
        data={language: facts | {"documents": 1000, "sha256": "2" * 64} for language in languages},
        settings={"task": task, "seeds": seeds, "epochs": 5, "learning_rate": 5e-5, "seed": 0}
        | {"metric": "accuracy" if task == "text-classification" else "span F1", "labels": ["high", "low"]}
        | {"models": {name: f"some/{name}" for name in roles}, "device": "cpu"},
        environment={"date": "2026-01-02T03:04:05"},
        warnings=list(warnings),
        command="interfere deltas --task text-classification",
    )


_DELTAS = [
    *("multilingual", "monolingual", "train", "test", "zero_shot", "delta", "ci_low", "ci_high", "p_value", "q_value"),
    *("verdict", "reason", "seeds", "items"),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A tiny model on a toy task: as a multilingual model, and as the monolingual one of German."""
    folder = tmp_path_factory.mktemp("task")
    model = save_tiny(folder / "model")
    data = write_task(folder / "data", "text-classification", train=16, test=8)
    settings = TaskSettings(seeds=2, epochs=1, batch_size=8)
    return analyze_task_deltas({"multi": TaskModel(model)}, {"de": model}, data, settings)


def test_results_made_by_hand_have_the_columns_of_real_ones(real):
    made = make_tasks(["de", "en"], models=["multi"], alone=["en"])
    assert set(made.tables) == set(real.tables)
    for name, table in real.tables.items():
        assert list(made.tables[name].columns) == list(table.columns), name
        assert len(made.tables[name]) == len(table) * (2.5 if name == "task_units" else 1)
    assert set(made.data["de"]) == set(real.data["de"])
    assert set(made.settings) <= set(real.settings)


def test_a_model_against_itself_is_said_to_answer_alike(real, tmp_path):
    first, *_ = findings(real)
    assert first == (
        "The multilingual model could not be shown to be better or worse than the monolingual model, fine-tuned and "
        "tested in one language, in 1 language."
    )
    said = " ".join(findings(real))
    assert "In de a multilingual and the monolingual model are right and wrong in the very same places" in said
    assert "could not be judged" not in said
    assert "alike" in terminal_report(real)
    write_run(real, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    Reader(page)
    assert "nan" not in page.lower().split("base64")[0]
    assert sorted(p.name for p in (tmp_path / "figures").glob("*.svg")) == ["deltas.svg", "scores.svg"]
    assert findings(load_result(tmp_path)) == findings(real)
