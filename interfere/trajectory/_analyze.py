"""`analyze_trajectory`: gradients of several checkpoints of one training, each measured once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interfere.checkpoint import Checkpoint, expected_task, load_checkpoint
from interfere.corpus import Corpus, language_sha256, read_corpus, require_languages
from interfere.engine import Progress, ProgressCallback
from interfere.errors import InputError, InterfereError
from interfere.gradients import analyze_gradients, has_second_moments
from interfere.objectives import LossFunction
from interfere.ranks import Ranks
from interfere.results import Result, load_result, write_result
from interfere.settings import GradientSettings, Task
from interfere.trajectory._folder import Kept, TrajectoryFolder, file_stamp
from interfere.trajectory._join import Measured, join_runs
from interfere.trajectory._points import Point, TrainingPoint, ordered_points
from interfere.trajectory._tokens import tokenizer_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPEED = ("batch_size", "gradient_checkpointing", "adam_state")
"""Settings that change speed and memory alone, or that each checkpoint has its own of."""

OWN, CALIBRATION = "optimizer", "calibration slot"
"""Where second moments come from."""

_JOINED = ".joined-"
"""How a folder begins in which tables and figures are made before they replace the earlier ones."""


@dataclass(frozen=True)
class _Loading:
    """How checkpoints are loaded."""

    tokenizer: str | Path | None
    base_model: str | Path | None
    subfolder: str | None
    objective: str
    dtype: str
    device: str
    trust_remote_code: bool

    def load(self, point: TrainingPoint) -> Checkpoint:
        return load_checkpoint(
            point.model,
            revision=point.revision,
            subfolder=self.subfolder,
            base_model=self.base_model,
            tokenizer=self.tokenizer,
            objective=self.objective,
            dtype=self.dtype,
            device=self.device,
            trust_remote_code=self.trust_remote_code,
        )


def analyze_trajectory(
    checkpoints: Sequence[Point],
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    objective: str | LossFunction = "auto",
    settings: GradientSettings | None = None,
    *,
    directory: str | Path | None = None,
    overwrite: bool = False,
    tokenizer: str | Path | None = None,
    base_model: str | Path | None = None,
    subfolder: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    trust_remote_code: bool = False,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Measure how the gradients of languages agree along a training, at each of its checkpoints.

    All checkpoints read the same chunks of text. For the `adam` metric a checkpoint's own `optimizer.pt` is used where
    it holds second moments, else the calibration slot; which it was is recorded.

    Args:
        checkpoints: folders, or `TrainingPoint`s, which may be revisions on the hub. The step of each is told by its
            name (`checkpoint-1500`, `step1000`), else by its `trainer_state.json`, else by the order given.
        corpus: from `read_corpus`, a folder of one file a language, or language → texts. None: the bundled corpus.
        objective: as for `analyze_gradients`; the same for all checkpoints.
        settings: see `GradientSettings`; `adam_state` stays None.
        directory: a run directory, made if it is not there. The finished run of each checkpoint is kept in it, and
            those that are there already are not computed again; tables and figures are of all of them. What was
            interrupted goes on from its finished chunks. None: nothing is kept.
        overwrite: compute checkpoints again whose weights have changed since they were measured, and unfinished ones
            from their beginning.
        tokenizer: where the tokenizer is, if not with the checkpoints.
        base_model: of checkpoints that are PEFT adapters: the model that they are on, as for `load_checkpoint`.
        subfolder: where each checkpoint is within its folder or repository.
        dtype: `float32`, `bfloat16` or `float16`.
        device: a device of torch, or `auto`: the GPU where there is one, else the CPU.
        trust_remote_code: whether Python code that comes with a model may run.
        progress: called after each chunk with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `trajectory`: the tables `pairs`, `self` and `groups` of all checkpoints with `step` and
        `checkpoint` in front, `checkpoints`, and `changes` from the first checkpoint to the last one.

    Raises:
        InputError: settings or text are wrong, steps are not known or not unique, tokenizers differ, or `directory` is
            of other settings or text.
        RunError: a checkpoint cannot be loaded, or text or memory does not suffice. The message names the checkpoint;
            those before it are kept.
    """
    settings = settings if settings is not None else GradientSettings()
    if settings.adam_state is not None:
        raise InputError("--adam-state is of one checkpoint: a trajectory reads the optimizer.pt of each of them")
    corpus = read_corpus(corpus, task=_task(checkpoints, objective, subfolder, base_model))
    require_languages(corpus)
    name = objective if isinstance(objective, str) else "custom"
    ranks = Ranks.current()
    if subfolder is not None and any(_is_folder(point) for point in checkpoints):
        # Whether a checkpoint has changed since is told by the files of the folder that is given.
        raise InputError(
            "--subfolder is for --model with --revisions: of checkpoints in folders give the folders inside"
        )
    own = name if name != "custom" else "auto"
    loading = _Loading(tokenizer, base_model, subfolder, own, dtype, device, trust_remote_code)
    plan = _plan(settings, corpus, name, dtype)
    plan |= {key: str(value) for key, value in (("base_model", base_model), ("subfolder", subfolder)) if value}
    with _opened(directory, plan, ranks) as folder:
        known = {each: kept.point for each, kept in folder.kept.items() if folder.finished(each)}
        points = ordered_points(checkpoints, known)
        for place, point in enumerate(points):
            try:
                _measure(
                    point, folder, loading, corpus, objective, settings, ranks,
                    overwrite=overwrite, command=command, progress=_placed(progress, point, place, len(points)),
                )  # fmt: skip
            except InterfereError as error:
                raise type(error)(f"checkpoint {point.name!r}: {error}") from error
        runs = [
            Measured(kept.point, load_result(folder.run_of(each)), kept.second_moments)
            for each, kept in folder.kept.items()
            if folder.finished(each)
        ]
        result = join_runs(runs, command)
        if directory is not None and ranks.rank == 0:
            _write_joined(result, folder.path)
        ranks.wait()
    return result


