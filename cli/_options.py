"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from interfere.settings import Head

Format = Literal["table", "json"]
Dtype = Literal["float32", "bfloat16", "float16"]

WHAT = "What to analyse"
HOW = "How it is measured"
COST = "Memory and speed"
OUT = "Output"

ModelOption = Annotated[
    str,
    typer.Option(
        help="A folder with a checkpoint or a PEFT adapter, its name on the Hugging Face hub, or a GGUF file.",
        rich_help_panel=WHAT,
    ),
]

DataOption = Annotated[
    str | None,
    typer.Option(
        help="A folder with one file a language: LANG.txt (one document a line) or LANG.jsonl, LANG.jsonl.gz "
        '({"text": …, "id": …, "source": …}); or one .jsonl file whose rows name their "language"; or hf:NAME for '
        "a Hugging Face dataset. Default: the bundled corpus in ten languages.",
        rich_help_panel=WHAT,
    ),
]

LanguagesOption = Annotated[
    str | None, typer.Option(help="Only these, as in en,de,ru. Default: all.", rich_help_panel=WHAT)
]

RevisionOption = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.", rich_help_panel=WHAT)]

SubfolderOption = Annotated[
    str | None,
    typer.Option(help="Where the model is within its folder or repository.", rich_help_panel=WHAT),
]

BaseModelOption = Annotated[
    str | None,
    typer.Option(
        help="Of an adapter: the folder or name of the model that it is on. Default: the name on the hub that the "
        "adapter gives.",
        rich_help_panel=WHAT,
    ),
]

TokenizerOption = Annotated[
    str | None, typer.Option(help="Where the tokenizer is, if not with the model.", rich_help_panel=WHAT)
]

ObjectiveOption = Annotated[
    str,
    typer.Option(
        help="auto (what the checkpoint was trained for), masked-lm, causal-lm, span-corruption, text-infilling, "
        "translation; text-classification or token-classification, on --data with labels "
        '({"text": …, "label": …} or {"tokens": […], "labels": […]}).',
        rich_help_panel=WHAT,
    ),
]

SourceLanguageOption = Annotated[
    str | None,
    typer.Option(
        help="For translation: the language that is translated from, into each of the others; the text has to be "
        "aligned.",
        rich_help_panel=WHAT,
    ),
]

HeadOption = Annotated[
    Head,
    typer.Option(
        help="saved: the checkpoint's own head; train: one that it lacks is trained first, on text that is not "
        "measured, and nothing else of the model.",
        rich_help_panel=WHAT,
    ),
]

HeadStepsOption = Annotated[int, typer.Option(help="Steps of training a head.", rich_help_panel=WHAT)]

HeadLearningRateOption = Annotated[float, typer.Option(help="At the first of them.", rich_help_panel=WHAT)]

ChunksOption = Annotated[
    int,
    typer.Option(
        help="Parts that each language's text is dealt into; from 4 on there are intervals.", rich_help_panel=HOW
    ),
]

TokensPerChunkOption = Annotated[
    int, typer.Option(help="Predicted tokens (or labels) of a chunk, in whole documents.", rich_help_panel=HOW)
]

MaskPassesOption = Annotated[
    int, typer.Option(help="Disjoint masks of each document, for little text.", rich_help_panel=HOW)
]

MaxLengthOption = Annotated[
    int | None,
    typer.Option(
        help="Tokens at which documents are cut. Default: what the model takes, at most 512.", rich_help_panel=HOW
    ),
]

SeedOption = Annotated[
    int, typer.Option(help="Of the deal, of masks, and of all else that is drawn.", rich_help_panel=HOW)
]

BatchSizeOption = Annotated[
    str, typer.Option(help="Documents read at once, or auto. Never changes results.", rich_help_panel=COST)
]

DtypeOption = Annotated[Dtype, typer.Option(help="Of weights and gradients.", rich_help_panel=COST)]

DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, mps, or auto: the fastest there is.", rich_help_panel=COST)]

TrustRemoteCodeOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run code that the checkpoint brings.", rich_help_panel=COST)
]

ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.", rich_help_panel=OUT)]

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the run directory.", rich_help_panel=OUT)]

OutputFormatOption = Annotated[
    Format, typer.Option("--format", help="What is printed on standard output.", rich_help_panel=OUT)
]

QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress.", rich_help_panel=OUT)]
