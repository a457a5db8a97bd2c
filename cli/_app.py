"""The command `interfere` and its subcommands."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from .check import check
from .compare import compare
from .deltas import deltas
from .demo import demo
from .doctor import doctor
from .experiment import experiment
from .gradients import gradients
from .importance import importance
from .report import report
from .trajectory import trajectory

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
app.command("trajectory")(trajectory)
app.command("deltas")(deltas)
app.command("experiment")(experiment)
app.command("check")(check)
app.command("report")(report)
app.command("compare")(compare)
app.command("doctor")(doctor)
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
