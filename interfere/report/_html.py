"""A result as one HTML page that needs nothing but itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined, Template

from interfere.report._kinds import report_kind
from interfere.report._page import Page, Picture
from interfere.results import Result

if TYPE_CHECKING:
    from interfere.report._write import Drawing

_SVG = 700_000  # bytes of a figure that is embedded as SVG, which stays sharp at any size
FIGURES = 2_700_000
"""Bytes that all figures together may take, before base64 makes four of three."""


def html_report(result: Result, drawings: Sequence[Drawing]) -> str:
    """A page with findings, figures, tables, settings, and how to read them.

    It loads nothing, runs no script, and has the figures inside it.

    Args:
        result: of any kind.
        drawings: its figures, as `write_figures` gives them; without any, the page has no figures.

    Returns:
        An HTML document.

    Raises:
        OSError: a figure cannot be read.
    """
    kind = report_kind(result)
    pictures = [
        (d.metric, Picture(source, d.alt, d.title, kind.reading.get(d.kind, ""), width))
        for d, (source, width) in zip(drawings, _images(drawings), strict=True)
    ]
    return render_page(kind.page(result, pictures))


def render_page(page: Page) -> str:
    """The HTML of a page; text is escaped unless it is `Markup`."""
    return _template().render(page=page) + "\n"


@cache
def _template() -> Template:
    source = files("interfere.report").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


def _images(drawings: Sequence[Drawing]) -> list[tuple[str, int | None]]:
    """The figures as data URIs, with the width in CSS pixels of those that have no size of their own.

    They are SVG, but PNG where that is too large, and then from the largest on until all fit.
    """
    figures = [d.svg.read_bytes() for d in drawings]
    widths: list[int | None] = [None] * len(drawings)
    for i in sorted(range(len(figures)), key=lambda i: -len(figures[i])):
        if len(figures[i]) > _SVG or sum(map(len, figures)) > FIGURES:
            figures[i], widths[i] = _palette_png(drawings[i].png)
    kinds = ["svg+xml" if width is None else "png" for width in widths]
    sources = [f"data:image/{k};base64,{b64encode(f).decode('ascii')}" for k, f in zip(kinds, figures, strict=True)]
    return list(zip(sources, widths, strict=True))


def _palette_png(path: Path) -> tuple[bytes, int]:
    """A picture with at most 256 colours, in a third of the bytes, each near what it was; and its width in CSS pixels.

    The colours are chosen to cover what is there, however rare: the ends of a colour bar must not turn grey because
    few pixels have them, which is what the usual median cut does.
    """
    from PIL import Image  # a part of matplotlib's own requirements

    out = BytesIO()
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
        return out.getvalue(), round(image.width * 96 / image.info.get("dpi", (96, 96))[0])
