"""`interfere trajectory`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfere.errors import InputError, InterfereError
from interfere.settings import GradientSettings

from ._gradient_options import (
    AdamFloorOption,
    GradientCheckpointingOption,
    GramOption,
    GranularityOption,
    MarginOption,
    MemoryBudgetOption,
    MetricOption,
    MixtureOption,
    ScopeOption,
    SketchSizeOption,
)
from ._options import (
    OUT,
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
    ObjectiveOption,
    OutputFormatOption,
    QuietOption,
    SeedOption,
    SourceLanguageOption,
    SubfolderOption,
    TokenizerOption,
    TokensPerChunkOption,
    TrustRemoteCodeOption,
)
from ._processes import own_device, processes
from ._shared import parse_batch_size, parse_bytes, parse_weights, progress_bar, split_list, user_errors

if TYPE_CHECKING:
    from interfere.trajectory import TrainingPoint

_DEFAULT = GradientSettings()
_METRICS = ",".join(_DEFAULT.metrics)


def trajectory(
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHECKPOINT", help="More checkpoints, as a shell makes of --checkpoints DIR/checkpoint-*."
        ),
    ] = None,
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(
            help="Folders of checkpoints, or a pattern in quotes: 'DIR/checkpoint-*'. Steps are told by names such as "
            "checkpoint-1500 or step1500, else by trainer_state.json, else by the order.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A name on the Hugging Face hub, with --revisions.", rich_help_panel=WHAT)
    ] = None,
    revisions: Annotated[
        str | None,
        typer.Option(help="Its branches, tags or commits, as in step1000,step2000.", rich_help_panel=WHAT),
    ] = None,
    data: DataOption = None,
    languages: LanguagesOption = None,
    subfolder: SubfolderOption = None,
    base_model: BaseModelOption = None,
    tokenizer: TokenizerOption = None,
    objective: ObjectiveOption = "auto",
    source_language: SourceLanguageOption = None,
    scope: ScopeOption = _DEFAULT.scope,
    granularity: GranularityOption = _DEFAULT.granularity,
    metric: MetricOption = _METRICS,
    chunks: ChunksOption = _DEFAULT.chunks,
    tokens_per_chunk: TokensPerChunkOption = _DEFAULT.tokens_per_chunk,
    mask_passes: MaskPassesOption = _DEFAULT.mask_passes,
    max_length: MaxLengthOption = None,
    margin: MarginOption = _DEFAULT.margin,
    mixture: MixtureOption = None,
    adam_floor: AdamFloorOption = _DEFAULT.adam_floor,
    seed: SeedOption = (_DEFAULT.seed),
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    gradient_checkpointing: GradientCheckpointingOption = False,
    gram: GramOption = _DEFAULT.gram,
    sketch_size: SketchSizeOption = _DEFAULT.sketch_size,
    memory_budget: MemoryBudgetOption = "2GiB",
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_dir: Annotated[
        Path,
        typer.Option(
            help="The run directory. Checkpoints that were measured in it before are not measured again.",
            rich_help_panel=OUT,
        ),
    ] = Path("interfere-trajectory"),
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Measure checkpoints again whose weights have changed since.", rich_help_panel=OUT
        ),
    ] = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Measure gradient conflict along a training, checkpoint by checkpoint.

    The same command with more checkpoints measures those that are new, and replaces tables, figures and report; one
    that was interrupted goes on where it was. For --metric adam, each checkpoint's own optimizer.pt is read if it has
    one. OUTPUT_DIR/checkpoints holds the run of each checkpoint.

    Example: interfere trajectory --checkpoints training/checkpoint-* --data texts/ --output-dir along
    """
    with user_errors(), processes() as ranks:
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
            margin=margin,
            mixture=parse_weights(mixture, "--mixture"),
            adam_floor=adam_floor,
        )
        points = _points([*(checkpoints or []), *(more or [])], model, revisions)
        from interfere.checkpoint import expected_task
        from interfere.corpus import deal_slots, read_corpus, require_languages

        first = points[0]
        task = expected_task(
            first.model, objective, revision=first.revision, subfolder=subfolder, base_model=base_model
        )
        corpus = read_corpus(data, split_list(languages), task=task)
        require_languages(corpus)
        deal_slots(corpus, settings.chunks, settings.seed)
        from interfere.trajectory import analyze_trajectory

        with progress_bar(quiet=quiet or ranks.rank > 0) as progress:
            try:
                result = analyze_trajectory(
                    points,
                    corpus,
                    objective,
                    settings,
                    directory=output_dir,
                    overwrite=overwrite,
                    tokenizer=tokenizer,
                    base_model=base_model,
                    subfolder=subfolder,
                    dtype=dtype,
                    device=own_device(device, shard=False),
                    trust_remote_code=trust_remote_code,
                    progress=progress,
                    command=shlex.join(["interfere", *sys.argv[1:]]),
                )
            except (InterfereError, OSError, KeyboardInterrupt) as error:
                if not isinstance(error, InputError) and any(output_dir.glob("checkpoints/*/*")):
                    error.add_note(f"What was measured is kept in {output_dir}: the same command goes on from there.")
                raise
        if ranks.rank > 0:
            return
        if output_format == "json":
            from interfere.results import result_document

            typer.echo(json.dumps(result_document(result), ensure_ascii=False, indent=1))
            return
        from rich.console import Console

        from interfere.report import print_report

        console = Console()
        print_report(result, console)
        for line in (f"\nWritten to {output_dir}", f"The report: {output_dir / 'report.html'}"):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _points(folders: list[str], model: str | None, revisions: str | None) -> list[TrainingPoint]:
    """The checkpoints that the command line names.

    Raises:
        InputError: none are, or they are named in both ways.
    """
    from interfere.trajectory import TrainingPoint, checkpoint_folders

    if folders and (model is not None or revisions is not None):
        raise InputError("give folders with --checkpoints, or --model with --revisions, and not both")
    if folders:
        return [TrainingPoint(folder) for folder in checkpoint_folders(folders)]
    if model is None:
        raise InputError("say which checkpoints: --checkpoints DIR/checkpoint-*, or --model M --revisions step1,step2")
    names = split_list(revisions) or []
    if not names:
        raise InputError(f"--model {model}: say which of its revisions, as in --revisions step1000,step2000")
    return [TrainingPoint(model, revision) for revision in names]
