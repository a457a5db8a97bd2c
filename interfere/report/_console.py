"""What reports on the terminal are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


def heading(words: str) -> Text:
    """A heading, after an empty line."""
    return Text(f"\n{words}", style="bold")


def columns_table(*columns: tuple[str, str]) -> Table:
    """A table with no rows yet, whose cells stay on one line; columns: name, and `left` or `right`."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), highlight=False)
    for name, side in columns:
        table.add_column(Text(name), justify="right" if side == "right" else "left", no_wrap=True, overflow="ellipsis")
    return table


def listed(title: str, sentences: Sequence[str]) -> Iterator[RenderableType]:
    """Sentences under a heading; nothing where there are none."""
    if not sentences:
        return
    yield heading(title)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    for sentence in sentences:
        grid.add_row(Text("-"), Text(sentence))
    yield grid
