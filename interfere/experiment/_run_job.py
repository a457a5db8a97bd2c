"""One job: from a spec to a model's folder, in as many sittings as it takes."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint._quiet import quiet
from interfere.engine import write_json
from interfere.errors import InputError, RunError
from interfere.experiment._spec import JobSpec, spec_changes, spec_to_json
from interfere.experiment._state import drop_state, load_state, save_state
from interfere.experiment._tokenizer import load_experiment_tokenizer
from interfere.experiment._train import Training, new_training, own_generator, train
from interfere.experiment._writing import remove_leftovers, saving
from interfere.results import FolderLock

SAVE_EVERY = 60.0
"""Seconds of training that an interruption may cost."""

# Silence is for a whole process, and jobs may run in threads.
_one_at_a_time = threading.Lock()


def run_job(spec: JobSpec, *, save_every: float = SAVE_EVERY, on_update: Callable[[int], None] | None = None) -> Path:
    """Train a model, or go on where an interrupted training stopped, or find it trained.

    A training that was interrupted, however hard, gives the same bits as one that was not, on the same machine with
    the same versions. The function can be pickled, for pools of processes and clusters.

    Args:
        spec: the model.
        save_every: seconds between two saved states; no result depends on it.
        on_update: called with the number of updates done, after each.

    Returns:
        `spec.folder`: a folder that transformers loads, with `log.json` (see `Training`), `job.json` (`spec`,
        `environment`, `seconds`, `sittings`, `parameters`, `tokens`) and the same models earlier in training as
        `checkpoint-UPDATE/`.

    Raises:
        InputError: the folder holds a model of another spec; the message names what differs.
        RunError: the loss is not finite, memory does not suffice, or the folder cannot be written to.
    """
    target = Path(spec.folder)
    if target.exists():
        _require_same(target, spec, finished=True)
        drop_state(target)
        return target
    part = target.with_name(target.name + ".part")
    for path in (spec.tokenizer, *(member.tokens for member in spec.members)):
        if not Path(path).exists():
            raise RunError(f"{spec.name}: {path} is gone; prepare the text again")
    with saving(part):
        lock = FolderLock.take(part)
    try:
        # Another process may have trained it while this one was on its way here.
        if target.exists():
            _require_same(target, spec, finished=True)
            shutil.rmtree(part, ignore_errors=True)
            return target
        before = _claim(part, spec)
        try:
            with own_threads(spec.threads):
                _train(spec, part, before, save_every, on_update)
        except torch.OutOfMemoryError:
            raise RunError(
                f"{spec.name}: the memory of device {spec.device} does not suffice; reduce --batch-size"
            ) from None
    finally:
        lock.release()
    with saving(part):
        part.rename(target)
    drop_state(target)
    return target


def is_finished(spec: JobSpec) -> bool:
    """Whether the model has been trained; if so, that it is this very one.

    Raises:
        InputError: the folder holds a model of another spec.
    """
    if not Path(spec.folder).exists():
        return False
    _require_same(Path(spec.folder), spec, finished=True)
    return True


def model_folders(spec: JobSpec) -> dict[int, Path]:
    """Updates → the folder of the model after them; the last one is the final model's."""
    folder = Path(spec.folder)
    return {
        update: folder if update == spec.updates else folder / _checkpoint_name(update) for update in spec.checkpoints
    }


def _train(
    spec: JobSpec, part: Path, before: dict[str, Any], save_every: float, on_update: Callable[[int], None] | None
) -> None:
    training = new_training(spec)
    seconds = _take_up(training, part)
    tokenizer = load_experiment_tokenizer(Path(spec.tokenizer))
    began = saved = time.monotonic()
    with own_generator(training):
        for update in train(training):
            if update in spec.checkpoints and update < spec.updates:
                _keep(training, tokenizer, part / _checkpoint_name(update))
            now = time.monotonic()
            if now - saved >= save_every and update < spec.updates:
                _save(training, part, seconds + now - began)
                saved = time.monotonic()
            if on_update is not None:
                on_update(update)
    _require_finite(training)
    with saving(part, part / "model.safetensors"):
        _write_model(training, tokenizer, part)
        write_json(part / "log.json", training.log)
        sizes = {
            "parameters": sum(each.numel() for each in training.model.parameters()),
            "tokens": {m.name: m.updates * spec.batch_size * spec.context for m in spec.members},
        }
        seconds += time.monotonic() - began
        write_json(part / "job.json", {**before, **sizes, "seconds": round(seconds, 3), "finished": True})


