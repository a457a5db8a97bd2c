"""`interfere doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfere.errors import RunError
from interfere.settings import GradientSettings, Gram, Granularity, Scope

from ._inputs import load
from ._options import (
    COST,
    HOW,
    WHAT,
    BaseModelOption,
    BatchSizeOption,
    ChunksOption,
    DataOption,
    DeviceOption,
    DtypeOption,
    LanguagesOption,
    MaskPassesOption,
    MaxLengthOption,
    ModelOption,
    ObjectiveOption,
    OutputFormatOption,
    QuietOption,
    RevisionOption,
    SeedOption,
    SourceLanguageOption,
    SubfolderOption,
    TokenizerOption,
    TokensPerChunkOption,
    TrustRemoteCodeOption,
)
from ._shared import parse_batch_size, parse_bytes, progress_bar, split_list, user_errors

if TYPE_CHECKING:
    from interfere.checkpoint import Checkpoint
    from interfere.doctor import Diagnosis

_DEFAULT = GradientSettings()


def doctor(
    model: ModelOption,
    data: DataOption = None,
    languages: LanguagesOption = None,
    revision: RevisionOption = None,
    subfolder: SubfolderOption = None,
    base_model: BaseModelOption = None,
    tokenizer: TokenizerOption = None,
    objective: ObjectiveOption = "auto",
    source_language: SourceLanguageOption = None,
    scope: Annotated[
        Scope,
        typer.Option(
            help="The transformer's body, all (embeddings and head too), or the adapters in it alone.",
            rich_help_panel=WHAT,
        ),
    ] = _DEFAULT.scope,
    granularity: Annotated[
        Granularity, typer.Option(help="The groups that would be reported.", rich_help_panel=WHAT)
    ] = _DEFAULT.granularity,
    metric: Annotated[
        str, typer.Option(help="euclidean, adam, per-tensor, or several.", rich_help_panel=HOW)
    ] = ",".join(_DEFAULT.metrics),
    chunks: ChunksOption = _DEFAULT.chunks,
    tokens_per_chunk: TokensPerChunkOption = _DEFAULT.tokens_per_chunk,
    mask_passes: MaskPassesOption = _DEFAULT.mask_passes,
    max_length: MaxLengthOption = None,
    seed: SeedOption = _DEFAULT.seed,
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    gradient_checkpointing: Annotated[
        bool,
        typer.Option("--gradient-checkpointing", help="What a run with it would need.", rich_help_panel=COST),
    ] = False,
    gram: Annotated[
        Gram, typer.Option(help="Whole gradients, or sketches of bounded size.", rich_help_panel=COST)
    ] = _DEFAULT.gram,
    sketch_size: Annotated[
        int, typer.Option(help="Numbers kept of each group by a sketch.", rich_help_panel=COST)
    ] = _DEFAULT.sketch_size,
    memory_budget: Annotated[
        str, typer.Option(help="Whole gradients are kept where they fit this.", rich_help_panel=COST)
    ] = "2GiB",
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Say what `interfere gradients` would analyse with the same options, and whether it can be trusted.

    Objective, layers, tied weights, gradients alone against in a padded batch, the loss against the model's own, what
    the tokenizer makes of each language, text that is short or alike, memory and time. Writes nothing. Exit code 0 if
    no check fails, 1 if one does.

    Example: interfere doctor --model xlm-roberta-base --data texts/
    """
    with user_errors():
        settings = GradientSettings(
            chunks=chunks,
            tokens_per_chunk=tokens_per_chunk,
            mask_passes=mask_passes,
            max_length=max_length,
            batch_size=parse_batch_size(batch_size),
            gradient_checkpointing=gradient_checkpointing,
            scope=scope,
            granularity=granularity,
            metrics=tuple(split_list(metric) or ()),
            gram=gram,
            sketch_size=sketch_size,
            memory_budget=parse_bytes(memory_budget, "--memory-budget"),
            seed=seed,
            source_language=source_language,
        )
        from interfere.checkpoint import expected_task
        from interfere.corpus import read_corpus, require_languages

        task = expected_task(model, objective, revision=revision, subfolder=subfolder, base_model=base_model)
        corpus = read_corpus(data, split_list(languages), task=task)
        require_languages(corpus)
        try:
            checkpoint: Checkpoint | None = load(
                model,
                revision=revision,
                subfolder=subfolder,
                base_model=base_model,
                tokenizer=tokenizer,
                objective=objective,
                dtype=dtype,
                device=device,
                trust_remote_code=trust_remote_code,
            )
        except RunError as error:
            if not _is_there(model, revision) or (tokenizer is not None and not _is_there(tokenizer, None)):
                raise
            checkpoint, reason = None, str(error)
        from interfere.doctor import diagnose, refused

        if checkpoint is None:
            diagnosis = refused(model, reason)
        else:
            with progress_bar(quiet=quiet) as progress:
                diagnosis = diagnose(checkpoint, corpus, objective, settings, progress=progress)
        _show(diagnosis, output_format)
        if not diagnosis.passed:
            raise typer.Exit(1)


def _is_there(source: str, revision: str | None) -> bool:
    """Whether there is a checkpoint or a tokenizer of that name: one that does not load then is a finding."""
    from interfere.checkpoint import resolved_revision

    folder = Path(source)
    if folder.is_file():
        return True
    if folder.is_dir():
        return any(folder.glob("*.json"))
    try:
        return resolved_revision(source, revision) is not None
    except ValueError:
        # A name that no model on the hub can have.
        return False


def _show(diagnosis: Diagnosis, output_format: str) -> None:
    from interfere.doctor import diagnosis_document, print_diagnosis

    if output_format == "json":
        typer.echo(json.dumps(diagnosis_document(diagnosis), ensure_ascii=False, indent=1))
        return
    from rich.console import Console

    print_diagnosis(diagnosis, Console())
