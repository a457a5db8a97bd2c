"""A tasks analysis on the terminal: differences within languages, transfer, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._importance_words import capital, many
from interfere.report._tasks_findings import tasks_findings
from interfere.report._tasks_open import tasks_caveats, tasks_open
from interfere.report._tasks_tables import (
    BETTER,
    MONOLINGUAL,
    UNDETERMINED,
    WORSE,
    delta_rows,
    metric,
    multilinguals,
    own_scores,
    score_rows,
    signed,
    sources,
    within,
)
from interfere.report._tasks_words import has_interval
from interfere.results import Result

_STYLES = {WORSE: "bold", BETTER: "bold", UNDETERMINED: "dim"}
_LEAST = 8  # cells that a language's name has in any case
_OWN = ("multi", "mono", "Δ", "q", "verdict")


def tasks_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `tasks`, for a console of so many cells a line."""
    yield from _header(result, width)
    models = multilinguals(result)
    for model in models:
        yield from _languages(result, model, width)
    if models:
        yield Text(
            f"{capital(metric(result))} of models that were fine-tuned and tested in the language (more is better), "
            "and their difference Δ with its 95% interval over seeds and test items."
        )
    shown = [part for model in models for part in _transfer(result, model, width)]
    if shown:
        yield from shown
        yield Text(
            "Fine-tuned in one language and tested in another: best and worst source, the mean over all, and how many "
            "are surely above always giving the most frequent training label. Own: fine-tuned in the language itself."
        )
    open_ = [*tasks_open(result), *tasks_caveats(result)]
    yield from listed("What was found", [s for s in tasks_findings(result) if s not in open_])
    yield from listed("What is not determined", open_)
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, width: int) -> Iterator[RenderableType]:
    models, settings = multilinguals(result), result.settings
    if len(models) == 1:
        lead, model = "On a task, against monolingual models: ", text.safe_text(result.model.get("id", "a model"))
        yield Text(lead + text.shorten(model, max(width - len(lead), 1), keep="end"), style="bold")
    else:
        lead = f"{len(models)} multilingual models against monolingual ones" if models else "Monolingual models"
        yield Text(f"{lead} on a task", style="bold")
    facts = [text.safe_text(settings["task"])] if settings.get("task") else []
    facts.append(many(len(result.languages), "language"))
    if isinstance(settings.get("seeds"), int):
        facts.append(f"{many(settings['seeds'], 'fine-tuning')} of each model and language")
    yield Text(", ".join(facts))


def _languages(result: Result, model: str, width: int) -> Iterator[RenderableType]:
    """Scores within each language, and the difference from the monolingual model."""
    deltas = within(delta_rows(result, model))
    own, other = own_scores(score_rows(result, model)), own_scores(score_rows(result, role=MONOLINGUAL))
    of_language = {str(row["test"]): row for _, row in deltas.iterrows()}
    order = [*of_language, *(a for a in result.languages if a not in of_language)]
    rows = [(a, _cells(own.get(a), other.get(a), of_language.get(a))) for a in order]
    names = _names(result, [cells for _, cells in rows], _OWN, width)
    shown = columns_table(("language", "left"), *((c, "right") for c in _OWN[:-1]), ("verdict", "left"))
    for language, cells in rows:
        row = of_language.get(language)
        shown.add_row(*map(Text, [names[language], *cells]), style="dim" if row is None else _STYLES[row["verdict"]])
    yield heading(_titled(result, model, "Within a language, the best first", width))
    yield shown


def _cells(own: pd.Series | None, other: pd.Series | None, row: pd.Series | None) -> list[str]:
    """Both scores, difference with interval, q, verdict."""
    out = [text.UNKNOWN if r is None else text.number(r["score"], 3) for r in (own, other)]
    if row is None:
        return [*out, *[text.UNKNOWN] * 3]
    delta = signed(row["delta"])
    if has_interval(row) and not row["same"]:
        delta += f" [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
    return [*out, delta, text.probability(row["q_value"]), "alike" if row["same"] else row["verdict"]]


def _transfer(result: Result, model: str, width: int) -> Iterator[RenderableType]:
    """Scores in each language without training in it."""
    scores = score_rows(result, model)
    found, own = sources(scores), own_scores(scores)
    if not found:
        return
    head = ("own", "best", "worst", "mean", "above")
    rows = [
        (
            test,
            [
                text.number(own[test]["score"], 3) if test in own else text.UNKNOWN,
                *(text.number(each.iloc[i]["score"], 3) for i in (0, -1)),
                text.number(float(np.mean(each["score"])), 3),
                f"{int(each['sure'].sum()):,} of {len(each):,}",
            ],
            [str(each.iloc[i]["train"]) for i in (0, -1)],
        )
        for test, each in found.items()
    ]
    names = _names(result, [cells for _, cells, _ in rows], head, width, columns=3)
    sides = (("test", "left"), ("own", "right"), ("best", "right"), ("from", "left"), ("worst", "right"))
    shown = columns_table(*sides, ("from", "left"), ("mean", "right"), ("above", "right"))
    for test, (within_, best, worst, mean, above), (best_of, worst_of) in rows:
        cells = (names[test], within_, best, names[best_of], worst, names[worst_of], mean, above)
        if best_of == worst_of:
            cells = (*cells[:4], text.UNKNOWN, text.UNKNOWN, *cells[6:])
        shown.add_row(*map(Text, cells))
    yield heading(_titled(result, model, "Zero-shot", width))
    yield shown


def _names(
    result: Result, rows: Sequence[Sequence[str]], head: Sequence[str], width: int, columns: int = 1
) -> dict[str, str]:
    """Names that give way to numbers: what the other columns need is taken first."""
    widths = [max(cell_len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]
    room = (width - sum(widths) - 2 * (len(widths) + columns - 1)) // columns
    return text.short_names(result.languages, max(room, _LEAST))


def _titled(result: Result, model: str, words: str, width: int) -> str:
    if len(multilinguals(result)) == 1:
        return words
    lead = f"{words}: "
    return lead + text.shorten(text.safe_text(model), max(width - len(lead), 1), keep="both")
