"""`interfere deltas`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from interfere.errors import InputError
from interfere.settings import EvaluationSettings, Task, TaskSettings

from ._options import (
    HOW,
    OUT,
    WHAT,
    BatchSizeOption,
    DataOption,
    DeviceOption,
    DtypeOption,
    Format,
    LanguagesOption,
    OutputFormatOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    SourceLanguageOption,
    TrustRemoteCodeOption,
)
from ._processes import own_device, processes
from ._shared import parse_batch_size, parse_bytes, split_list, user_errors, whole_number
from ._show import analyze_and_show

if TYPE_CHECKING:
    from interfere.deltas import Model
    from interfere.ranks import Ranks
    from interfere.results import RunDirectory

_DEFAULT = EvaluationSettings()
_OF_TASK = TaskSettings()
_TASK = "Labelled tasks"


def deltas(
    multilingual: Annotated[
        list[str],
        typer.Option(
            help="A folder or hub name; or NAME=MODEL, several times, for a curve: bilingual=B, trilingual=T.",
            rich_help_panel=WHAT,
        ),
    ],
    monolingual: Annotated[
        list[str],
        typer.Option(
            help="LANGUAGE=MODEL, once a language; or LANGUAGE@BYTES=MODEL for models of several amounts of text, as "
            "in en@10MB=M1.",
            rich_help_panel=WHAT,
        ),
    ],
    data: DataOption = None,
    languages: LanguagesOption = None,
    source_language: SourceLanguageOption = None,
    objective: Annotated[str, typer.Option(hidden=True)] = "auto",
    documents: Annotated[
        str, typer.Option(help="Held-out documents that are read of each language, or all.", rich_help_panel=HOW)
    ] = str(_DEFAULT.documents),
    max_length: Annotated[
        int | None,
        typer.Option(help="Tokens of a window. Default: what the model takes, at most 512.", rich_help_panel=HOW),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="New tokens of each window of a long document. Default: half a window.", rich_help_panel=HOW),
    ] = None,
    mask_passes: Annotated[
        str,
        typer.Option(
            help="Masked LM: sets of tokens, together all of them, that are masked one after the other; or all: one "
            "token at a time.",
            rich_help_panel=HOW,
        ),
    ] = str(_DEFAULT.mask_passes),
    whole_word: Annotated[
        bool,
        typer.Option("--whole-word", help="Masked LM: mask whole words, to compare tokenizers.", rich_help_panel=HOW),
    ] = False,
    task: Annotated[
        Task | None,
        typer.Option(
            help="Fine-tune the models and compare their scores instead of bits per byte; --data is then a folder with "
            'LANG.train.jsonl and LANG.test.jsonl ({"text": …, "label": …}, or {"tokens": […], "labels": […]}), or '
            "LANG.train.conll and LANG.test.conll.",
            rich_help_panel=_TASK,
        ),
    ] = None,
    task_seeds: Annotated[
        int, typer.Option(help="Fine-tunings of each model and language.", rich_help_panel=_TASK)
    ] = _OF_TASK.seeds,
    epochs: Annotated[int, typer.Option(help="Passes over the training set.", rich_help_panel=_TASK)] = _OF_TASK.epochs,
    learning_rate: Annotated[float, typer.Option(help="The highest.", rich_help_panel=_TASK)] = _OF_TASK.learning_rate,
    task_batch_size: Annotated[
        int, typer.Option(help="Items of a training step; it changes results.", rich_help_panel=_TASK)
    ] = _OF_TASK.batch_size,
    seed: SeedOption = _DEFAULT.seed,
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-deltas"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Measure how much better or worse a multilingual model is than monolingual ones, in bits per byte.

    All models read the same held-out documents, which none of them may have been trained on. With --task they are
    fine-tuned on labelled data instead, within each language and across languages. Writes a run directory
    with report.html, results.json, a CSV for each table and figures, and prints what was found.

    Example: interfere deltas --multilingual M --monolingual en=M1 --monolingual de=M2 --data held-out/
    """
    with user_errors(), processes() as ranks:
        from interfere.results import RunDirectory

        if objective != "auto":
            labelled = objective in get_args(Task)
            raise InputError(
                f"--objective {objective}: deltas fine-tunes models on labelled text; give --task {objective}"
                if labelled
                else f"--objective {objective}: deltas tells the objective from each checkpoint; leave it out"
            )
        if task is not None:
            _require_default(
                {
                    "documents": (documents, str(_DEFAULT.documents)),
                    "stride": (stride, None),
                    "mask-passes": (mask_passes, str(_DEFAULT.mask_passes)),
                    "whole-word": (whole_word, False),
                    "source-language": (source_language, None),
                    "batch-size": (batch_size, str(_DEFAULT.batch_size)),
                    "dtype": (dtype, "float32"),
                },
                "is not for --task",
            )
            if data is None:
                raise InputError("--task: give labelled --data, a folder with LANG.train.jsonl and LANG.test.jsonl")
            if ranks.count > 1:
                raise InputError("--task runs in one process: start it without torchrun")
            of_task = TaskSettings(
                task=task,
                seeds=task_seeds,
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=task_batch_size,
                max_length=max_length,
                seed=seed,
            )
            _compare_on_task(
                RunDirectory.check(output_dir, resume=resume, overwrite=overwrite),
                ranks,
                _multilingual(multilingual),
                _monolingual(monolingual),
                data,
                split_list(languages),
                of_task,
                device=device,
                trust_remote_code=trust_remote_code,
                output_format=output_format,
                quiet=quiet,
            )
            return
        _require_default(
            {
                "task-seeds": (task_seeds, _OF_TASK.seeds),
                "epochs": (epochs, _OF_TASK.epochs),
                "learning-rate": (learning_rate, _OF_TASK.learning_rate),
                "task-batch-size": (task_batch_size, _OF_TASK.batch_size),
            },
            "is for --task alone",
        )
        settings = EvaluationSettings(
            documents=_number_or_all(documents, "--documents"),
            max_length=max_length,
            stride=stride,
            mask_passes=_number_or_all(mask_passes, "--mask-passes"),
            whole_word=whole_word,
            batch_size=parse_batch_size(batch_size),
            seed=seed,
            source_language=source_language,
        )
        many, one = _multilingual(multilingual), _monolingual(monolingual)
        from interfere.corpus import read_corpus
        from interfere.deltas import list_models, require_text

        run = ranks.decide(lambda: RunDirectory.check(output_dir, resume=resume, overwrite=overwrite))
        corpus = read_corpus(data, split_list(languages))
        require_text(list_models(many, one), corpus)
        from interfere.checkpoint import load_checkpoint
        from interfere.deltas import analyze_deltas

        load = partial(
            load_checkpoint, dtype=dtype, device=own_device(device, shard=False), trust_remote_code=trust_remote_code
        )
        analyze = partial(analyze_deltas, many, one, corpus, settings, load=load)
        analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)


