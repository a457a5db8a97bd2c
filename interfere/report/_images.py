"""Figures as data URIs that together keep to a number of bytes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interfere.report._write import Drawing

_SVG = 700_000  # bytes of a figure that is embedded as SVG, which stays sharp at any size
Image = tuple[str, int | None]
"""A data URI, and the width in CSS pixels of what has no size of its own."""


def embedded(drawings: Sequence[Drawing], most: float, coarse: dict[Path, tuple[bytes, int]]) -> list[Image]:
    """The figures as data URIs, as many as fit: SVG, but PNG where that is too large, from the largest on.

    Args:
        drawings: the figures.
        most: bytes that all may take, before base64 makes four of three.
        coarse: keeps PNG files with few colours for the next time, as they take a while to make.

    Returns:
        Those of the first figures, all of them unless even as PNG they take more.
    """
    figures = [d.svg.read_bytes() for d in drawings]
    widths: list[int | None] = [None] * len(drawings)
    for i in sorted(range(len(figures)), key=lambda i: -len(figures[i])):
        if len(figures[i]) > _SVG or sum(map(len, figures)) > most:
            path = drawings[i].png
            coarse[path] = coarse.get(path) or _palette_png(path)
            figures[i], widths[i] = coarse[path]
    while figures and sum(map(len, figures)) > most:
        figures.pop()
    kinds = ["svg+xml" if width is None else "png" for width in widths]
    sources = [f"data:image/{k};base64,{b64encode(f).decode('ascii')}" for k, f in zip(kinds, figures, strict=False)]
    return list(zip(sources, widths, strict=False))


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
