"""The report page of a trajectory, as data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from interfere.report import _glossary
from interfere.report import _text as text
from interfere.report import _trajectory_glossary as glossary
from interfere.report import _trajectory_page_tables as tables
from interfere.report._importance_words import many
from interfere.report._page import Block, Bullets, Fold, Heading, Page, Picture, Prose, Table, Tally, Terms, name
from interfere.report._page_parts import (
    date_fact,
    languages_fact,
    objective_fact,
    open_and_warnings,
    speaker,
    standard_page,
    verdict_counts,
)
from interfere.report._run_tables import made_blocks, text_blocks
from interfere.report._tables import VERDICTS, scope_phrase
from interfere.report._trajectory_findings import trajectory_caveats, trajectory_findings, trajectory_open
from interfere.report._trajectory_tables import metrics, pair_rows, steps
from interfere.report._trajectory_words import main_metric, span
from interfere.results import Result

_FOLDED = 66  # rows beyond which a table is folded away
_MOST = 2_000  # rows that a page still opens well with


def trajectory_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `trajectory`.

    Args:
        result: what was found.
        pictures: its figures, each with its metric.
    """
    return standard_page(
        Markup("Gradient conflict along the training of {}").format(name(result.model.get("id") or "a model")),
        _facts(result),
        found=_found(result),
        figures=_figures(result, pictures),
        tables=_tables(result),
        read=("The text that was read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _facts(result: Result) -> list[str]:
    every = [text.safe_text(m) for m in metrics(result)]
    facts = objective_fact(result)
    facts.append(f"{'metric' if len(every) == 1 else 'metrics'} {', '.join(every)}")
    facts.append(languages_fact(result))
    facts.append(f"over {scope_phrase(result)}")
    facts.append(f"{many(len(steps(result)), 'checkpoint')}, {span(result)}")
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(result.languages, text.short_names(result.languages, 40).values())
    rows = pair_rows(result, main_metric(result))
    last = rows[rows["step"] == rows["step"].max()]
    meanings = {
        "conflict": "opposed beyond chance",
        "aligned": "alike beyond chance, much or little",
        "neutral": "surely next to unrelated",
        "undetermined": "this run cannot tell, whatever the number",
    }
    return [
        Prose(
            [
                "Text in a language asks the model to change its weights in some direction: the language's gradient. "
                "This page follows how these directions agree while a model is trained, checkpoint by checkpoint, on "
                "the same text. The corrected cosine is 1 for the same direction, 0 for unrelated ones, −1 for "
                "opposite ones."
            ]
        ),
        Tally(
            f"The verdicts of {many(len(last), 'pair')} of languages at the last step",
            verdict_counts(last["verdict"], {verdict: meanings[verdict] for verdict in VERDICTS}),
        ),
        Bullets([say(sentence) for sentence in trajectory_findings(result)]),
        *open_and_warnings(result, [*trajectory_open(result), *trajectory_caveats(result)], mark, say),
    ]


def _figures(result: Result, pictures: Sequence[tuple[str, Picture]]) -> list[Block]:
    blocks: list[Block] = []
    for i, metric in enumerate(metrics(result)):
        own: list[Block] = [picture for measure, picture in pictures if measure == metric]
        if own:
            blocks += own if i == 0 else [Fold(f"Figures in the {text.safe_text(metric)} metric", own)]
    return blocks


def _tables(result: Result) -> list[Block]:
    main, *others = metrics(result)
    return [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run, each with the "
                    "step in front: <code>pairs.csv</code>, <code>self.csv</code> (the languages), "
                    "<code>groups.csv</code>, <code>checkpoints.csv</code> and <code>changes.csv</code>; they have the "
                    "parts of the model too, and <code>results.json</code> has everything. Each column is explained "
                    'under <a href="#reading">How to read it</a>; – means that a number could not be estimated. '
                    "Cosines beyond −1 and 1 are shown as −1 and 1 on this page."
                )
            ]
        ),
        *_metric_tables(result, main),
        *(Fold(f"Tables in the {text.safe_text(m)} metric", _metric_tables(result, m)) for m in others),
    ]


def _metric_tables(result: Result, metric: str) -> list[Block]:
    out: list[Block] = [
        Heading("Checkpoints"),
        _folded(tables.checkpoints_table(result, metric, "Checkpoints by step, with means over pairs and languages")),
    ]
    if len(steps(result)) > 1:
        caption = "Corrected cosines at the first and the last step, the largest fall first"
        out += [Heading("Changes"), _folded(tables.changes_table(result, metric, caption))]
    out += [
        Heading("Pairs"),
        _folded(tables.pairs_table(result, metric, "Pairs of languages at every step")),
        Heading("Languages"),
        _folded(tables.languages_table(result, metric, "Languages at every step")),
    ]
    return out


def _folded(table: Table) -> Block:
    if len(table.rows) > _MOST:
        return Prose(
            [f"{table.caption}: {len(table.rows):,} rows, more than a page opens with; the CSV file has them."]
        )
    return Fold(f"{table.caption}: {len(table.rows):,} rows", [table]) if len(table.rows) > _FOLDED else table


def _reading(result: Result) -> list[Block]:
    used = [(words, what) for words, what in _glossary.metric_terms() if words[0] in metrics(result)]
    blocks: list[Block] = [
        Heading("What a line means"),
        Prose([escape(paragraph) for paragraph in glossary.CONTEXT]),
        Heading("Checkpoints"),
        Terms(glossary.CHECKPOINTS),
        Heading("Changes"),
        Terms(glossary.CHANGES),
        Heading("Pairs of languages"),
        Terms(_glossary.pair_terms(float(result.settings.get("margin", 0.05)))),
        Heading("Languages and text"),
        Terms([*_glossary.language_terms(), *_glossary.text_terms()]),
    ]
    return [*blocks, Heading("Metrics"), Terms(used)] if used else blocks
