"""`run_experiment`: from text to matched models, and from them to deltas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path

from interfere.corpus import Corpus, read_corpus, require_languages
from interfere.engine import Progress, ProgressCallback
from interfere.evaluation import draw_documents
from interfere.experiment._jobs import run_jobs
from interfere.experiment._measure import (
    Measures,
    MeasureSpec,
    cut_documents,
    measure_model,
    read_measures,
    write_documents,
)
from interfere.experiment._plan import matched_models, plan_jobs
from interfere.experiment._prepare import prepare_text
from interfere.experiment._record import Trained, make_result
from interfere.experiment._scouting import scout_settings
from interfere.experiment._spec import JobSpec
from interfere.experiment._text import split_text
from interfere.experiment._tokenizer import load_experiment_tokenizer
from interfere.ranks import Ranks
from interfere.results import Result
from interfere.runs import shared_folder
from interfere.settings import ExperimentSettings

_CONFLICT_DOCUMENTS = 1000
"""Training documents of a language that gradients are looked at on, at most."""


def run_experiment(
    corpus: Corpus | Mapping[str, Sequence[str]] | str | Path | None = None,
    settings: ExperimentSettings | None = None,
    *,
    executor: Executor | None = None,
    models: str | Path | None = None,
    workdir: str | Path | None = None,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> Result:
    """Train matched monolingual, bilingual and multilingual models, and measure who hurts whom.

    Wang, Lipton and Tsvetkov (EMNLP 2020, https://arxiv.org/abs/2010.03017) compare such models. Those of one seed
    begin with the same weights, and a language's batches are the same in all of them, so what differs is what else
    was trained on.

    Args:
        corpus: from `read_corpus`, a folder of one file a language, or language → texts; part of it is held out. None:
            the bundled corpus, which is too small to learn much from.
        settings: see `ExperimentSettings`.
        executor: anything with the interface of `concurrent.futures`, for training and for measuring; where it runs
            jobs, `models` and `workdir` are the same folders. None: one after another, here.
        models: where models are kept, each an ordinary folder of transformers. Models that are there already, of the
            same text and settings, are not trained again. None: in `workdir`, and with it they go where that is a
            temporary folder.
        workdir: a folder for what is finished, so that an interrupted experiment goes on job by job. None: a temporary
            folder.
        progress: called after each model with a `Progress`.
        command: how the run was asked for, to be recorded.

    Returns:
        A `Result` of kind `experiment`; see its tables `deltas`, `curves`, `conflict`, `predictors`, `predictions`,
        `quality` and `models`, and `scout` where `settings.scout` asks for it.

    Raises:
        InputError: settings, text or languages are wrong, or a folder is of another experiment.
        RunError: text does not suffice, a training does not converge, or a folder cannot be written to.
    """
    settings = settings if settings is not None else ExperimentSettings()
    corpus = read_corpus(corpus)
    require_languages(corpus, 2 if set(settings.mixtures) - {"mono", "half", "clone"} else 1)
    split = split_text(corpus, settings.held_out, settings.seed)
    held_out = draw_documents(split.held_out, settings.documents, settings.seed)
    with shared_folder(workdir, Ranks()) as folder:
        prepared = prepare_text(split, settings, folder / "text")
        root = Path(models) if models is not None else folder / "models"
        lengths = scout_settings(settings)
        jobs = [plan_jobs(each, prepared, root / place) for place, each in lengths.items()]
        specs = [spec for own in jobs for spec in own]
        run_jobs(specs, executor, progress)
        write_documents(folder / "held-out.json", held_out)
        tokenizer = load_experiment_tokenizer(prepared.tokenizer)
        trained_on = draw_documents(split.train, _CONFLICT_DOCUMENTS, settings.seed)
        pieces = {language: cut_documents(own, tokenizer, settings.context) for language, own in trained_on.items()}
        write_documents(folder / "training.json", pieces)
        measures = _measure(specs, folder, settings, executor, progress)
        trained = [[Trained(spec, measures[spec.folder]) for spec in own] for own in jobs]
        matches = [matched_models(own) for own in jobs]
        return make_result(settings, split, held_out, prepared, trained, matches, root, command)


def _measure(
    specs: Sequence[JobSpec],
    folder: Path,
    settings: ExperimentSettings,
    executor: Executor | None,
    progress: ProgressCallback | None,
) -> dict[str, Measures]:
    """Folder of a model → what was found of it."""
    wanted = [
        MeasureSpec(
            spec,
            str((folder / "held-out.json").resolve()),
            str((folder / "training.json").resolve()),
            str((folder / "measured" / Path(spec.folder).parent.name / spec.name).resolve()),
            settings.mask_passes,
            settings.conflict_chunks,
            settings.conflict_tokens,
            settings.seed,
        )
        for spec in specs
    ]
    done = 0
    found: dict[str, Measures] = {}

    def take(spec: MeasureSpec, path: Path) -> None:
        nonlocal done
        found[spec.job.folder] = read_measures(path)
        done += 1
        if progress is not None:
            progress(Progress("measuring", done, len(wanted), spec.job.name))

    if executor is None:
        for spec in wanted:
            take(spec, measure_model(spec))
        return found
    waiting: dict[Future[Path], MeasureSpec] = {executor.submit(measure_model, spec): spec for spec in wanted}
    try:
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                take(waiting.pop(future), future.result())
    finally:
        for future in waiting:
            future.cancel()
    return found
