"""A deltas analysis on the terminal: a row a language, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._deltas_findings import deltas_findings
from interfere.report._deltas_open import deltas_caveats, deltas_open
from interfere.report._deltas_tables import (
    BETTER,
    MONOLINGUAL,
    MULTILINGUAL,
    WORSE,
    by_language,
    language_order,
    multilinguals,
    percent,
    percent_digits,
    quality_of,
)
from interfere.results import Result

_STYLES = {WORSE: "bold", BETTER: "bold", "undetermined": "dim"}
_LEAST = 8  # cells that a language's name has in any case
_COLUMNS = ("multi", "mono", "Δ", "relative", "q", "verdict")


def deltas_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `deltas`, for a console of so many cells a line."""
    yield from _header(result, width)
    for model in multilinguals(result):
        yield from _languages(result, model, width)
    yield Text(
        "Bits per byte of the multilingual and of the monolingual model (fewer is better), their difference Δ, and "
        "the same relative to the monolingual model with its 95% interval over documents."
    )
    open_ = [*deltas_open(result), *deltas_caveats(result)]
    yield from listed("What was found", [s for s in deltas_findings(result) if s not in open_])
    yield from listed("What is not determined", open_)
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, width: int) -> Iterator[RenderableType]:
    models, settings = multilinguals(result), result.settings
    if len(models) == 1:
        lead, model = "Against monolingual models: ", text.safe_text(result.model.get("id", "a model"))
        yield Text(lead + text.shorten(model, max(width - len(lead), 1), keep="end"), style="bold")
    else:
        yield Text(f"{len(models)} multilingual models against monolingual ones", style="bold")
    facts = [f"objective {text.safe_text(result.model['objective'])}"] if result.model.get("objective") else []
    facts.append(f"{len(result.languages)} {'language' if len(result.languages) == 1 else 'languages'}")
    if settings.get("documents"):
        facts.append(f"at most {settings['documents']:,} held-out documents each")
    yield Text(", ".join(facts))


def _languages(result: Result, model: str, width: int) -> Iterator[RenderableType]:
    deltas = by_language(result, model)
    quality = quality_of(result)
    rows = [(a, _cells(quality, model, a, deltas.get(a))) for a in language_order(result)]
    # Names give way to numbers: what the other columns need is taken first.
    widths = [max(cell_len(cells[i]) for _, cells in [("", list(_COLUMNS)), *rows]) for i in range(len(_COLUMNS))]
    room = width - sum(widths) - 2 * len(widths)
    names = text.short_names(result.languages, max(room, _LEAST))
    shown = columns_table(
        ("language", "left"), *((c, "left" if c == "verdict" else "right") for c in _COLUMNS[:-1]), ("verdict", "left")
    )
    for language, cells in rows:
        row = deltas.get(language)
        style = _STYLES[row["verdict"]] if row is not None else "dim"
        shown.add_row(*map(Text, [names[language], *cells]), style=style)
    if len(multilinguals(result)) == 1:
        yield heading("Languages, the worst first")
    else:
        lead = "Languages, the worst in the mean first: "
        yield heading(lead + text.shorten(text.safe_text(model), max(width - len(lead), 1), keep="both"))
    yield shown


def _cells(
    quality: Mapping[tuple[str, str, str], pd.Series], model: str, language: str, row: pd.Series | None
) -> list[str]:
    """Bits per byte of both, Δ, relative with interval, q, verdict."""
    multi = quality.get((MULTILINGUAL, model, language))
    mono = quality.get((MONOLINGUAL, row["monolingual"], language)) if row is not None else None
    out = [text.number(own["bits_per_byte"], 3) if own is not None else text.UNKNOWN for own in (multi, mono)]
    if row is None:
        return [*out, *[text.UNKNOWN] * 4]
    low, high = row["relative_ci_low"], row["relative_ci_high"]
    digits = percent_digits(low, high)
    relative = percent(row["relative"], digits)
    if np.isfinite(low) and np.isfinite(high) and not row["same"]:
        ends = [percent(end, digits).removesuffix("%") for end in (low, high)]
        relative += f" [{ends[0]}, {ends[1]}]"
    verdict = "same model" if row["same"] else row["verdict"]
    return [*out, signed(row["delta"]), relative, text.probability(row["q_value"]), verdict]


def signed(value: float) -> str:
    """A difference in bits per byte with its sign."""
    out = text.number(value, 3)
    return out if out == text.UNKNOWN or float(out) <= 0 else f"+{out}"
