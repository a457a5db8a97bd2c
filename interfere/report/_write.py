"""A result as files: its tables and its figures."""

from __future__ import annotations

import re
from pathlib import Path

from interfere.report._tables import metrics
from interfere.results import Result, write_result


def write_figures(result: Result, folder: str | Path) -> list[Path]:
    """Draw both heatmaps in every metric of a result.

    Args:
        result: of kind `gradients`.
        folder: is made if it is not there.

    Returns:
        The files: `languages-METRIC` and `layers-METRIC`, each as .png and .svg, by metric.

    Raises:
        OSError: the folder cannot be written.
    """
    from interfere.report._figure import save
    from interfere.report._heatmaps import languages_figure, layers_figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for metric in metrics(result):
        name = re.sub(r"[^\w-]", "_", metric)  # results.json may come from anyone: a metric is no path
        paths += save(languages_figure(result, metric), folder, f"languages-{name}")
        paths += save(layers_figure(result, metric), folder, f"layers-{name}")
    return paths


def write_run(result: Result, folder: str | Path) -> None:
    """Write all that a run directory has: results.json, the tables, the arrays, and `figures/`.

    Args:
        result: of kind `gradients`.
        folder: exists.

    Raises:
        OSError: the folder cannot be written.
    """
    write_result(result, Path(folder))
    write_figures(result, Path(folder) / "figures")