def _require_default(options: Mapping[str, tuple[object, object]], why: str) -> None:
    for option, (given, default) in options.items():
        if given != default:
            raise InputError(f"--{option} {why}: leave it out")


def _compare_on_task(
    run: RunDirectory,
    ranks: Ranks,
    multilingual: Mapping[str, Model],
    monolingual: Mapping[str, Model | dict[float, Model]],
    data: str,
    languages: list[str] | None,
    settings: TaskSettings,
    *,
    device: str,
    trust_remote_code: bool,
    output_format: Format,
    quiet: bool,
) -> None:
    """Fine-tune instead of reading held-out text."""
    from interfere.tasks import TaskModel, analyze_task_deltas, read_labelled

    def model(path: Model | dict[float, Model], language: str | None = None) -> TaskModel:
        if isinstance(path, dict):
            raise InputError(f"--monolingual {language}@…: with --task give one model a language")
        assert isinstance(path, str)
        return TaskModel(path, trust_remote_code=trust_remote_code)

    corpus = read_labelled(data, settings.task, languages, seed=settings.seed)
    analyze = partial(
        analyze_task_deltas,
        {name: model(path) for name, path in multilingual.items()},
        {language: model(path, language) for language, path in monolingual.items()},
        corpus,
        settings,
        device=device,
    )
    analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)


def _number_or_all(text: str, option: str) -> int | None:
    """A whole number; None for `all`."""
    if text == "all":
        return None
    number = whole_number(text)
    if number is None:
        raise InputError(f"{option} {text!r}: give a whole number, or all")
    return number


def _multilingual(given: list[str]) -> dict[str, Model]:
    """Name → model, in the order that they were given."""
    out: dict[str, Model] = {}
    for item in given:
        name, equals, model = item.partition("=")
        # A folder may have the sign in its name.
        if not equals or Path(item).exists():
            name, model = "multilingual", item
        if not name or not model:
            raise InputError(f"--multilingual {item!r}: give a model, or NAME=MODEL")
        if name in out:
            raise InputError(f"--multilingual: two models are called {name!r}; name each, as in bilingual=FOLDER")
        out[name] = model
    return out


def _monolingual(given: list[str]) -> dict[str, Model | dict[float, Model]]:
    """Language → model, or bytes of text → model."""
    plain: dict[str, Model] = {}
    sized: dict[str, dict[float, Model]] = {}
    for item in given:
        name, equals, model = item.partition("=")
        if not equals or not name or not model:
            raise InputError(f"--monolingual {item!r}: give LANGUAGE=MODEL, as in en=FOLDER")
        language, at, text = name.partition("@")
        if language in plain or (not at and language in sized):
            raise InputError(
                f"--monolingual {item!r}: {language!r} has a model already; for several give the text that each was "
                f"trained on, as in {language}@10MB=FOLDER"
            )
        if not at:
            plain[language] = model
            continue
        size = float(parse_bytes(text, f"--monolingual {name}"))
        if size in sized.setdefault(language, {}):
            raise InputError(f"--monolingual {item!r}: {language!r} has a model of that much text already")
        sized[language][size] = model
    return {**plain, **sized}
