"""`interfere demo`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from interfere.settings import GradientSettings

from ._processes import processes
from ._shared import user_errors
from ._show import analyze_and_show

DEMO_SETTINGS = GradientSettings(mask_passes=5, tokens_per_chunk=384)
_DEFAULT_DIR = Path("interfere-demo")


def demo(
    output_dir: Annotated[
        Path, typer.Option(help="The run directory. An earlier demo in interfere-demo is replaced.")
    ] = _DEFAULT_DIR,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another run directory too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Measure a small bundled model on a bundled corpus in ten languages, offline.

    Takes about a minute on a laptop and ends by naming the report, a page for the browser.

    Example: interfere demo
    """
    with user_errors(), processes() as ranks:
        from interfere.results import RunDirectory

        replace = overwrite or output_dir == _DEFAULT_DIR
        run = ranks.decide(lambda: RunDirectory.check(output_dir, overwrite=replace))

        from interfere.bundled import bundled_checkpoint, bundled_corpus
        from interfere.gradients import analyze_gradients

        analyze = partial(analyze_gradients, bundled_checkpoint(), bundled_corpus(), "auto", DEMO_SETTINGS)
        analyze_and_show(run, ranks, analyze, output_format="table", quiet=quiet)
