"""Options of the commands that measure gradients."""

from __future__ import annotations

from typing import Annotated

import typer

from interfere.settings import Gram, Granularity, Scope

from ._options import COST, HOW, WHAT

ScopeOption = Annotated[
    Scope,
    typer.Option(
        help="The transformer's body, all (embeddings and head too), or the adapters in it alone.", rich_help_panel=WHAT
    ),
]

GranularityOption = Annotated[
    Granularity, typer.Option(help="The groups that are reported beside the body.", rich_help_panel=WHAT)
]

MetricOption = Annotated[
    str, typer.Option(help="euclidean, adam, per-tensor, or several: euclidean,adam.", rich_help_panel=HOW)
]

MarginOption = Annotated[float, typer.Option(help="A cosine surely within ± this is neutral.", rich_help_panel=HOW)]

MixtureOption = Annotated[
    str | None,
    typer.Option(
        help="The training mixture, a weight for each language: en=0.7,de=0.3. Default: equal.", rich_help_panel=HOW
    ),
]

AdamFloorOption = Annotated[
    float, typer.Option(help="Least second moment, as a share of its tensor's mean.", rich_help_panel=HOW)
]

GradientCheckpointingOption = Annotated[
    bool,
    typer.Option(
        "--gradient-checkpointing",
        help="Compute what is inside layers twice and keep none of it: less memory, more time.",
        rich_help_panel=COST,
    ),
]

GramOption = Annotated[
    Gram, typer.Option(help="Keep whole gradients, or sketches of bounded size.", rich_help_panel=COST)
]

SketchSizeOption = Annotated[int, typer.Option(help="Numbers kept of each group by a sketch.", rich_help_panel=COST)]

MemoryBudgetOption = Annotated[
    str, typer.Option(help="Whole gradients are kept where they fit this.", rich_help_panel=COST)
]
