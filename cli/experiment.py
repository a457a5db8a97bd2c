"""`interfere experiment`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfere.errors import InputError
from interfere.settings import Architecture, ExperimentSettings, ExperimentTokenizer, Schedule, Signal

from ._options import (
    OUT,
    WHAT,
    DataOption,
    LanguagesOption,
    OutputFormatOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
)
from ._processes import processes
from ._shared import parse_numbers, split_list, user_errors, whole_number
from ._show import analyze_and_show

if TYPE_CHECKING:
    from interfere.engine import ProgressCallback
    from interfere.results import Result

_DEFAULT = ExperimentSettings()
_MODELS = "What is trained"
_TRAINING = "How it is trained"
_MEASURED = "How it is measured"


def experiment(
    data: DataOption = None,
    languages: LanguagesOption = None,
    mixtures: Annotated[
        str,
        typer.Option(
            help="mono, pairs, triples, all; and two controls: half (a language with the other half of its own text) "
            "and clone (with a copy of itself that shares no token).",
            rich_help_panel=WHAT,
        ),
    ] = ",".join(_DEFAULT.mixtures),
    pairs: Annotated[
        str | None, typer.Option(help="Only these pairs, as in de-sv,fr-ko. Default: all.", rich_help_panel=WHAT)
    ] = None,
    architecture: Annotated[
        Architecture, typer.Option(help="A causal or a masked LM.", rich_help_panel=_MODELS)
    ] = _DEFAULT.architecture,
    preset: Annotated[
        str,
        typer.Option(
            help="tiny (2 layers, width 32), small (4, 128), base (12, 768), or a config.json.", rich_help_panel=_MODELS
        ),
    ] = _DEFAULT.preset,
    widths: Annotated[
        str | None, typer.Option(help="Hidden sizes to sweep: capacity, as in 16,32,64.", rich_help_panel=_MODELS)
    ] = None,
    tokenizer: Annotated[
        ExperimentTokenizer,
        typer.Option(help="One for all models: bytes, or BPE trained here.", rich_help_panel=_MODELS),
    ] = _DEFAULT.tokenizer,
    vocabulary: Annotated[int, typer.Option(help="Tokens of the BPE.", rich_help_panel=_MODELS)] = _DEFAULT.vocabulary,
    context: Annotated[
        int, typer.Option(help="Tokens of a training sequence.", rich_help_panel=_MODELS)
    ] = _DEFAULT.context,
    signal: Annotated[
        Signal,
        typer.Option(
            help="How a model knows the language: an embedding at every position, a tag in the first one, or none.",
            rich_help_panel=_MODELS,
        ),
    ] = _DEFAULT.signal,
    dropout: Annotated[float, typer.Option(help="Of the presets.", rich_help_panel=_MODELS)] = _DEFAULT.dropout,
    updates: Annotated[
        int, typer.Option(help="Updates that each language takes part in.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.updates,
    batch_size: Annotated[
        int, typer.Option(help="Sequences of each language in an update.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.batch_size,
    learning_rate: Annotated[
        float, typer.Option(help="The highest.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.learning_rate,
    warmup: Annotated[
        float, typer.Option(help="Share of updates in which it rises.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.warmup,
    schedule: Annotated[
        Schedule, typer.Option(help="How it falls afterwards.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.schedule,
    weight_decay: Annotated[
        float, typer.Option(help="AdamW's, of matrices.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.weight_decay,
    joint: Annotated[
        bool,
        typer.Option(
            "--joint/--alternating", help="All languages in every update, or one at a time.", rich_help_panel=_TRAINING
        ),
    ] = _DEFAULT.joint,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Languages with more text have more updates, by the power 1/T. Default: all the same.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    mask_rate: Annotated[
        float, typer.Option(help="Share of tokens that an encoder's training masks.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.mask_rate,
    text: Annotated[
        str, typer.Option(help="Shares of the training text to sweep, as in 0.25,1.", rich_help_panel=_TRAINING)
    ] = ",".join(map(str, _DEFAULT.text)),
    seeds: Annotated[int, typer.Option(help="Trainings of every model.", rich_help_panel=_TRAINING)] = _DEFAULT.seeds,
    seed: Annotated[
        int, typer.Option(help="The first of them; also of what is held out.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.seed,
    scout: Annotated[
        bool,
        typer.Option(
            "--scout", help="Train short models alone and extrapolate to --updates.", rich_help_panel=_TRAINING
        ),
    ] = False,
    scout_lengths: Annotated[
        str, typer.Option(help="Their lengths, as shares of --updates.", rich_help_panel=_TRAINING)
    ] = "0.15,0.3",
    held_out: Annotated[
        float, typer.Option(help="Share of the documents that no model is trained on.", rich_help_panel=_MEASURED)
    ] = _DEFAULT.held_out,
    documents: Annotated[
        str, typer.Option(help="Held-out documents that are read of each language, or all.", rich_help_panel=_MEASURED)
    ] = str(_DEFAULT.documents),
    mask_passes: Annotated[
        int, typer.Option(help="Of an encoder's evaluation.", rich_help_panel=_MEASURED)
    ] = _DEFAULT.mask_passes,
    checkpoints: Annotated[
        int, typer.Option(help="Moments of a training at which its model is kept.", rich_help_panel=_MEASURED)
    ] = _DEFAULT.checkpoints,
    conflict_chunks: Annotated[
        int, typer.Option(help="Slots of their gradient analysis; 0 for none.", rich_help_panel=_MEASURED)
    ] = _DEFAULT.conflict_chunks,
    conflict_tokens: Annotated[
        int, typer.Option(help="Tokens of a slot and language.", rich_help_panel=_MEASURED)
    ] = _DEFAULT.conflict_tokens,
    workers: Annotated[
        int, typer.Option(help="Processes that train and measure; one model each at a time.", rich_help_panel=_TRAINING)
    ] = 1,
    threads: Annotated[
        int, typer.Option(help="Threads of each; more of them round differently.", rich_help_panel=_TRAINING)
    ] = _DEFAULT.threads,
    device: Annotated[str, typer.Option(help="cpu or cuda.", rich_help_panel=_TRAINING)] = _DEFAULT.device,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-experiment"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Train matched monolingual, bilingual and multilingual models, and measure who hurts whom, and how much.

    Models of one seed begin with the same weights and see the same batches of a language; what differs is what else
    they are trained on. Writes a run directory with report.html, results.json, a CSV for each table, figures, and the
    models as ordinary Hugging Face folders, and prints what was found.

    Example: interfere experiment --data texts/ --mixtures pairs,all --seeds 3 --workers 2 --output-dir run
    """
    with user_errors(), processes() as ranks:
        if ranks.count > 1:
            raise InputError("interfere experiment runs its own processes: start it once, with --workers")
        if workers < 1:
            raise InputError(f"--workers {workers}: give at least 1")
        settings = ExperimentSettings(
            mixtures=tuple(split_list(mixtures) or ()),
            pairs=None if pairs is None else tuple(split_list(pairs) or ()),
            architecture=architecture,
            preset=preset,
            widths=_whole(widths, "--widths"),
            tokenizer=tokenizer,
            vocabulary=vocabulary,
            context=context,
            batch_size=batch_size,
            updates=updates,
            learning_rate=learning_rate,
            warmup=warmup,
            schedule=schedule,
            weight_decay=weight_decay,
            joint=joint,
            signal=signal,
            temperature=temperature,
            seeds=seeds,
            text=parse_numbers(text, "--text"),
            held_out=held_out,
            checkpoints=checkpoints,
            documents=None if documents == "all" else _one(documents, "--documents"),
            mask_passes=mask_passes,
            conflict_chunks=conflict_chunks,
            conflict_tokens=conflict_tokens,
            scout=parse_numbers(scout_lengths, "--scout-lengths") if scout else (),
            mask_rate=mask_rate,
            dropout=dropout,
            threads=threads,
            seed=seed,
            device=device,
        )
        from interfere.corpus import read_corpus
        from interfere.results import RunDirectory

        run = RunDirectory.check(output_dir, resume=resume, overwrite=overwrite)
        corpus = read_corpus(data, split_list(languages))

        def analyze(*, workdir: Path, progress: ProgressCallback | None, command: str) -> Result:
            from interfere.experiment import process_pool, run_experiment

            go = partial(
                run_experiment,
                corpus,
                settings,
                models=run.path / "models",
                workdir=workdir,
                progress=progress,
                command=command,
            )
            if workers == 1:
                return go()
            with process_pool(workers) as pool:
                return go(executor=pool)

        analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)


def _whole(text: str | None, option: str) -> tuple[int, ...]:
    return tuple(_one(item, option) for item in split_list(text) or [])


def _one(text: str, option: str) -> int:
    number = whole_number(text)
    if number is None:
        raise InputError(f"{option} {text!r}: give a whole number")
    return number