def _task(
    checkpoints: Sequence[Point], objective: object, subfolder: str | None, base_model: str | Path | None
) -> Task | None:
    """What text has to be labelled for, as the first checkpoint tells it; the others must have the same objective."""
    if not isinstance(objective, str) or not checkpoints:
        return None
    first = checkpoints[0]
    model, revision = (first.model, first.revision) if isinstance(first, TrainingPoint) else (first, None)
    return expected_task(model, objective, revision=revision, subfolder=subfolder, base_model=base_model)


def _is_folder(point: Point) -> bool:
    return Path(point.model if isinstance(point, TrainingPoint) else point).is_dir()


def _plan(settings: GradientSettings, corpus: Corpus, objective: str, dtype: str) -> dict[str, Any]:
    """What all checkpoints of a run directory have in common."""
    return {
        "settings": {key: value for key, value in asdict(settings).items() if key not in _SPEED},
        "objective": objective,
        "dtype": dtype,
        "data": {language: language_sha256(corpus, language) for language in corpus.languages},
    }


@contextmanager
def _opened(directory: str | Path | None, plan: Mapping[str, Any], ranks: Ranks) -> Iterator[TrajectoryFolder]:
    with ExitStack() as stack:
        if directory is not None:
            path = Path(directory)
            if path.name in ("", ".."):
                raise InputError(f"--output-dir {str(directory)!r} does not name a folder")
        else:
            own = stack.enter_context(tempfile.TemporaryDirectory(prefix="interfere-"))
            path = Path(ranks.decide(lambda: own)) / "run"
        yield ranks.decide(lambda: TrajectoryFolder.open(path, plan, stack))
        # The folder must not go, nor be another process's, before all are done with it.
        ranks.wait()


