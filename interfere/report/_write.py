"""A result as files: its tables, its figures and its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interfere.report._grid import Grid
from interfere.report._kinds import report_kind
from interfere.results import Result, write_result


@dataclass(frozen=True)
class Drawing:
    """One figure of a result as files.

    Args:
        kind: of a result of kind `gradients` `languages`, `layers`, `transfer` or `strength`; of one of kind
            `importance` `profile`, `overlap`, `ablation` or `gates`; of one of kind `deltas` `deltas`, `curve`, `worth`
            or `quality`; of one of kind `experiment` `scout`, `matrix`, `forest`, `capacity`, `amount`, `curves`,
            `conflict` or `predict`; of one of kind `trajectory` `cosines`, `verdicts` or `languages`.
        metric: as the result names it, not made safe; of kind `importance` the scoring method, of kind `deltas` and
            `experiment` bits per byte.
        title: what the picture shows, one line of plain text; harmless, but not escaped for HTML.
        alt: the same picture in a few sentences, for somebody who cannot see it; as harmless as the title.
        png: where the PNG file is.
        svg: where the SVG file is.
        grids: what its cells say and where they are, panel by panel, if it has such.
    """

    kind: str
    metric: str
    title: str
    alt: str
    png: Path
    svg: Path
    grids: Sequence[Grid] = ()


def write_figures(result: Result, folder: str | Path) -> list[Drawing]:
    """Draw a result: of kind `gradients` four heatmaps in every metric, of other kinds what its tables have.

    Args:
        result: of any kind.
        folder: is made if it is not there.

    Returns:
        What was drawn, in the order of the report; the files are `KIND-METRIC.png` and `KIND-METRIC.svg`,
        and those of figures that do not go by a metric `KIND.png` and `KIND.svg`.

    Raises:
        InputError: no report is made of this kind of result.
        OSError: the folder cannot be written.
    """
    from interfere.report._figure import save

    folder = Path(folder)
    figures = report_kind(result).figures(result)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = []
    for drawn in figures:
        png, svg = save(drawn.figure, folder, drawn.file)
        drawings.append(Drawing(drawn.kind, drawn.measure, drawn.title, drawn.alt, png, svg, drawn.grids))
    return drawings


def write_run(result: Result, folder: str | Path) -> None:
    """Write all that a run directory has: results.json, the tables, the arrays, `figures/` and report.html.

    Args:
        result: of any kind.
        folder: exists.

    Raises:
        InputError: no report is made of this kind of result.
        OSError: the folder cannot be written.
    """
    from interfere.report._html import html_report

    folder = Path(folder)
    write_result(result, folder)
    drawings = write_figures(result, folder / "figures")
    (folder / "report.html").write_text(html_report(result, drawings), encoding="utf-8", newline="\n")
