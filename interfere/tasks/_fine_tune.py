"""One unit of work: a model fine-tuned on one language with one seed, and what it predicts in every language."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint import check_device
from interfere.corpus._items import OUTSIDE, Item
from interfere.engine import write_json
from interfere.errors import InputError, RunError
from interfere.objectives._items import Encoded, encode
from interfere.settings import TaskSettings
from interfere.tasks._load import Loaded, TaskModel, load_for_task
from interfere.tasks._types import LabelledCorpus, UnitPredictions, items_sha256

StepCallback = Callable[[int], None]


def fine_tune(
    model: TaskModel,
    corpus: LabelledCorpus,
    language: str,
    settings: TaskSettings,
    seed: int,
    folder: str | Path,
    *,
    name: str = "model",
    device: str = "cpu",
    identity: Mapping[str, Any] | None = None,
    on_step: StepCallback | None = None,
) -> UnitPredictions:
    """Fine-tune a model on one language and predict the test items of all; or read what an earlier call has found.

    The body is that of the checkpoint, the head is drawn by `seed`, as are the order of the data and dropout. The
    same call gives the same bits on a CPU. All parameters are trained, in float32.

    Args:
        model: the checkpoint.
        corpus: training and test items.
        language: whose training items to use.
        settings: how to train; `settings.seed` and `settings.seeds` are of no concern here.
        seed: of this fine-tuning.
        folder: where predictions are kept, one file for each (name, language, seed), written whole or not at all.
        name: what results call the model.
        device: `cpu`, `cuda`, or `auto`.
        identity: of the loaded checkpoint, where it is known: the model then is not loaded if the unit is finished.
        on_step: called with the number of optimizer steps done.

    Raises:
        InputError: the language is not in the corpus, or `folder` has this unit with other settings, data or weights.
        RunError: the model cannot be loaded or trained.
    """
    if language not in corpus.languages:
        raise InputError(f"the labelled data have no language {language!r}; they have {', '.join(corpus.languages)}")
    place = check_device(device)
    loaded = None
    if identity is None:
        loaded = load_for_task(model, corpus, settings, seed)
        identity = loaded.identity
    whole = _identity(corpus, language, settings, seed, name, identity, place)
    path = Path(folder) / unit_file(name, language, seed)
    finished = _read_unit(path, whole, corpus)
    if finished is not None:
        return finished
    loaded = loaded if loaded is not None else load_for_task(model, corpus, settings, seed)
    if dict(loaded.identity) != dict(identity):
        raise RunError(f"the files of model {name!r} ({model.path}) have changed since the run began")
    try:
        # Before the training, which would be lost if nothing can be written afterwards.
        path.parent.mkdir(parents=True, exist_ok=True)
        unit = _compute(loaded, corpus, language, settings, seed, name, place, on_step)
        _write_unit(path, whole, unit, corpus)
    except OSError as error:
        raise RunError(f"{error.filename or path} cannot be written: {error.strerror or error}") from None
    return unit


def steps_of(items: int, settings: TaskSettings) -> int:
    """Optimizer steps of a training on so many items."""
    return settings.epochs * -(-items // settings.batch_size)


def unit_file(name: str, language: str, seed: int) -> str:
    """The name of a unit's file: names of models and languages may hold what no file name can."""
    return f"task-{sha256(json.dumps([name, language]).encode()).hexdigest()[:16]}-{seed:04d}.json"


def is_finished(folder: Path, name: str, language: str, seed: int) -> bool:
    """Whether a unit's file is there; whether it is of this run only `fine_tune` tells."""
    return (folder / unit_file(name, language, seed)).exists()


