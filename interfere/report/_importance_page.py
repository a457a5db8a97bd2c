"""The report page of an importance analysis, as data."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interfere.report import _importance_glossary as glossary
from interfere.report import _importance_page_tables as tables
from interfere.report import _text as text
from interfere.report._importance_findings import importance_findings, own_headline, own_list
from interfere.report._importance_open import importance_caveats, importance_open
from interfere.report._importance_tables import gate_rows, kinds, methods, noun, of_method, removal, table
from interfere.report._importance_words import own_total, safe_method
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
    found_items,
    languages_fact,
    objective_fact,
    open_and_warnings,
    speaker,
    standard_page,
    verdict_counts,
)
from interfere.report._removal_findings import specific_headline, specific_list
from interfere.report._run_tables import made_blocks, text_blocks
from interfere.results import Result

_MEANINGS = {
    "specific": "removing the units picked for it hurts the language, and more than the others' mean, q ≤ 0.05",
    "not shown": "tested, and one of the two is not above 0 for sure",
    "undetermined": "could not be tested: no finding either way",
}


def importance_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `importance`.

    Args:
        result: what was found.
        pictures: its figures, each with its method.
    """
    figures: list[Block] = [picture for _, picture in pictures]
    return standard_page(
        Markup("Importance by language in {}").format(name(result.model.get("id") or "a model")),
        _facts(result),
        found=_found(result),
        figures=figures,
        tables=_tables(result),
        read=("The text that was read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _facts(result: Result) -> list[str]:
    settings, used = result.settings, [safe_method(m) for m in methods(result)]
    facts = objective_fact(result)
    facts.append(f"{'method' if len(used) == 1 else 'methods'} {', '.join(used)}")
    facts.append(languages_fact(result))
    if settings.get("chunks"):
        facts.append(f"{text.safe_text(settings['chunks'])} chunks of text per language")
    facts.append("units removed" if removal(result) is not None else "nothing removed")
    return [*facts, *date_fact(result)]


def _found(result: Result) -> list[Block]:
    mark, say = speaker(result.languages, text.short_names(result.languages, 40).values())
    open_ = importance_open(result)
    nested = {own_headline(result): own_list(result)}
    nested[specific_headline(result, text.short_names(result.languages, 40))] = specific_list(result)
    items = found_items(importance_findings(result), open_, nested, say)
    blocks: list[Block] = [
        Prose(
            [
                "Which heads, neurons and layers of the model does each language need, and do languages need the same "
                "ones? This page scores every unit by how much the model uses it for a language, compares languages, "
                "and picks units that one language uses more than all others. What is picked on one half of the text "
                "is judged on the other. Where units were removed, the page says what each language lost by it."
            ]
        )
    ]
    verdicts = table(result, "specificity")
    if not verdicts.empty:
        counts = verdict_counts(verdicts["verdict"], _MEANINGS)
        blocks.append(Tally(f"Removing their units: the verdicts of {len(verdicts):,} languages", counts))
    if items:
        blocks.append(Bullets(items))
    return [*blocks, *open_and_warnings(result, [*open_, *importance_caveats(result)], mark, say)]


def _tables(result: Result) -> list[Block]:
    main, *others = methods(result)
    files = ("layers", "overlap", "own_counts", "own_units", "specificity", "ablation", "gates")
    named = [Markup("<code>{}.csv</code>").format(n) for n in files if n in result.tables]
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in the CSV files of the run: {}; "
                    "<code>results.json</code> has everything. The scores of all units are in "
                    "<code>scores.safetensors</code>; <code>interfere.unit_scores</code> gives them as a table. Each "
                    'column is explained under <a href="#reading">How to read it</a>; – means that a number could not '
                    "be estimated."
                ).format(Markup(", ").join(named))
            ]
        )
    ]
    blocks += _own(result, main)
    if not table(result, "specificity").empty:
        blocks += [Heading("Specificity"), tables.specificity_table(result, "Languages, the most specific first")]
    if removal(result) is not None:
        caption = (
            "Damage in nats per prediction: the row's units were removed, the column's language pays; in brackets what "
            "is not surely unlike random units. Intervals are in ablation.csv"
        )
        blocks += [Heading("Damage"), tables.ablation_table(result, caption)]
    blocks += _layers(result, main) + _overlaps(result, main)
    if not gate_rows(result).empty:
        blocks += [Heading("Gates"), tables.gates_table(result, "What trained gates keep, over languages")]
    for method in others:
        below = _own(result, method) + _layers(result, method) + _overlaps(result, method)
        if below:
            blocks.append(Fold(f"Tables of the {safe_method(method)} scores", below))
    return blocks


def _own(result: Result, method: str) -> list[Block]:
    if of_method(result, "own_counts", method).empty:
        return []
    by = tables.method_name(result, method)
    out: list[Block] = [
        Heading(f"Own units by {safe_method(method)}"),
        tables.counts_table(result, method, f"Units of each language's own, by {by}"),
    ]
    shown, total = len(tables.strongest_units(result, method)), own_total(result, method)
    if shown and total is not None:
        caption = (
            f"The {shown:,} of {sum(total[0].values()):,.0f} own units by {safe_method(method)} that exceed the other "
            "languages most on half b; own_units.csv has the strongest of each language, and interfere.own_units gives "
            "all that were picked"
        )
        out.append(Fold("The strongest own units", [tables.strongest_table(result, method, caption)]))
    return out


def _layers(result: Result, method: str) -> list[Block]:
    if of_method(result, "layers", method).empty:
        return []
    by = safe_method(method)
    caption = f"Share of importance by {by}, over languages: the mean, the least and the most with their intervals"
    full = f"Share of importance by {by} in each language, per cent, with half the width of its 95% interval"
    fold = Fold("The shares of each language", [tables.shares_table(result, method, full)])
    return [Heading(f"Layers by {by}"), tables.layers_table(result, method, caption), fold]


def _overlaps(result: Result, method: str) -> list[Block]:
    found = kinds(of_method(result, "overlap", method))
    out: list[Block] = [Heading(f"Overlap by {safe_method(method)}")] if found else []
    for i, kind in enumerate(found):
        caption = f"Overlap of {noun(kind)} by {safe_method(method)}, the mean over layers, the most alike pair first"
        block: Block = tables.overlap_table(result, method, kind, caption)
        out.append(block if i == 0 else Fold(f"Overlap of {noun(kind)}", [block]))
    return out


def _reading(result: Result) -> list[Block]:
    used = [term for term in glossary.METHODS if term[0][0] in methods(result)]
    blocks: list[Block] = [
        Heading("What a score means"),
        Prose(glossary.CONTEXT),
        Heading("Methods"),
        Terms(used or glossary.METHODS),
        Heading("Units and text"),
        Terms([*glossary.UNITS, *glossary.TEXT]),
        Heading("Own units"),
        Terms(glossary.OWN),
        Heading("Removal"),
        Terms(glossary.REMOVED),
        Heading("Layers, overlap and gates"),
        Terms(glossary.SHARED),
    ]
    return blocks
