"""Results as one HTML page that needs nothing but itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from interfere.errors import InputError
from interfere.report._downloads import downloads, kept
from interfere.report._grid import grid_json
from interfere.report._images import embedded
from interfere.report._kinds import report_kind
from interfere.report._page import Block, Downloads, Page, Picture, Prose, Table, changed_page
from interfere.results import Result

if TYPE_CHECKING:
    from interfere.report._write import Drawing

PAGE = 4_950_000
"""Bytes that a page may take."""
FIGURES = 2_700_000
"""Bytes that all figures together may take, before base64 makes four of three."""

_NO_CELLS = "Its cells do not tell their values here, for want of room: see the tables."
_LEFT_OUT = "This figure was left out to keep the page small. It is in the folder figures of the run directory: "


@dataclass(frozen=True)
class Source:
    """A run on a page: its name, which is empty where it is the only one, its result and its figures."""

    name: str
    result: Result
    drawings: Sequence[Drawing]


@dataclass(frozen=True)
class _Room:
    """How much of what a page may have: rows of a table, bytes of CSV files and of what cells say."""

    rows: int | None
    files: int
    grids: int


# From the first on until the page is small enough.
_ROOMS = (
    _Room(None, 700_000, 500_000),
    _Room(500, 500_000, 300_000),
    _Room(100, 300_000, 150_000),
    _Room(30, 100_000, 0),
    _Room(10, 0, 0),
)


def html_report(result: Result, drawings: Sequence[Drawing]) -> str:
    """A page with findings, figures, tables, settings, and how to read them.

    It loads nothing, needs no script, and has the figures and the tables as CSV files inside it.

    Args:
        result: of any kind.
        drawings: its figures, as `write_figures` gives them; without any, the page has no figures.

    Returns:
        An HTML document below 5 MB.

    Raises:
        InputError: the result does not fit such a page.
        OSError: a figure cannot be read.
    """
    return fitted_html([Source("", result, drawings)], lambda pages: pages[0])


def fitted_html(sources: Sequence[Source], assemble: Callable[[Sequence[Page]], Page]) -> str:
    """A page of one or more runs that is below 5 MB.

    Where there is too much, figures become coarser, large CSV files, values of cells, rows of tables and in the end
    figures are left out, and the page says which.

    Args:
        sources: the runs.
        assemble: makes one page of those of the runs.

    Raises:
        InputError: the runs do not fit such a page.
        OSError: a figure cannot be read.
    """
    whole = assemble([_page(source, f"{number}/") for number, source in enumerate(sources)])
    drawings = {f"{n}/{i}": d for n, source in enumerate(sources) for i, d in enumerate(source.drawings)}
    coarse: dict[Path, tuple[bytes, int]] = {}
    for room in _ROOMS:
        page = changed_page(whole, _change(whole, room))
        left = min(FIGURES, (PAGE - len(render_page(page).encode())) * 3 / 4 - 64 * len(drawings))
        images = embedded(list(drawings.values()), left, coarse)
        if left > 0 and (len(images) == len(drawings) or room is _ROOMS[-1]):
            return render_page(changed_page(page, _hang(dict(zip(drawings, images, strict=False)))))
    raise InputError(f"{len(sources)} runs do not fit a page of 5 MB: join fewer of them")


def render_page(page: Page) -> str:
    """The HTML of a page; text is escaped unless it is `Markup`."""
    css, script = _file("report.css"), _file("report.js")
    digest = b64encode(sha256(script.encode()).digest()).decode("ascii")
    return _template().render(page=page, css=Markup(css), script=Markup(script), script_hash=f"sha256-{digest}") + "\n"


@cache
def _file(name: str) -> str:
    return files("interfere.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_file("report.html.jinja"))


def _page(source: Source, prefix: str) -> Page:
    """The page of a run with all its files; figures have a name in place of their data."""
    kind = report_kind(source.result)
    pictures = [
        (
            d.metric,
            Picture(f"{prefix}{i}", d.alt, d.title, kind.reading.get(d.kind, ""), grids=Markup(grid_json(d.grids))),
        )
        for i, d in enumerate(source.drawings)
    ]
    page = kind.page(source.result, pictures)
    files_ = downloads(source.result, f"{source.name}-" if source.name else "")
    sections = [replace(s, blocks=[*s.blocks, *files_]) if s.id == "tables" else s for s in page.sections]
    return replace(page, sections=sections)


def _change(page: Page, room: _Room) -> Callable[[Block], Block]:
    """What makes a page fit: rows that are cut, files and values of cells that are left out."""
    files_: list[str] = []
    grids: list[str] = []

    def collect(block: Block) -> Block:
        if isinstance(block, Downloads):
            files_.extend(file.source for file in block.files if file.source)
        if isinstance(block, Picture) and block.grids != "[]":
            grids.append(block.grids)
        return block

    changed_page(page, collect)
    stay = _within(sorted(files_, key=len), room.files)
    said = _within(grids, room.grids)

    def change(block: Block) -> Block:
        if isinstance(block, Downloads):
            return kept(block, stay)
        if isinstance(block, Picture) and block.grids == "[]":
            return replace(block, grids="")
        if isinstance(block, Picture) and not said.get(block.grids):
            return replace(block, grids="", reading=Markup("{} {}").format(block.reading, _NO_CELLS))
        if isinstance(block, Table) and room.rows is not None and len(block.rows) > room.rows:
            cut = f"; the first {room.rows} of {len(block.rows):,} rows, the others are in the run directory"
            return replace(block, caption=block.caption + cut, rows=block.rows[: room.rows])
        return block

    return change


def _within(texts: Sequence[str], most: int) -> dict[str, bool]:
    """Which of the texts fit so many bytes, the first ones first."""
    out, total = {}, 0
    for each in texts:
        size = len(each.encode("utf-8", "replace"))
        out[each] = total + size <= most
        total += size if out[each] else 0
    return out


def _hang(images: dict[str, tuple[str, int | None]]) -> Callable[[Block], Block]:
    """Put figures in their places."""

    def change(block: Block) -> Block:
        if not isinstance(block, Picture):
            return block
        if block.source not in images:
            return Prose([f"{_LEFT_OUT}{block.title}."])
        source, width = images[block.source]
        return replace(block, source=source, width=width)

    return change
