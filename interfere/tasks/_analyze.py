"""Fine-tuning multilingual and monolingual models on a task, and comparing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from interfere.corpus import check_language_name
from interfere.engine import Progress, ProgressCallback
from interfere.errors import InputError
from interfere.settings import TaskSettings
from interfere.tasks._fine_tune import fine_tune, is_finished, steps_of
from interfere.tasks._load import TaskModel, load_for_task
from interfere.tasks._matrix import count_all, delta_table, score_table, unit_table
from interfere.tasks._types import LabelledCorpus, UnitPredictions, items_sha256


@dataclass(frozen=True)
class TaskAnalysis:
    """What fine-tuning found.

    Args:
        tables: `task_scores`, `task_deltas` and `task_units`; see `interfere.tasks._matrix`.
        facts: `task`, `metric`, `labels`, `settings`, `models` (name → what it is) and `data` (language → what was
            read), all JSON.
        warnings: what a reader has to know before believing a number, in sentences.
    """

    tables: Mapping[str, pd.DataFrame]
    facts: Mapping[str, Any]
    warnings: Sequence[str]


def analyze_task(
    models: Mapping[str, TaskModel],
    corpus: LabelledCorpus,
    settings: TaskSettings,
    folder: str | Path,
    progress: ProgressCallback | None = None,
    *,
    device: str = "cpu",
) -> TaskAnalysis:
    """Fine-tune every multilingual model on each language and every monolingual one on its own, and test all on all.

    Every model is loaded once before the first training begins, so that one that cannot be used is found at once.

    Args:
        models: name → checkpoint, in the order that tables have.
        corpus: from `read_labelled`.
        settings: see `TaskSettings`.
        folder: keeps what is finished; a run that was interrupted goes on from it.
        progress: called after each optimizer step with a `Progress` whose unit is steps.
        device: `cpu`, `cuda` or `auto`.

    Raises:
        InputError: settings do not fit the corpus, a monolingual model's language is not in it, or `folder` has units
            of other settings, data or weights.
        RunError: a model cannot be loaded or trained.
    """
    _check(models, corpus, settings)
    folder = Path(folder)
    facts, identities = {}, {}
    for name, model in models.items():
        loaded = load_for_task(model, corpus, settings, settings.seed)
        identities[name] = loaded.identity
        facts[name] = {
            "id": str(model.path),
            "revision": loaded.revision,
            "role": model.role,
            "language": model.language,
            "architecture": type(loaded.model).__name__,
            "parameters": sum(parameter.numel() for parameter in loaded.model.parameters()),
            "fresh_parameters": list(loaded.fresh),
            "weights_sha256": loaded.identity["weights"],
            "tokenizer_sha256": loaded.identity["tokenizer"],
            "max_length": loaded.max_length,
            "pad_id": loaded.pad_id,
        }
        del loaded
    jobs = [
        (name, language, settings.seed + repetition)
        for name, model in models.items()
        for language in ([model.language] if model.language is not None else corpus.languages)
        for repetition in range(settings.seeds)
    ]
    total = sum(_steps(job, corpus, settings) for job in jobs if not is_finished(folder, *job))
    units: list[UnitPredictions] = []
    done = 0
    for job in jobs:
        name, language, seed = job
        new = not is_finished(folder, *job)
        units.append(
            fine_tune(
                models[name],
                corpus,
                language,
                settings,
                seed,
                folder,
                name=name,
                device=device,
                identity=identities[name],
                on_step=_reporter(progress, done, total, f"{name} on {language}, seed {seed}"),
            )
        )
        done += _steps(job, corpus, settings) if new else 0
    roles = {name: model.role for name, model in models.items()}
    counts = count_all(units, corpus)
    tables = {
        "task_scores": score_table(counts, roles, corpus),
        "task_deltas": delta_table(counts, roles),
        "task_units": unit_table(units, corpus),
    }
    recorded = {
        "task": corpus.task,
        "metric": "accuracy" if corpus.task == "text-classification" else "span F1",
        "labels": list(corpus.labels),
        "settings": asdict(settings),
        "models": facts,
        "data": _data_facts(corpus),
    }
    return TaskAnalysis(tables, recorded, _warnings(units, tables["task_scores"], corpus, settings))


def _check(models: Mapping[str, TaskModel], corpus: LabelledCorpus, settings: TaskSettings) -> None:
    if not models:
        raise InputError("no model to fine-tune; give at least one")
    if settings.task != corpus.task:
        raise InputError(f"--task {settings.task}: the labelled data were read for {corpus.task}")
    for name, model in models.items():
        if model.role == "multilingual" and model.language is not None:
            raise InputError(f"model {name!r} is multilingual and has a language, {model.language!r}; leave that out")
        if model.role == "monolingual" and model.language is None:
            raise InputError(f"model {name!r} is monolingual; say of which language")
        if model.language is not None and check_language_name(model.language, name) not in corpus.languages:
            raise InputError(
                f"--monolingual {model.language}={model.path}: the labelled data have no language {model.language!r}; "
                f"they have {', '.join(corpus.languages)}"
            )


def _steps(job: tuple[str, str, int], corpus: LabelledCorpus, settings: TaskSettings) -> int:
    return steps_of(len(corpus.train[job[1]]), settings)


def _reporter(progress: ProgressCallback | None, done: int, total: int, detail: str) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda step: progress(Progress("fine-tuning", done + step, total, detail))


def _data_facts(corpus: LabelledCorpus) -> dict[str, dict[str, Any]]:
    return {
        language: {
            "origin": corpus.origin.get(language),
            "split": corpus.split.get(language),
            "train_items": len(corpus.train[language]),
            "test_items": len(corpus.test[language]),
            "skipped": dict(corpus.skipped.get(language, {})),
            "retagged": corpus.retagged.get(language, 0),
            "train_sha256": items_sha256(corpus.train[language]),
            "test_sha256": items_sha256(corpus.test[language]),
        }
        for language in corpus.languages
    }


def _warnings(
    units: Sequence[UnitPredictions], scores: pd.DataFrame, corpus: LabelledCorpus, settings: TaskSettings
) -> list[str]:
    out = []
    spans = corpus.task == "token-classification"
    # Seeds read the same tokens, so the first one speaks for all.
    for unit in (unit for unit in units if unit.seed == settings.seed):
        for part, cut in unit.cut.items():
            # Of test items, what the model reads does not depend on what it was fine-tuned on.
            first = next(other.train for other in units if other.model == unit.model)
            if (part != "train" and unit.train != first) or not (cut or unit.unread[part]):
                continue
            what = (
                f"training items of {unit.train}" if part == "train" else f"test items of {part.removeprefix('test ')}"
            )
            use = "not trained on" if part == "train" else "predicted as O"
            words = (
                f"; {unit.unread[part]} words have no token, most often for that reason, and were {use}"
                if spans
                else ""
            )
            out.append(f"{unit.model}: {cut} {what} were cut at its maximum length{words}.")
    for (train, test), count in corpus.overlap.items():
        out.append(
            f"{count} of {len(corpus.test[test])} test items of {test} are training items of {train} word for word: "
            "scores there may be memory."
        )
    if not spans:
        own = scores[~scores["zero_shot"]]
        for model, train, score, low, base in own[
            ["model", "train", "score", "ci_low", "majority_baseline"]
        ].itertuples(index=False):
            if not (score if math.isnan(low) else low) > base:
                out.append(
                    f"{model} on {train}: accuracy {score:.3f} is not surely above that of always giving the most "
                    f"frequent training label, {base:.3f}: the task was hardly learnt. Give more --epochs, or another "
                    "--learning-rate."
                )
    if settings.seeds < 2:
        out.append("One seed gives no intervals and no verdicts; give --seeds 3 or more.")
    if corpus.ignored:
        out.append(f"Files of other splits were not read: {', '.join(corpus.ignored)}.")
    return out
