"""The report page of a tasks analysis, as data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interfere.report import _tasks_glossary as glossary
from interfere.report import _tasks_page_tables as tables
from interfere.report import _text as text
from interfere.report._importance_words import many
from interfere.report._page import (
    Block,
    Bullets,
    Fold,
    Heading,
    Page,
    Picture,
    Prose,
    Table,
    Tally,
    Terms,
    name,
)
from interfere.report._page_parts import (
    date_fact,
    found_items,
    languages_fact,
    open_and_warnings,
    speaker,
    standard_page,
    verdict_counts,
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
    return standard_page(
        _title(result),
        _facts(result),
        found=_found(result),
        figures=figures,
        tables=_tables(result),
        read=("The labelled items", tables.items_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(),
    )


def _title(result: Result) -> Markup:
    models = multilinguals(result)
    if len(models) == 1:
        own = name(result.model.get("id") or "A multilingual model")
        return Markup("{} on a task, against monolingual models").format(own)
    if not models:
        return Markup("Monolingual models on a task")
    return Markup("{} multilingual models on a task, against monolingual ones").format(len(models))


def _facts(result: Result) -> list[str]:
    settings = result.settings
    facts = [text.safe_text(settings["task"])] if settings.get("task") else []
    facts.append(metric(result))
    facts.append(languages_fact(result))
    if isinstance(settings.get("seeds"), int):
        facts.append(f"{many(settings['seeds'], 'fine-tuning')} of each")
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(
        result.languages,
        multilinguals(result),
        text.short_names(result.languages, 40).values(),
        text.short_names(multilinguals(result), 40).values(),
    )
    models = multilinguals(result)
    open_ = [*tasks_open(result), *tasks_caveats(result)]
    nested = {transfer(result, model): transfer_list(result, model) for model in models}
    items = found_items(tasks_findings(result), open_, nested, say)
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
        counts = verdict_counts(verdicts, _MEANINGS)
        of = "" if len(models) == 1 else Markup(" of model {}").format(name(model))
        label = Markup("The verdicts within a language{}, {}").format(of, many(len(verdicts), "language"))
        blocks += [Tally(label, counts)] if len(verdicts) else []
    blocks.append(Bullets(items))
    return [*blocks, *open_and_warnings(result, open_, mark, say)]


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
