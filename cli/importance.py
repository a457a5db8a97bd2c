"""`interfere importance`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from interfere.settings import Ablation, ImportanceSettings

from ._inputs import check_inputs, load
from ._options import (
    HOW,
    OUT,
    BaseModelOption,
    BatchSizeOption,
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
from ._shared import parse_batch_size, parse_numbers, split_list, user_errors
from ._show import analyze_and_show

_DEFAULT = ImportanceSettings()
_ABLATION = "Causal proof"


def importance(
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
    method: Annotated[
        str,
        typer.Option(
            help="taylor, fisher, activation, gates, or several; what is ablated is picked by the first.",
            rich_help_panel=HOW,
        ),
    ] = ",".join(_DEFAULT.methods),
    top: Annotated[
        float,
        typer.Option(help="Share of a layer's units of one kind that counts as its top.", rich_help_panel=HOW),
    ] = _DEFAULT.top,
    chunks: Annotated[
        int,
        typer.Option(
            help="Parts that each language's text is dealt into; half of them judge what the others pick.",
            rich_help_panel=HOW,
        ),
    ] = _DEFAULT.chunks,
    tokens_per_chunk: TokensPerChunkOption = _DEFAULT.tokens_per_chunk,
    mask_passes: MaskPassesOption = _DEFAULT.mask_passes,
    max_length: MaxLengthOption = None,
    seed: SeedOption = _DEFAULT.seed,
    ablate: Annotated[
        bool,
        typer.Option(
            "--ablate",
            help="Remove each language's top units and measure what every language loses.",
            rich_help_panel=_ABLATION,
        ),
    ] = False,
    ablation: Annotated[
        Ablation,
        typer.Option(help="What takes a removed unit's place: its mean over text, or zero.", rich_help_panel=_ABLATION),
    ] = _DEFAULT.ablation,
    draws: Annotated[
        int, typer.Option(help="Sets of random units to compare with.", rich_help_panel=_ABLATION)
    ] = _DEFAULT.draws,
    gate_steps: Annotated[
        int, typer.Option(help="Steps of training a language's gates.", rich_help_panel=HOW)
    ] = _DEFAULT.gate_steps,
    gate_sparsity: Annotated[
        str,
        typer.Option(
            help="What open gates cost, in nats for all gates of a kind; several are averaged: 0.3,1,3.",
            rich_help_panel=HOW,
        ),
    ] = ",".join(map(str, _DEFAULT.gate_sparsity)),
    gate_rate: Annotated[
        float, typer.Option(help="Learning rate of the gates.", rich_help_panel=HOW)
    ] = _DEFAULT.gate_rate,
    batch_size: BatchSizeOption = str(_DEFAULT.batch_size),
    dtype: DtypeOption = "float32",
    device: DeviceOption = "auto",
    trust_remote_code: TrustRemoteCodeOption = False,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=OUT)
    ] = Path("interfere-importance"),
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    output_format: OutputFormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Find the heads, neurons and layers that each language needs, and prove it by removing them.

    Writes a run directory with report.html, results.json, a CSV for each table, the scores of all units and figures,
    and prints what was found.

    Example: interfere importance --model xlm-roberta-base --data texts/ --ablate --output-dir run
    """
    with user_errors(), processes() as ranks:
        settings = ImportanceSettings(
            chunks=chunks,
            tokens_per_chunk=tokens_per_chunk,
            mask_passes=mask_passes,
            max_length=max_length,
            batch_size=parse_batch_size(batch_size),
            seed=seed,
            source_language=source_language,
            head=head,
            head_steps=head_steps,
            head_learning_rate=head_learning_rate,
            methods=tuple(split_list(method) or ()),
            top=top,
            ablate=ablate,
            ablation=ablation,
            draws=draws,
            gate_steps=gate_steps,
            gate_sparsity=parse_numbers(gate_sparsity, "--gate-sparsity"),
            gate_rate=gate_rate,
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
        )
        from interfere.importance import analyze_importance

        analyze = partial(analyze_importance, checkpoint, corpus, objective, settings)
        analyze_and_show(run, ranks, analyze, output_format=output_format, quiet=quiet)
