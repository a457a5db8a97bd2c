"""The report page of a tasks analysis, as data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from interfere.report import _tasks_glossary as glossary
from interfere.report import _tasks_page_tables as tables
from interfere.report import _text as text
from interfere.report._importance_words import many
from interfere.report._page import (
    Block,
    Box,
    Bullets,
    Count,
    Fold,
    Heading,
    Page,
    Picture,
    Prose,
    Section,
    Table,
    Tally,
    Terms,
    name,
    sentence,
)
from interfere.report._run_tables import made_blocks
from interfere.report._tasks_findings import tasks_findings, transfer, transfer_list
from interfere.report._tasks_open import tasks_caveats, tasks_open
from interfere.report._tasks_tables import (
    BETTER,
    UNDETERMINED,
    WORSE,
    delta_rows,
    metric,
    multilinguals,
    within,
    zero_shot,
)
from interfere.results import Result

_FEW = 10  # languages that are named in the line of facts
_FOLDED = 66  # rows beyond which a table is folded away
_MEANINGS = {
    BETTER: "the multilingual model scores higher, q ≤ 0.05",
    WORSE: "it scores lower, q ≤ 0.05",
    UNDETERMINED: "neither could be shown: no finding either way",
}


def tasks_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `tasks`.

    Args:
        result: what was found.
        pictures: its figures, each with what it measures.
    """
    figures: list[Block] = [picture for _, picture in pictures]
    return Page(
        title=_title(result),
        facts=_facts(result),
        sections=[
            Section("findings", "What was found", _found(result)),
            *([Section("figures", "Figures", figures)] if figures else []),
            Section("tables", "Tables", _tables(result)),
            Section("text", "The labelled items", tables.items_blocks(result)),
            Section("made", "How it was made", made_blocks(result, glossary.SETTINGS)),
            Section("reading", "How to read it", _reading()),
        ],
    )


def _title(result: Result) -> Markup:
    models = multilinguals(result)
    if len(models) == 1:
        own = name(result.model.get("id") or "A multilingual model")
        return Markup("{} on a task, against monolingual models").format(own)
    if not models:
        return Markup("Monolingual models on a task")
    return Markup("{} multilingual models on a task, against monolingual ones").format(len(models))


def _facts(result: Result) -> str:
    settings, n = result.settings, len(result.languages)
    facts = [text.safe_text(settings["task"])] if settings.get("task") else []
    facts.append(metric(result))
    named = Markup(", ").join(name(language) for language in result.languages)
    facts.append(Markup("{} ({})").format(many(n, "language"), named) if n <= _FEW else f"{n} languages")
    if isinstance(settings.get("seeds"), int):
        facts.append(f"{many(settings['seeds'], 'fine-tuning')} of each")
    if result.environment.get("date"):
        facts.append(text.safe_text(result.environment["date"])[:10])
    return Markup(" · ").join(facts)


def _found(result: Result) -> list[Block]:
    models = multilinguals(result)
    open_ = [*tasks_open(result), *tasks_caveats(result)]
    nested = {transfer(result, model): transfer_list(result, model) for model in models}
    items = []
    for plain in tasks_findings(result):
        if plain in open_:
            continue
        below = Markup("").join(Markup("<li>{}</li>").format(_said(result, s)) for s in nested.get(plain, []))
        items.append(Markup("{}<ul>{}</ul>").format(_said(result, plain), below) if below else _said(result, plain))
    which = "the multilingual model" if len(models) == 1 else "multilingual models"
    blocks: list[Block] = [
        Prose(
            [
                "Does sharing a model cost or help once it is put to use? Every model was fine-tuned on a labelled "
                f"task in one language and tested in all. This page compares {which} with a monolingual model of each "
                "language, within the language and across languages, with intervals over fine-tunings and test items."
            ]
        )
    ]
    for model in models:
        verdicts = within(delta_rows(result, model))["verdict"]
        counts = [Count(v, f"{int((verdicts == v).sum()):,}", meaning) for v, meaning in _MEANINGS.items()]
        of = "" if len(models) == 1 else Markup(" of model {}").format(name(model))
        label = Markup("The verdicts within a language{}, {}").format(of, many(len(verdicts), "language"))
        blocks += [Tally(label, counts)] if len(verdicts) else []
    blocks.append(Bullets(items))
    blocks.append(Box("open", "What is not determined", [_said(result, s) for s in open_]))
    if result.warnings:
        title = "Warning" if len(result.warnings) == 1 else "Warnings"
        blocks.append(Box("warning", title, [_mark(result, w) for w in result.warnings]))
    return blocks


def _mark(result: Result, plain: str) -> Markup:
    names = [*result.languages, *multilinguals(result)]
    shown = [*text.short_names(result.languages, 40).values(), *text.short_names(multilinguals(result), 40).values()]
    return sentence(plain, [*names, *shown])


def _said(result: Result, plain: str) -> Markup:
    plain = re.sub(r"(?<![\w-])-(?=\d[\d,]*\.\d)", "−", plain)
    return _mark(result, plain.replace("q = ", "q\u00a0=\u00a0").replace("q ≤ ", "q\u00a0≤\u00a0"))


def _tables(result: Result) -> list[Block]:
    named = [f"{n}.csv" for n in ("task_scores", "task_deltas", "task_units") if n in result.tables]
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run: {}; "
                    "<code>results.json</code> has everything, and <code>task_units.csv</code> the score of every "
                    'fine-tuning. Each column is explained under <a href="#reading">How to read it</a>; – means that a '
                    "number could not be estimated."
                ).format(Markup(", ").join(Markup("<code>{}</code>").format(n) for n in named))
            ]
        )
    ]
    rows = [delta_rows(result, model) for model in multilinguals(result)]
    if any(len(within(each)) for each in rows):
        caption = "Scores and differences of models fine-tuned and tested in one language, best first"
        blocks += [Heading("Differences within languages"), tables.deltas_table(result, caption, inside=True)]
    if any(len(zero_shot(each)) for each in rows):
        caption = "Scores and differences of models tested in another language than they were fine-tuned in, best first"
        blocks += [Heading("Differences zero-shot"), _folded(tables.deltas_table(result, caption, inside=False))]
    blocks += [
        Heading("Scores within languages"),
        _folded(tables.scores_table(result, "Every model in the language that it was fine-tuned in", inside=True)),
    ]
    if len(result.languages) > 1:
        caption = "Every model in the languages that it was not fine-tuned in"
        blocks += [Heading("Scores zero-shot"), _folded(tables.scores_table(result, caption, inside=False))]
    blocks += [Heading("Fine-tuning"), _folded(tables.units_table(result, "How fine-tuning went, over its seeds"))]
    return blocks


def _folded(table: Table) -> Block:
    return Fold(f"{table.caption}: {len(table.rows):,} rows", [table]) if len(table.rows) > _FOLDED else table


def _reading() -> list[Block]:
    return [
        Heading("What a difference means"),
        Prose(glossary.CONTEXT),
        Heading("Differences"),
        Terms(glossary.DELTAS),
        Heading("Scores and fine-tuning"),
        Terms([*glossary.SCORES, *glossary.UNITS]),
        Heading("Labelled items"),
        Terms(glossary.ITEMS),
    ]