def _claim(part: Path, spec: JobSpec) -> dict[str, Any]:
    """Take a folder to train in, or take up one of the same spec, and write down that it is one sitting more."""
    sittings = 0
    if (part / "job.json").is_file():
        sittings = int(_require_same(part, spec, finished=False)["sittings"])
    document = {"spec": spec_to_json(spec), "environment": _environment(), "sittings": sittings + 1, "finished": False}
    with saving(part):
        part.mkdir(parents=True, exist_ok=True)
        remove_leftovers(part)
        write_json(part / "job.json", document)
    return document


def _require_same(folder: Path, spec: JobSpec, *, finished: bool) -> dict[str, Any]:
    """The job.json of a folder, if it is of this spec."""
    file = folder / "job.json"
    try:
        before: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        changed = spec_changes(before["spec"], json.loads(json.dumps(spec_to_json(spec))))
        # A finished model is one whatever made it; half of a training by each of two versions is neither's.
        if not finished:
            changed += [
                f"version of {name}" for name, own in _environment().items() if before["environment"][name] != own
            ]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder} is not a model of an experiment: {file.name} is missing or damaged") from None
    if changed:
        state = "was trained" if finished else "was begun"
        raise InputError(
            f"{folder} {state} with another {', '.join(changed)}; give what it was started with, or another "
            "--output-dir"
        )
    return before


def _environment() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers")}


def _take_up(training: Training, part: Path) -> float:
    """Go on from the state in a folder, if there is one, and return the seconds that it took to get there."""
    progress = load_state(part, training.model, training.optimizer)
    if progress is None:
        return 0.0
    training.update = progress["update"]
    training.counts = progress["counts"]
    training.log = progress["log"]
    training.sums.copy_(torch.tensor(progress["sums"]))
    return float(progress["seconds"])


def _save(training: Training, part: Path, seconds: float) -> None:
    # JSON keeps every bit of a float32, but has no NaN; the log's next point will tell of it.
    progress = {
        "update": training.update,
        "counts": training.counts,
        "log": training.log,
        "sums": training.sums.tolist(),
        "seconds": seconds,
    }
    with saving(part):
        save_state(part, training.model, training.optimizer, progress)


def _keep(training: Training, tokenizer: Any, folder: Path) -> None:
    """Write the model as it is now, unless an earlier sitting has."""
    if folder.exists():
        return
    part = folder.with_name(folder.name + ".part")
    with saving(folder.parent, part):
        _write_model(training, tokenizer, part)
        part.rename(folder)


def _write_model(training: Training, tokenizer: Any, folder: Path) -> None:
    # Read like any other checkpoint, it would not be told the language: whoever loads it can say so.
    spec = training.spec
    if any(member.type_id is not None for member in spec.members):
        training.model.config.interfere_signal = "embedding"
    elif any(member.begin_id != spec.bos_id for member in spec.members):
        training.model.config.interfere_signal = "tag"
    with _one_at_a_time, quiet():
        training.model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _checkpoint_name(update: int) -> str:
    return f"checkpoint-{update}"


def _require_finite(training: Training) -> None:
    """The last update's weights are seen by no loss."""
    if not all(bool(each.isfinite().all()) for each in training.model.parameters()):
        raise RunError(
            f"{training.spec.name}: weights are not finite at the end of the training; give a lower --learning-rate "
            f"than {training.spec.learning_rate:g}"
        )


@contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Have PyTorch use so many threads, and then as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
