"""An importance analysis on the terminal: a row a language, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._importance_findings import importance_findings
from interfere.report._importance_tables import counts, methods, table, top_layer
from interfere.report._importance_words import expected, safe_method
from interfere.results import Result

_STYLES = {"specific": "bold", "undetermined": "dim"}


def importance_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `importance`, for a console of so many cells a line."""
    yield from _header(result, width)
    yield from _languages(result, width)
    yield from listed("What was found", importance_findings(result))
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, width: int) -> Iterator[RenderableType]:
    lead, settings = "Importance by language in ", result.settings
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), max(width - len(lead), 1), keep="end")
    yield Text(lead + model, style="bold")
    facts = [f"objective {text.safe_text(result.model['objective'])}"] if result.model.get("objective") else []
    facts.append(f"scores {', '.join(map(safe_method, methods(result)))}")
    if settings.get("chunks"):
        tokens, predicted = settings.get("tokens_per_chunk"), text.predictions(result.model.get("objective"))
        facts.append(
            f"{settings['chunks']} chunks" + (f" of up to {tokens:,} {predicted}, or one document" if tokens else "")
        )
    yield Text(", ".join(facts))


def _languages(result: Result, width: int) -> Iterator[RenderableType]:
    method = methods(result)[0]
    removed = table(result, "specificity")
    by_language = {row["language"]: row for _, row in removed.iterrows()}
    own, tops = counts(result, method), top_layer(result, method)
    # Names give way to numbers: what the other columns need is taken first.
    fixed = 6 + 11 + (32 if by_language else 0)
    names = text.short_names(result.languages, max((width - fixed) // 2, 6))
    room = max(width - fixed - max((len(n) for n in names.values()), default=0) - 12, 8)
    columns = [("language", "left"), ("own", "right"), ("by chance", "right")]
    columns += [("specificity", "right"), ("q", "right")] if by_language else []
    shown = columns_table(*columns, ("top layer", "left"))
    for language in result.languages:
        rows = own[own["language"] == language] if not own.empty else own
        tested = not rows.empty and bool(np.isfinite(rows["own"]).any())
        cells = [names[language]]
        cells.append(f"{rows['own'].sum():,.0f}" if tested else text.UNKNOWN)
        cells.append(expected(float(rows["own_by_chance"].sum())) if tested else text.UNKNOWN)
        style = ""
        if by_language:
            row = by_language.get(language)
            cells += [_specificity(row), text.probability(row["q_value"])] if row is not None else [text.UNKNOWN] * 2
            style = _STYLES.get(str(row["verdict"]), "") if row is not None else ""
        layer, share = tops.get(language, ("", np.nan))
        label = text.shorten(text.safe_text(layer), room, keep="end")
        cells.append(f"{100 * share:.0f}% {label}" if layer else text.UNKNOWN)
        shown.add_row(*map(Text, cells), style=style)
    yield heading(f"Languages: own units by {safe_method(method)} scores, and the layer with most of the importance")
    yield shown
    if by_language:
        yield Text(
            "Specificity: what a language loses by removing its units, less what the others lose, in nats per "
            "prediction."
        )


def _specificity(row: pd.Series) -> str:
    value, low, high = (text.number(row[c], 3) for c in ("specificity", "ci_low", "ci_high"))
    return value if text.UNKNOWN in (low, high) else f"{value} [{low}, {high}]"
