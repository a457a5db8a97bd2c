"""The report page of a deltas analysis, as data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interfere.report import _deltas_glossary as glossary
from interfere.report import _deltas_page_tables as tables
from interfere.report import _text as text
from interfere.report._deltas_findings import delta_list, deltas_findings, headline
from interfere.report._deltas_open import deltas_caveats, deltas_open
from interfere.report._deltas_tables import BETTER, UNDETERMINED, WORSE, delta_rows, multilinguals, worth_rows
from interfere.report._importance_words import many
from interfere.report._page import (
    Block,
    Bullets,
    Heading,
    Page,
    Picture,
    Prose,
    Tally,
    Terms,
    name,
)
from interfere.report._page_parts import (
    date_fact,
    found_items,
    languages_fact,
    objective_fact,
    open_and_warnings,
    speaker,
    standard_page,
    verdict_counts,
)
from interfere.report._run_tables import made_blocks, text_blocks
from interfere.results import Result

_MEANINGS = {
    WORSE: "the multilingual model needs more bits per byte, q ≤ 0.05",
    BETTER: "it needs fewer, q ≤ 0.05",
    UNDETERMINED: "neither could be shown: no finding either way",
}


def deltas_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `deltas`.

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
        read=("The text that was read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _title(result: Result) -> Markup:
    models = multilinguals(result)
    if len(models) == 1:
        return Markup("{} against monolingual models").format(name(result.model.get("id") or "A multilingual model"))
    return Markup("{} multilingual models against monolingual ones").format(len(models))


def _facts(result: Result) -> list[str]:
    settings = result.settings
    facts = objective_fact(result)
    facts.append(languages_fact(result))
    if settings.get("documents"):
        facts.append(f"at most {text.safe_text(settings['documents'])} documents per language")
    if settings.get("whole_word"):
        facts.append("whole words")
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(
        result.languages,
        multilinguals(result),
        text.short_names(result.languages, 40).values(),
        text.short_names(multilinguals(result), 40).values(),
    )
    models = multilinguals(result)
    open_ = [*deltas_open(result), *deltas_caveats(result)]
    nested = {headline(result, model): delta_list(result, model) for model in models}
    items = found_items(deltas_findings(result), open_, nested, say)
    blocks: list[Block] = [
        Prose(
            [
                "Does a multilingual model pay for its languages? On the same held-out documents, this page compares "
                f"the bits per byte of {'the multilingual model' if len(models) == 1 else 'multilingual models'} with "
                "those of a monolingual model of each language, with intervals over documents and a verdict by "
                "language."
            ]
        )
    ]
    for model in models:
        verdicts = delta_rows(result, model)["verdict"]
        counts = verdict_counts(verdicts, _MEANINGS)
        which = "" if len(models) == 1 else Markup(" of model {}").format(name(model))
        label = Markup("The verdicts{}, {}").format(which, many(len(verdicts), "language"))
        blocks.append(Tally(label, counts))
    blocks.append(Bullets(items))
    return [*blocks, *open_and_warnings(result, open_, mark, say)]


def _tables(result: Result) -> list[Block]:
    files = ("deltas", "quality", "models", "documents", "worth")
    named = [Markup("<code>{}.csv</code>").format(n) for n in files if n in result.tables]
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run: {}; "
                    "<code>results.json</code> has everything, and <code>documents.csv</code> the bits of every "
                    'document. Each column is explained under <a href="#reading">How to read it</a>; – means that a '
                    "number could not be estimated."
                ).format(Markup(", ").join(named))
            ]
        ),
        Heading("Differences"),
        tables.deltas_table(
            result, "Bits per byte of the multilingual and of the monolingual model, and their difference, worst first"
        ),
    ]
    if not worth_rows(result).empty:
        caption = "The monolingual training text that would give the multilingual model's bits per byte"
        blocks += [Heading("Worth in monolingual text"), tables.worth_table(result, caption)]
    blocks += [
        Heading("Quality"),
        tables.quality_table(result, "Every model on every language that it read, and what its tokenizer makes of it"),
        Heading("Models"),
        tables.models_table(result, "The models that were compared"),
    ]
    return blocks


def _reading(result: Result) -> list[Block]:
    blocks: list[Block] = [
        Heading("What a difference means"),
        Prose(glossary.CONTEXT),
        Heading("Differences"),
        Terms(glossary.DELTAS),
    ]
    if not worth_rows(result).empty:
        blocks += [Heading("Worth in monolingual text"), Terms(glossary.WORTH)]
    blocks += [
        Heading("Quality"),
        Terms(glossary.QUALITY),
        Heading("Models and text"),
        Terms([*glossary.MODELS, *glossary.TEXT]),
    ]
    return blocks
