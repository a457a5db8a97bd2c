"""`interfere gradients`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

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
from ._inputs import check_inputs, load
from ._options import (
    COST,
    HOW,
    OUT,
    BaseModelOption,
    BatchSizeOption,
    ChunksOption,
    DataOption,
    DeviceOption,
    DtypeOption,
    HeadLearningRateOption,
    HeadOption,
    HeadStepsOption,
    LanguagesOption,
    MaskPassesOption,
    MaxLengthOption,
    ModelOption,
    ObjectiveOption,
    OutputFormatOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    RevisionOption,
    SeedOption,
    SourceLanguageOption,
    SubfolderOption,
    TokenizerOption,
    TokensPerChunkOption,
    TrustRemoteCodeOption,
)
from ._processes import processes
from ._shared import parse_batch_size, parse_bytes, parse_weights, split_list, user_errors
from ._show import analyze_and_show

_DEFAULT = GradientSettings()
_METRICS = ",".join(_DEFAULT.metrics)


def gradients(
    model: ModelOption,
    data: DataOption = None,
    languages: LanguagesOption = None,
    revision: RevisionOption = None,
    subfolder: SubfolderOption = None,
    base_model: BaseModelOption = None,
    tokenizer: TokenizerOption = None,
    objective: ObjectiveOption = "auto",
    source_language: SourceLanguageOption = None,
    head: HeadOption = _DEFAULT.head,
    head_steps: HeadStepsOption = _DEFAULT.head_steps,
    head_learning_rate: HeadLearningRateOption = _DEFAULT.head_learning_rate,
    scope: ScopeOption = _DEFAULT.scope,
    granularity: GranularityOption = _DEFAULT.granularity,
    metric: MetricOption = _METRICS,
    chunks: ChunksOption = _DEFAULT.chunks,
    tokens_per_chunk: TokensPerChunkOption = _DEFAULT.tokens_per_chunk,
    mask_passes: MaskPassesOption = _DEFAULT.mask_passes,
    max_length: MaxLengthOption = None,
    margin: MarginOption = _DEFAULT.margin,
    mixture: MixtureOption = None,
    adam_state: Annotated[
        str | None,
        typer.Option(
            help="optimizer.pt, or second moments by name as safetensors, for the adam metric. "
            "Default: from text held out for it.",
            rich_help_panel=HOW,
        ),
    ] = None,
    adam_floor: AdamFloorOption = _DEFAULT.adam_floor,
    seed: SeedOption = (_DEFAULT.seed),
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    gradient_checkpointing: GradientCheckpointingOption = False,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Spread a model that does not fit one device over the processes of torchrun.",
            rich_help_panel=COST,
        ),
    ] = False,
    gram: GramOption = _DEFAULT.gram,
    sketch_size: SketchSizeOption = _DEFAULT.sketch_size,
    memory_budget: MemoryBudgetOption = "2GiB",
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-gradients"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Measure gradient conflict per language pair and layer, with intervals.

    Writes a run directory with report.html, results.json, a CSV for each table, Gram matrices and figures, and prints
    what was found.

    Example: interfere gradients --model xlm-roberta-base --data texts/ --output-dir run
    """
    with user_errors(), processes() as ranks:
        settings = GradientSettings(
            chunks=chunks,
            tokens_per_chunk=tokens_per_chunk,
            mask_passes=mask_passes,
            max_length=max_length,
            batch_size=parse_batch_size(batch_size),
            gradient_checkpointing=gradient_checkpointing,
            shard=shard,
            scope=scope,
            granularity=granularity,
            metrics=tuple(split_list(metric) or ()),
            gram=gram,
            sketch_size=sketch_size,
            memory_budget=parse_bytes(memory_budget, "--memory-budget"),
            seed=seed,
            source_language=source_language,
            head=head,
            head_steps=head_steps,
            head_learning_rate=head_learning_rate,
            margin=margin,
            mixture=parse_weights(mixture, "--mixture"),
            adam_state=adam_state,
            adam_floor=adam_floor,
        )
        run, corpus = check_inputs(
            ranks,
            settings,
            data=data,
            languages=languages,
            output_dir=output_dir,
            resume=resume,
            overwrite=overwrite,
            model=model,
            revision=revision,
            subfolder=subfolder,
            base_model=base_model,
            objective=objective,
        )
        checkpoint = load(
            model,
            revision=revision,
            subfolder=subfolder,
            base_model=base_model,
            tokenizer=tokenizer,
            objective=objective,
            dtype=dtype,
            device=device,
            trust_remote_code=trust_remote_code,
            settings=settings,
            corpus=corpus,
            shard=shard,
        )
        from interfere.gradients import analyze_gradients

        analyze = partial(analyze_gradients, checkpoint, corpus, objective, settings)
        analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)