def _compute(
    loaded: Loaded,
    corpus: LabelledCorpus,
    language: str,
    settings: TaskSettings,
    seed: int,
    name: str,
    device: torch.device,
    on_step: StepCallback | None,
) -> UnitPredictions:
    # `Trainer` takes seconds to import, and tables are made without it.
    from interfere.tasks._train import train_and_predict

    read = partial(
        encode,
        task=corpus.task,
        tokenizer=loaded.tokenizer,
        max_length=loaded.max_length,
        subword=settings.subword,
        pad_id=loaded.pad_id,
        rows=loaded.rows,
    )
    what = f"model {name!r} fine-tuned on {language!r} with seed {seed}"

    def encode_all(items: Sequence[Item], of: str) -> list[Encoded]:
        try:
            return [read(item) for item in items]
        except RunError as error:
            raise RunError(f"{what}: {corpus.origin.get(of, of)} (language {of!r}), {error}") from None

    train = encode_all(corpus.train[language], language)
    test = {other: encode_all(items, other) for other, items in corpus.test.items()}
    try:
        trained = train_and_predict(
            loaded,
            corpus.train[language],
            train,
            test,
            corpus.labels,
            settings,
            seed,
            device=device,
            on_step=on_step,
        )
    except torch.OutOfMemoryError:
        raise RunError(f"{what} does not fit the memory of device {device}; give a smaller --batch-size") from None
    except RunError as error:
        raise RunError(f"{what}: {error}") from None
    parts = {"train": train, **{f"test {other}": encoded for other, encoded in test.items()}}
    return UnitPredictions(
        model=name,
        train=language,
        seed=seed,
        predictions={other: _named(rows, corpus.labels) for other, rows in trained.predictions.items()},
        cut={part: sum(each.cut for each in encoded) for part, encoded in parts.items()},
        unread={part: sum(each.unread for each in encoded) for part, encoded in parts.items()},
        loss=trained.loss,
        steps=trained.steps,
    )


def _named(rows: Sequence[Sequence[int]], labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(OUTSIDE if index < 0 else labels[index] for index in row) for row in rows)


def _identity(
    corpus: LabelledCorpus,
    language: str,
    settings: TaskSettings,
    seed: int,
    name: str,
    checkpoint: Mapping[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """All that a unit's predictions depend on, as JSON."""
    chosen = {key: value for key, value in asdict(settings).items() if key not in ("seed", "seeds")}
    whole = {
        "interfere": version("interfere-nlp"),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "model": name,
        **checkpoint,
        "language": language,
        "seed": seed,
        "device": device.type,
        "labels": list(corpus.labels),
        "settings": chosen,
        "data": {
            "train": items_sha256(corpus.train[language]),
            **{f"test {other}": items_sha256(items) for other, items in corpus.test.items()},
        },
    }
    out: dict[str, Any] = json.loads(json.dumps(whole))
    return out


def _write_unit(path: Path, identity: Mapping[str, Any], unit: UnitPredictions, corpus: LabelledCorpus) -> None:
    number = {label: index for index, label in enumerate(corpus.labels)}
    rows = {
        # One string an item: a list of numbers would take a line for each.
        language: [" ".join(str(number[label]) for label in item) for item in items]
        for language, items in unit.predictions.items()
    }
    found = {"cut": dict(unit.cut), "unread": dict(unit.unread), "loss": unit.loss, "steps": unit.steps}
    write_json(path, {"identity": identity, **found, "predictions": rows})


def _read_unit(path: Path, identity: Mapping[str, Any], corpus: LabelledCorpus) -> UnitPredictions | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}; delete it to have it computed again") from None
    before = document.get("identity", {})
    changed = sorted(key for key in identity.keys() | before.keys() if identity.get(key) != before.get(key))
    if changed:
        raise InputError(
            f"--resume: {path} was computed with another {', '.join(changed)}; give what it was started with, or start "
            "a new run in another --output-dir"
        )
    predictions = {
        language: tuple(tuple(corpus.labels[int(index)] for index in row.split()) for row in rows)
        for language, rows in document["predictions"].items()
    }
    return UnitPredictions(
        identity["model"],
        identity["language"],
        identity["seed"],
        predictions,
        document["cut"],
        document["unread"],
        document["loss"],
        document["steps"],
    )
