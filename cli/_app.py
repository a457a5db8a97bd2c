"""The command `interfere` and its subcommands."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from .deltas import deltas
from .demo import demo
from .experiment import experiment
from .gradients import gradients
from .importance import importance

app = typer.Typer(
    name="interfere",
    help="Find out which languages hurt each other in a multilingual model, where in the network, and how surely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("gradients")(gradients)
app.command("importance")(importance)
app.command("deltas")(deltas)
app.command("experiment")(experiment)
app.command("demo")(demo)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interfere {version('interfere-nlp')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Find out which languages hurt each other in a multilingual model, where in the network, and how surely."""


def main() -> None:
    """Run the command line."""
    app()
