"""A result as files: its tables, its figures and its page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from interfere.report._tables import metrics
from interfere.results import Result, write_result


@dataclass(frozen=True)
class Drawing:
    """One figure of a result as files.

    Args:
        kind: `languages`, `layers`, `strength` or `transfer`.
        metric: as the result names it, not made safe.
        title: what the picture shows, one line of plain text; harmless, but not escaped for HTML.
        alt: the same picture in a few sentences, for somebody who cannot see it; as harmless as the title.
        png: where the PNG file is.
        svg: where the SVG file is.
    """

    kind: str
    metric: str
    title: str
    alt: str
    png: Path
    svg: Path


def write_figures(result: Result, folder: str | Path) -> list[Drawing]:
    """Draw the four heatmaps in every metric of a result.

    Args:
        result: of kind `gradients`.
        folder: is made if it is not there.

    Returns:
        What was drawn, by metric and kind; the files are `KIND-METRIC.png` and `KIND-METRIC.svg`.

    Raises:
        OSError: the folder cannot be written.
    """
    from interfere.report import _words as words
    from interfere.report._figure import save
    from interfere.report._heatmaps import languages_figure, layers_figure
    from interfere.report._strength import strength_figure
    from interfere.report._transfer import transfer_figure

    kinds = (
        ("languages", languages_figure, words.languages_alt),
        ("layers", layers_figure, words.layers_alt),
        ("transfer", transfer_figure, words.transfer_alt),
        ("strength", strength_figure, words.strength_alt),
    )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = []
    names = file_names(metrics(result))
    for metric in metrics(result):
        for kind, figure, alt in kinds:
            png, svg = save(figure(result, metric), folder, f"{kind}-{names[metric]}")
            title = words.title(result, metric, kind)
            drawings.append(Drawing(kind, metric, title, alt(result, metric), png, svg))
    return drawings


def file_names(names: list[str]) -> dict[str, str]:
    """Name → what it is called in a file name: results.json may come from anyone, and a metric is no path."""
    out: dict[str, str] = {}
    for name in names:
        plain = stem = re.sub(r"[^\w-]", "_", name)[:80]
        copy = 1
        while plain in out.values():
            copy += 1
            plain = f"{stem}-{copy}"
        out[name] = plain
    return out


def write_run(result: Result, folder: str | Path) -> None:
    """Write all that a run directory has: results.json, the tables, the arrays, `figures/` and report.html.

    Args:
        result: of kind `gradients`.
        folder: exists.

    Raises:
        OSError: the folder cannot be written.
    """
    from interfere.report._html import html_report

    folder = Path(folder)
    write_result(result, folder)
    drawings = write_figures(result, folder / "figures")
    (folder / "report.html").write_text(html_report(result, drawings), encoding="utf-8", newline="\n")
