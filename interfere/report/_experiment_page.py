"""The report page of an experiment, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from interfere.report import _experiment_glossary as glossary
from interfere.report import _experiment_page_tables as tables
from interfere.report import _text as text
from interfere.report._experiment_conflict import conflict_rows
from interfere.report._experiment_findings import case_list, experiment_findings, headline
from interfere.report._experiment_open import experiment_caveats, experiment_open
from interfere.report._experiment_predict import predict_rows
from interfere.report._experiment_predicted import prediction_rows
from interfere.report._experiment_tables import (
    INTERFERENCE,
    TRANSFER,
    UNDETERMINED,
    delta_rows,
    is_scout,
    kinds,
    names_of,
    table,
)
from interfere.report._experiment_words import KIND_NAMES, seeds_of, updates_words
from interfere.report._importance_words import capital, many
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
    INTERFERENCE: "the language needs more bits per byte than alone, q ≤ 0.05",
    TRANSFER: "it needs fewer, q ≤ 0.05",
    UNDETERMINED: "neither could be shown: no finding either way",
}


def experiment_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `experiment`.

    Args:
        result: what was found.
        pictures: its figures, each with what it measures.
    """
    figures: list[Block] = [picture for _, picture in pictures]
    n = many(len(result.languages), "language")
    return standard_page(
        Markup("Does sharing hurt? Matched models of {}").format(n),
        _facts(result),
        found=_found(result),
        figures=figures,
        tables=_tables(result),
        read=("The text that was read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _facts(result: Result) -> list[str]:
    facts = objective_fact(result)
    facts.append(languages_fact(result))
    facts += [many(len(table(result, "models")), "model")]
    facts += [many(seeds_of(result), "seed")] if seeds_of(result) else []
    facts += [f"{updates_words(result)} per language"] if result.settings.get("updates") else []
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(result.languages, names_of(result).values())
    rows = delta_rows(result)
    open_ = [*experiment_open(result), *experiment_caveats(result)]
    nested = {headline(result, kind): case_list(result, kind) for kind in kinds(rows)}
    items = found_items(experiment_findings(result), open_, nested, say)
    asked = (
        "Does a language lose by sharing a model with others? Models that differ in nothing but what else was trained "
        "beside a language were compared with its monolingual model on the same held-out documents, with intervals "
        "over seeds and documents and a verdict for each language of each mixture."
    )
    short = (
        " Only short runs were made, from which differences at full length are predicted; the verdicts are those of "
        "the longest short runs."
    )
    blocks: list[Block] = [Prose([asked + (short if is_scout(result) else "")])]
    for kind in kinds(rows):
        verdicts = rows[rows["kind"] == kind]["verdict"]
        counts = verdict_counts(verdicts, _MEANINGS)
        label = f"{capital(KIND_NAMES.get(kind, text.safe_text(kind)))}, {many(len(verdicts), 'comparison')}"
        blocks.append(Tally(f"{label}: the verdicts", counts))
    blocks.append(Bullets(items))
    return [*blocks, *open_and_warnings(result, open_, mark, say)]


def _tables(result: Result) -> list[Block]:
    files = ("deltas", "scout", "curves", "conflict", "predictors", "predictions", "quality", "models")
    named = [Markup("<code>{}.csv</code>").format(n) for n in files if n in result.tables]
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run: {}; "
                    "<code>results.json</code> has everything. Each column is explained under "
                    '<a href="#reading">How to read it</a>; – means that a number could not be estimated.'
                ).format(Markup(", ").join(named))
            ]
        )
    ]
    for title, there, make in _parts(result):
        if there:
            blocks += [Heading(title), make(result)]
    if len(conflict_rows(result)):
        blocks.append(Fold("Gradient conflict along training", [tables.conflict_table(result)]))
    return blocks


def _parts(result: Result) -> list[tuple[str, bool, Callable[[Result], Table]]]:
    return [
        ("Predicted at full length", is_scout(result), tables.scout_table),
        ("The longest short runs" if is_scout(result) else "Differences", True, tables.deltas_table),
        ("Predictions", len(prediction_rows(result)) > 0, tables.predictions_table),
        ("Predictors", len(predict_rows(result)) > 0, tables.predictors_table),
        ("Models", len(table(result, "models")) > 0, tables.models_table),
    ]


def _reading(result: Result) -> list[Block]:
    blocks: list[Block] = [
        Heading("What a difference means"),
        Prose(glossary.CONTEXT),
        Heading("Differences"),
        Terms(glossary.DELTAS),
    ]
    parts = (
        ("Predicted at full length", glossary.SCOUT, is_scout(result)),
        ("Predictions", glossary.PREDICTIONS, len(prediction_rows(result)) > 0),
        ("Predictors", glossary.PREDICTORS, len(predict_rows(result)) > 0),
        ("Gradient conflict", glossary.CONFLICT, len(conflict_rows(result)) > 0),
    )
    for title, terms, there in parts:
        blocks += [Heading(title), Terms(terms)] if there else []
    return [*blocks, Heading("Models and text"), Terms([*glossary.MODELS, *glossary.TEXT])]
