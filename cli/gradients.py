"""`interfere gradients`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfere.settings import GradientSettings, Gram, Granularity, Scope

from ._processes import own_device, processes
from ._shared import parse_bytes, parse_weights, progress_bar, resumable, split_list, user_errors

if TYPE_CHECKING:
    from interfere.checkpoint import Checkpoint
    from interfere.corpus import Corpus
    from interfere.ranks import Ranks
    from interfere.results import RunDirectory

_DEFAULT = GradientSettings()

Format = Literal["table", "json"]
Dtype = Literal["float32", "bfloat16", "float16"]

_WHAT = "What to analyse"
_HOW = "How it is measured"
_COST = "Memory and speed"
_OUT = "Output"


def gradients(
    model: Annotated[
        str,
        typer.Option(help="A folder with a checkpoint, or its name on the Hugging Face hub.", rich_help_panel=_WHAT),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="A folder with one file a language: LANG.txt (one document a line) or LANG.jsonl, LANG.jsonl.gz "
            '({"text": …, "id": …, "source": …}); or one .jsonl file whose rows name their "language"; or hf:NAME for '
            "a Hugging Face dataset. Default: the bundled corpus in ten languages.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(help="Only these, as in en,de,ru. Default: all.", rich_help_panel=_WHAT)
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub.", rich_help_panel=_WHAT)
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Where the tokenizer is, if not with the model.", rich_help_panel=_WHAT)
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="auto (what the checkpoint was trained for), masked-lm, causal-lm or span-corruption.",
            rich_help_panel=_WHAT,
        ),
    ] = "auto",
    scope: Annotated[
        Scope, typer.Option(help="The transformer's body, or embeddings and head too.", rich_help_panel=_WHAT)
    ] = _DEFAULT.scope,
    granularity: Annotated[
        Granularity, typer.Option(help="The groups that are reported beside the body.", rich_help_panel=_WHAT)
    ] = _DEFAULT.granularity,
    metric: Annotated[
        str, typer.Option(help="euclidean, adam, per-tensor, or several: euclidean,adam.", rich_help_panel=_HOW)
    ] = ",".join(_DEFAULT.metrics),
    chunks: Annotated[
        int,
        typer.Option(
            help="Parts that each language's text is dealt into; from 4 on there are intervals.", rich_help_panel=_HOW
        ),
    ] = _DEFAULT.chunks,
    tokens_per_chunk: Annotated[
        int, typer.Option(help="Predicted tokens of a chunk, in whole documents.", rich_help_panel=_HOW)
    ] = _DEFAULT.tokens_per_chunk,
    mask_passes: Annotated[
        int, typer.Option(help="Disjoint masks of each document, for little text.", rich_help_panel=_HOW)
    ] = _DEFAULT.mask_passes,
    max_length: Annotated[
        int | None,
        typer.Option(
            help="Tokens at which documents are cut. Default: what the model takes, at most 512.", rich_help_panel=_HOW
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(help="A cosine surely within ± this is neutral.", rich_help_panel=_HOW)
    ] = _DEFAULT.margin,
    mixture: Annotated[
        str | None,
        typer.Option(
            help="The training mixture, a weight for each language: en=0.7,de=0.3. Default: equal.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    adam_state: Annotated[
        str | None,
        typer.Option(
            help="optimizer.pt, or second moments by name as safetensors, for the adam metric. "
            "Default: from text held out for it.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    adam_floor: Annotated[
        float, typer.Option(help="Least second moment, as a share of its tensor's mean.", rich_help_panel=_HOW)
    ] = _DEFAULT.adam_floor,
    seed: Annotated[int, typer.Option(help="Of the deal, the masks and the sketch.", rich_help_panel=_HOW)] = (
        _DEFAULT.seed
    ),
    batch_size: Annotated[
        str, typer.Option(help="Documents read at once, or auto. Never changes results.", rich_help_panel=_COST)
    ] = str(_DEFAULT.batch_size),
    gradient_checkpointing: Annotated[
        bool,
        typer.Option(
            "--gradient-checkpointing",
            help="Compute what is inside layers twice and keep none of it: less memory, more time.",
            rich_help_panel=_COST,
        ),
    ] = False,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Spread a model that does not fit one device over the processes of torchrun.",
            rich_help_panel=_COST,
        ),
    ] = False,
    gram: Annotated[
        Gram, typer.Option(help="Keep whole gradients, or sketches of bounded size.", rich_help_panel=_COST)
    ] = _DEFAULT.gram,
    sketch_size: Annotated[
        int, typer.Option(help="Numbers kept of each group by a sketch.", rich_help_panel=_COST)
    ] = _DEFAULT.sketch_size,
    memory_budget: Annotated[
        str, typer.Option(help="Whole gradients are kept where they fit this.", rich_help_panel=_COST)
    ] = "2GiB",
    dtype: Annotated[Dtype, typer.Option(help="Of weights and gradients.", rich_help_panel=_COST)] = "float32",
    device: Annotated[
        str, typer.Option(help="cpu, cuda, mps, or auto: the fastest there is.", rich_help_panel=_COST)
    ] = "auto",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that the checkpoint brings.", rich_help_panel=_COST)
    ] = False,
    output_dir: Annotated[
        Path, typer.Option(help="The run directory; it must not exist yet.", rich_help_panel=_OUT)
    ] = Path("interfere-gradients"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run.", rich_help_panel=_OUT)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run directory.", rich_help_panel=_OUT)
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", help="What is printed on standard output.", rich_help_panel=_OUT)
    ] = "table",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.", rich_help_panel=_OUT)] = False,
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
            batch_size=int(batch_size) if batch_size.lstrip("-").isdecimal() else batch_size,
            gradient_checkpointing=gradient_checkpointing,
            shard=shard,
            scope=scope,
            granularity=granularity,
            metrics=tuple(split_list(metric) or ()),
            gram=gram,
            sketch_size=sketch_size,
            memory_budget=parse_bytes(memory_budget, "--memory-budget"),
            seed=seed,
            margin=margin,
            mixture=parse_weights(mixture, "--mixture"),
            adam_state=adam_state,
            adam_floor=adam_floor,
        )
        from interfere.corpus import deal_slots, read_corpus, require_languages
        from interfere.results import RunDirectory

        # Cheap checks first: nobody should wait for a model to load to be told of a typing error.
        run = ranks.decide(lambda: RunDirectory.check(output_dir, resume=resume, overwrite=overwrite))
        corpus = read_corpus(data, split_list(languages))
        require_languages(corpus)
        deal_slots(corpus, settings.chunks, settings.seed)

        from interfere.checkpoint import load_checkpoint

        checkpoint = load_checkpoint(
            model,
            revision=revision,
            tokenizer=tokenizer,
            objective=objective,
            dtype=dtype,
            device=own_device(device, shard=shard),
            trust_remote_code=trust_remote_code,
        )
        analyze_and_show(run, ranks, checkpoint, corpus, objective, settings, output_format=output_format, quiet=quiet)


def analyze_and_show(
    run: RunDirectory,
    ranks: Ranks,
    checkpoint: Checkpoint,
    corpus: Corpus,
    objective: str,
    settings: GradientSettings,
    *,
    output_format: Format,
    quiet: bool,
) -> None:
    """Measure, write the run directory, and print what was found.

    Args:
        run: checked, not opened yet.
        ranks: the processes that share the work; the first one writes and prints.
        checkpoint: what is measured.
        corpus: with which text.
        objective: as for `analyze_gradients`.
        settings: how.
        output_format: of what goes to standard output.
        quiet: without progress.
    """
    from interfere.gradients import analyze_gradients
    from interfere.report import print_report, write_run
    from interfere.results import result_document

    with resumable(ranks.decide(run.open)):
        with progress_bar(quiet=quiet or ranks.rank > 0) as progress:
            result = analyze_gradients(
                checkpoint,
                corpus,
                objective,
                settings,
                workdir=run.work,
                progress=progress,
                command=shlex.join(["interfere", *sys.argv[1:]]),
            )
        if ranks.rank > 0:
            return
        write_run(result, run.path)
        directory = run.finish()
    if output_format == "json":
        typer.echo(json.dumps(result_document(result), ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        console = Console()
        print_report(result, console)
        for line in (f"\nWritten to {directory}", f"The report: {directory / 'report.html'}"):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