def _measure(
    point: TrainingPoint,
    folder: TrajectoryFolder,
    loading: _Loading,
    corpus: Corpus,
    objective: str | LossFunction,
    settings: GradientSettings,
    ranks: Ranks,
    *,
    overwrite: bool,
    command: str,
    progress: ProgressCallback | None,
) -> None:
    """Make sure that the run of one checkpoint is in the folder."""
    stamp = ranks.decide(lambda: file_stamp(point))
    finished = ranks.decide(lambda: folder.finished(point.name))
    kept = folder.kept.get(point.name)
    if finished and kept is not None and stamp is not None and kept.stamp == stamp:
        return
    checkpoint = loading.load(point)
    ranks.decide(lambda: _same_tokens(folder, checkpoint, corpus))
    moments, settings = _second_moments(point, settings)
    before = kept.weights_sha256 if kept is not None else ""
    if finished:
        before = load_result(folder.run_of(point.name)).model["weights_sha256"]
    begun = finished or ranks.decide(lambda: folder.begun(point.name))
    other = begun and before != checkpoint.weights_sha256
    if other and not overwrite:
        raise InputError(
            "its weights are not those that it was measured with; --overwrite measures it again, or give another "
            "--output-dir"
        )
    # Asked again: a model of the hub may have been downloaded just now.
    stamp = ranks.decide(lambda: file_stamp(point))
    folder.kept[point.name] = Kept(point, stamp, checkpoint.weights_sha256, moments)
    if finished and not other:
        ranks.decide(folder.save)
        return
    ranks.decide(folder.save)
    run = ranks.decide(lambda: folder.begin(point.name, again=begun and overwrite))
    result = analyze_gradients(
        checkpoint, corpus, objective, settings, workdir=run.work, progress=progress, command=command
    )
    if ranks.rank == 0:
        write_result(result, run.path)
        run.finish()
    ranks.wait()


def _same_tokens(folder: TrajectoryFolder, checkpoint: Checkpoint, corpus: Corpus) -> None:
    own = tokenizer_fingerprint(checkpoint.tokenizer, corpus)
    before = folder.plan.get("tokenizer")
    if before is None:
        folder.plan["tokenizer"] = own
    elif before != own:
        raise InputError(
            "its tokenizer is not that of the other checkpoints, so that it would not read the same text; give one for "
            "all of them with --tokenizer"
        )


def _second_moments(point: TrainingPoint, settings: GradientSettings) -> tuple[str, GradientSettings]:
    """Where a checkpoint's second moments come from, and the settings that say so."""
    if "adam" not in settings.metrics:
        return "", settings
    file = Path(point.model) / "optimizer.pt"
    if point.revision is None and file.is_file():
        if has_second_moments(file):
            return OWN, replace(settings, adam_state=str(file))
        return f"{CALIBRATION}: optimizer.pt holds no second moments", settings
    return CALIBRATION, settings


def _placed(progress: ProgressCallback | None, point: TrainingPoint, place: int, count: int) -> ProgressCallback | None:
    """A progress callback that says which checkpoint is being measured."""
    if progress is None:
        return None
    tell = progress

    def told(now: Progress) -> None:
        phase = f"step {point.step} ({place + 1} of {count})"
        tell(replace(now, phase=phase if now.phase == "gradients" else f"{phase}, {now.phase}"))

    return told


def _write_joined(result: Result, path: Path) -> None:
    """Replace tables, figures and page, each file as a whole and results.json last.

    Who reads in between has the earlier results.json or the new one, never a part of one; a kill in between is made
    good by the same command.
    """
    from interfere.report import write_run

    for left in path.glob(f"{_JOINED}*"):
        # Of a process that was killed here; nobody else writes to this folder now.
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_JOINED, dir=path) as new:
        write_run(result, Path(new))
        files = [file for file in sorted(Path(new).rglob("*")) if file.is_file() and file.name != "results.json"]
        for file in [*files, Path(new) / "results.json"]:
            place = path / file.relative_to(new)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
