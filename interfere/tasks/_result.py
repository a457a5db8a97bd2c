"""A comparison on a task as a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from interfere.engine import ProgressCallback
from interfere.errors import InputError
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.runs import environment_facts, shared_folder
from interfere.settings import TaskSettings
from interfere.tasks._analyze import analyze_task
from interfere.tasks._load import TaskModel
from interfere.tasks._read import read_labelled
from interfere.tasks._types import LabelledCorpus


def analyze_task_deltas(
    multilingual: TaskModel | str | Path | Mapping[str, TaskModel | str | Path],
    monolingual: Mapping[str, TaskModel | str | Path],
    corpus: LabelledCorpus | str | Path,
    settings: TaskSettings | None = None,
    *,
    languages: Sequence[str] | None = None,
    device: str = "cpu",
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Fine-tune models on a labelled task, within a language and across languages, and compare them.

    Args:
        multilingual: a checkpoint, or name → checkpoint; each is fine-tuned on every language and tested on all.
        monolingual: language → checkpoint, fine-tuned on its language and tested on all.
        corpus: from `read_labelled`, or the folder that it reads.
        settings: see `TaskSettings`.
        languages: of a folder, only these.
        device: `cpu`, `cuda` or `auto`.
        workdir: a folder for what is finished, from which an interrupted run goes on. None: a temporary folder.
        progress: called after each optimizer step.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `tasks`; see its tables `task_scores`, `task_deltas` and `task_units`.

    Raises:
        InputError: settings, data, languages or models are wrong.
        RunError: a model cannot be loaded or trained.
    """
    if find_spec("accelerate") is None:
        raise InputError("--task needs the extra `tasks`: pip install 'interfere-nlp[tasks]'")
    settings = settings if settings is not None else TaskSettings()
    if not isinstance(corpus, LabelledCorpus):
        corpus = read_labelled(corpus, settings.task, languages, seed=settings.seed)
    models = _models(multilingual, monolingual)
    with shared_folder(workdir, Ranks()) as folder:
        found = analyze_task(models, corpus, settings, folder, progress, device=device)
    facts = found.facts["models"]
    first = next(iter(facts.values()))
    return Result(
        kind="tasks",
        languages=list(corpus.languages),
        tables=dict(found.tables),
        model={
            **{key: first[key] for key in ("id", "revision", "architecture", "parameters", "weights_sha256")},
            "objective": corpus.task,
        },
        data={
            language: {
                **own,
                "documents": own["train_items"] + own["test_items"],
                "sha256": own["test_sha256"],
            }
            for language, own in found.facts["data"].items()
        },
        settings={
            **found.facts["settings"],
            "metric": found.facts["metric"],
            "labels": found.facts["labels"],
            "models": {name: own["id"] for name, own in facts.items()},
            "device": device,
        },
        environment=environment_facts(),
        warnings=list(found.warnings),
        command=command,
    )


def _models(
    multilingual: TaskModel | str | Path | Mapping[str, TaskModel | str | Path],
    monolingual: Mapping[str, TaskModel | str | Path],
) -> dict[str, TaskModel]:
    named = multilingual if isinstance(multilingual, Mapping) else {"multilingual": multilingual}
    out: dict[str, TaskModel] = {}
    for name, model in named.items():
        own = model if isinstance(model, TaskModel) else TaskModel(model)
        out[name] = replace(own, role="multilingual", language=None)
    for language, model in sorted(monolingual.items()):
        if language in out:
            raise InputError(f"--multilingual: {language!r} is the name of a monolingual model; give it another name")
        own = model if isinstance(model, TaskModel) else TaskModel(model)
        out[language] = replace(own, role="monolingual", language=language)
    return out
