"""The report page of a gradient analysis, as data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from interfere.report import _glossary as glossary
from interfere.report import _page_tables as tables
from interfere.report import _text as text
from interfere.report._expert_tables import TERMS as EXPERT_TERMS
from interfere.report._expert_tables import has_experts, overlap_table
from interfere.report._findings import conflict_list, gradients_findings, open_questions
from interfere.report._page import (
    Block,
    Bullets,
    Fold,
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
    languages_fact,
    objective_fact,
    open_and_warnings,
    speaker,
    standard_page,
    verdict_counts,
)
from interfere.report._run_tables import made_blocks, text_blocks
from interfere.report._tables import BODY, VERDICTS, group_names, group_noun, metrics, pair_rows, scope_phrase
from interfere.results import Result


def gradients_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `gradients`.

    Args:
        result: what was found.
        pictures: its figures, each with its metric.
    """
    return standard_page(
        Markup("Gradient conflict in {}").format(name(result.model.get("id") or "a model")),
        _facts(result),
        found=_found(result),
        figures=_figures(result, pictures),
        tables=_tables(result),
        read=("The text that was read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _facts(result: Result) -> list[str]:
    settings = result.settings
    all_metrics = [text.safe_text(m) for m in metrics(result)]
    facts = objective_fact(result)
    facts.append(f"{'metric' if len(all_metrics) == 1 else 'metrics'} {', '.join(all_metrics)}")
    facts.append(languages_fact(result))
    facts.append(f"over {scope_phrase(result)}")
    if settings.get("chunks"):
        facts.append(f"{text.safe_text(settings['chunks'])} chunks of text per language")
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(result.languages, text.short_names(result.languages, 40).values())
    metric = metrics(result)[0]
    body = pair_rows(result, metric, BODY)
    margin = float(result.settings.get("margin", 0.05))
    meanings = {
        "conflict": "opposed beyond chance: a step for one language undoes part of the other's",
        "aligned": "alike beyond chance, much or little: a step for one language also helps the other",
        "neutral": f"next to unrelated: the whole interval within ±{margin:g}",
        "undetermined": "this run cannot tell, whatever the number: no finding either way",
    }
    verdicts = body["verdict"].where(body["determined"], "undetermined")
    counts = verdict_counts(verdicts, {verdict: meanings[verdict] for verdict in VERDICTS})
    open_ = open_questions(result)
    said = [s for s in gradients_findings(result) if s not in open_]
    items = [say(s) for s in said]
    conflicts = conflict_list(result)
    if len(conflicts) > 1:  # the headline has named the first
        listed = Markup("").join(Markup("<li>{}</li>").format(say(c)) for c in conflicts)
        items[0] = Markup("{}<ul>{}</ul>").format(items[0], listed)
    return [
        Prose(
            [
                "Text in a language asks the model to change its weights in some direction: the language's gradient. "
                "This page compares these directions pair by pair. Where two of them are opposed, training on one "
                "language undoes part of what the other needs, which is called a conflict; where they are alike, each "
                "helps the other. The corrected cosine says how much: 1 for the same direction, 0 for unrelated ones, "
                "−1 for opposite ones. Conflict and alignment are claimed only where chance is an unlikely "
                "explanation: of all such claims, at most about one in twenty is expected to be false."
            ]
        ),
        Tally(_label(result, metric, f"The verdicts of {_pairs(len(body))}"), counts),
        Bullets(items),
        *open_and_warnings(result, [*open_, *_open_elsewhere(result, bool(open_))], mark, say),
    ]


def _pairs(n: int) -> str:
    return "1 pair of languages" if n == 1 else f"{n:,} pairs of languages"


def _label(result: Result, metric: str, what: str) -> str:
    return f"{what} over {scope_phrase(result)}{_in_metric(result, metric)}"


def _in_metric(result: Result, metric: str) -> str:
    return f" in the {text.safe_text(metric)} metric" if len(metrics(result)) > 1 else ""


def _open_elsewhere(result: Result, any_open: bool) -> list[str]:
    metric = metrics(result)[0]
    rows, noun = pair_rows(result, metric), group_noun(result)
    out = [] if any_open or rows.empty else [f"Over {scope_phrase(result)} every pair has a verdict."]
    below = rows[rows["group"] != BODY]
    open_cells = int((~below["determined"]).sum())
    if open_cells:
        out.append(
            f"By {noun}, {open_cells:,} of {len(below):,} combinations of pair and {noun} are undetermined; pairs.csv "
            "says for each why, and how much text would settle it."
        )
    elif not below.empty:
        out.append(f"By {noun}, all {len(below):,} combinations of pair and {noun} have a verdict.")
    out.append(
        "Whether sharing the model costs a language quality: that directions are opposed says where to look, and not "
        "how much is lost."
    )
    return out


def _figures(result: Result, pictures: Sequence[tuple[str, Picture]]) -> list[Block]:
    blocks: list[Block] = []
    for i, metric in enumerate(metrics(result)):
        own: list[Block] = [p for m, p in pictures if m == metric]
        if not own:
            continue
        if i == 0:
            blocks += own
        else:
            blocks.append(Fold(f"Figures in the {text.safe_text(metric)} metric", own))
    return blocks


def _tables(result: Result) -> list[Block]:
    main, *others = metrics(result)
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run: "
                    "<code>pairs.csv</code>, <code>self.csv</code> (the languages) and <code>groups.csv</code>; the "
                    "pairs in each {noun} are there too, and <code>results.json</code> has everything. Each column is "
                    'explained under <a href="#reading">How to read it</a>; – means that a number could not be '
                    "estimated."
                ).format(noun=group_noun(result))
            ]
        ),
    ]
    if _clipped(result):
        blocks.append(
            Prose(["Cosines beyond −1 and 1 are shown as −1 and 1 on this page; the files have them as estimated."])
        )
    blocks += _metric_tables(result, main)
    if has_experts(result):
        caption = "Experts that two languages have in common, means over layers, the pair that shares least first"
        blocks += [Heading("Experts"), overlap_table(result, caption)]
    blocks += [Fold(f"Tables in the {text.safe_text(m)} metric", _metric_tables(result, m)) for m in others]
    return blocks


def _metric_tables(result: Result, metric: str) -> list[Block]:
    noun = group_noun(result)
    out: list[Block] = [
        Heading("Pairs"),
        tables.pair_table(result, metric, _label(result, metric, "Pairs of languages, lowest corrected cosine first,")),
        Heading("Languages"),
        tables.language_table(result, metric, _label(result, metric, "Languages")),
    ]
    if group_names(result, metric):
        caption = f"Pairs by verdict in each {noun}{_in_metric(result, metric)}, in the model's order"
        out += [Heading(f"{noun.capitalize()}s"), tables.group_table(result, metric, caption)]
    return out


def _clipped(result: Result) -> bool:
    columns = ["cosine", "corrected", "ci_low", "ci_high"]
    body = [pair_rows(result, m, BODY)[columns] for m in metrics(result)]
    return any(bool((rows.abs() > 1).any(axis=None)) for rows in body)


def _reading(result: Result) -> list[Block]:
    noun = group_noun(result)
    used = [(words, what) for words, what in glossary.metric_terms() if words[0] in metrics(result)]
    blocks: list[Block] = [
        Heading("When a cosine means something"),
        Prose([escape(p) for p in glossary.context(len(result.languages))]),
        Heading("Pairs of languages"),
        Terms(glossary.pair_terms(float(result.settings.get("margin", 0.05)))),
        Heading("Languages and text"),
        Terms([*glossary.language_terms(), *glossary.text_terms()]),
        Heading(f"{noun.capitalize()}s"),
        Terms(glossary.group_terms(noun)),
    ]
    if has_experts(result):
        blocks += [Heading("Experts"), Terms(EXPERT_TERMS)]
    if used:
        blocks += [Heading("Metrics"), Terms(used)]
    return [*blocks, Heading("In the CSV files only"), Terms(glossary.csv_terms())]
