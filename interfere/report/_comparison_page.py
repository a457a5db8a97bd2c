"""The report page of a comparison, as data."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from interfere.report import _comparison_glossary as glossary
from interfere.report import _text as text
from interfere.report._comparison_findings import (
    change_list,
    comparison_findings,
    comparison_open,
    headline,
    signed,
)
from interfere.report._comparison_tables import (
    HIGHER,
    LOWER,
    SAME,
    UNDETERMINED,
    VERDICTS,
    Family,
    by_place,
    compared,
    families,
    known,
    main_families,
    main_metric,
    subjects,
)
from interfere.report._page import (
    Block,
    Bullets,
    Column,
    Fold,
    Heading,
    Page,
    Picture,
    Prose,
    Row,
    Table,
    Tally,
    Terms,
    minus,
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
from interfere.report._run_tables import decimal, made_blocks, text_blocks
from interfere.results import Result

_MOST = 500  # rows of a table; changes.csv has all
_MEANINGS = {
    HIGHER: "the number has risen, q ≤ 0.05",
    LOWER: "it has fallen, q ≤ 0.05",
    SAME: "it has surely changed by less than the margin",
    UNDETERMINED: "none of these could be shown: no finding either way",
}


def comparison_page(result: Result, pictures: Sequence[tuple[str, Picture]]) -> Page:
    """The page of a result of kind `comparison`.

    Args:
        result: what was found.
        pictures: its figures, each with what it measures.
    """
    models = [name(result.model.get(f"id_{key}") or "a model") for key in ("before", "after")]
    title = Markup("What changed from {} to {}").format(*models)
    if models[0] == models[1]:
        title = Markup("What changed between two runs of {}").format(models[0])
    return standard_page(
        title,
        _facts(result),
        found=_found(result),
        figures=[picture for _, picture in pictures],
        tables=_tables(result),
        read=("The text that both runs read", text_blocks(result)),
        made=made_blocks(result, glossary.SETTINGS),
        reading=_reading(result),
    )


def _facts(result: Result) -> list[str]:
    runs = [name(result.settings.get(key, "")) for key in ("before", "after")]
    facts = [Markup("interfere {}: {} → {}").format(text.safe_text(compared(result)), *runs)]
    return [*facts, *objective_fact(result), languages_fact(result), *date_fact(result)]


def _found(result: Result) -> list[Block]:
    names = text.short_names(result.languages, 40)
    runs = [str(result.settings.get(key, "")) for key in ("before", "after")]
    mark, say = speaker(result.languages, names.values(), runs)
    led = main_families(result)
    nested = {headline(result, family, names): change_list(family, names) for family in led}
    open_ = comparison_open(result)
    blocks: list[Block] = [
        Prose(
            [
                "Two checkpoints were measured on the same text with the same settings. This page says which numbers "
                "changed from the first to the second, with intervals of the differences: what is peculiar to the text "
                "is in both runs and largely drops out."
            ]
        )
    ]
    if led:
        family = led[0]
        label = Markup("The {}{}").format(family.quantity.words, _of(family))
        blocks.append(Tally(label, verdict_counts(family.rows["verdict"], _MEANINGS)))
    blocks.append(Bullets(found_items(comparison_findings(result), open_, nested, say)))
    return [*blocks, *open_and_warnings(result, open_, mark, say)]


def _of(family: Family) -> Markup:
    return Markup(", {}").format(name(family.measure)) if family.measure else Markup("")


def _tables(result: Result) -> list[Block]:
    blocks: list[Block] = [
        Prose(
            [
                Markup(
                    "Every number of these tables, with all its digits, is in <code>changes.csv</code>, and verdicts "
                    "that are other ones in <code>verdict_changes.csv</code>; <code>results.json</code> has "
                    'everything. Each column is explained under <a href="#reading">How to read it</a>; – means that a '
                    "number could not be estimated."
                )
            ]
        )
    ]
    moved = result.tables["verdict_changes"]
    if len(moved):
        blocks += [Heading("Verdicts"), _verdict_table(moved)]
    main = {_key(f) for f in main_families(result)}
    rest: list[Block] = []
    for family in families(result):
        own = _family_blocks(family)
        shown = _key(family) in main and not family.parts
        counted = family.parts and family.measure in ("", main_metric(result)) and family.quantity.name == "corrected"
        if shown or counted:
            blocks += own
        else:
            rest += own
    return [*blocks, *([Fold("More tables", rest)] if rest else [])]


def _key(family: Family) -> tuple[str, str, str, bool]:
    """What tells families apart."""
    return family.quantity.table, family.quantity.name, family.measure, family.parts


def _family_blocks(family: Family) -> list[Block]:
    """A family's rows, and of parts how many have each verdict."""
    words = f"{family.quantity.words[0].upper()}{family.quantity.words[1:]}"
    heading = Markup("{}{}{}").format(words, _of(family), " by layer" if family.parts else "")
    blocks: list[Block] = [Heading(heading)]
    if family.parts:
        counts = by_place(family)
        rows = [Row((name(place), *(f"{row[v]:,}" for v in VERDICTS))) for place, row in counts.iterrows()]
        columns = (Column("layer", words=True), *map(Column, VERDICTS))
        blocks.append(Table(Markup("{}: rows by verdict").format(heading), columns, rows))
    return [*blocks, _row_table(family, heading)]


def _row_table(family: Family, heading: str) -> Table:
    size = family.rows["difference"].abs().fillna(-1.0)
    rows = family.rows.loc[size.sort_values(ascending=False, kind="stable").index]
    caption = Markup("{}, the largest differences first").format(heading)
    if len(rows) > _MOST:
        caption += f" ({_MOST} of {len(rows):,})"
        rows = rows.head(_MOST)
    placed = bool((rows["place"] != "").any())
    digits = family.quantity.digits
    out = []
    for _, row in rows.iterrows():
        cells = (
            Markup(" · ").join(name(language) for language in subjects(row)) or "all",
            *([name(row["place"])] if placed else []),
            decimal(row["before"], digits + 1),
            decimal(row["after"], digits + 1),
            minus(signed(row["difference"], family)),
            _span(row, family),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            text.safe_text(row["verdict"]),
            text.safe_text(row["reason"]),
        )
        out.append(Row(cells, str(row["verdict"])))
    nouns = {"pair": "pair", "language": "language"}.get(family.quantity.noun, "languages")
    place = "model" if family.quantity.table == "quality" else "layer"
    head = (
        Column(nouns, words=True),
        *([Column(place, words=True)] if placed else []),
        *map(Column, ("before", "after", "difference", "95% interval", "p", "q")),
        Column("verdict", words=True),
        Column("why undetermined", words=True),
    )
    return Table(caption, head, out)


def _span(row: pd.Series, family: Family) -> str:
    if not (known(row["ci_low"]) and known(row["ci_high"])):
        return text.UNKNOWN
    return minus(f"{signed(row['ci_low'], family)} to {signed(row['ci_high'], family)}")


def _verdict_table(moved: pd.DataFrame) -> Table:
    out = []
    for _, row in moved.head(_MOST).iterrows():
        where = [row[key] for key in ("group", "metric", "multilingual") if isinstance(row[key], str)]
        cells = (
            Markup(" · ").join(name(language) for language in subjects(row)),
            Markup(", ").join(name(each) for each in where),
            text.safe_text(row["before"]),
            text.safe_text(row["after"]),
            decimal(row["difference"], 3),
            "yes" if row["shown"] else "no",
        )
        out.append(Row(cells))
    head = (*(Column(c, words=True) for c in ("row", "of", "was", "is now")), Column("difference"),
            Column("difference shown", words=True))  # fmt: skip
    more = f" ({_MOST} of {len(moved):,})" if len(moved) > _MOST else ""
    return Table(f"Verdicts that are other ones in the second run{more}", head, out)


def _reading(result: Result) -> list[Block]:
    return [
        Heading("What a difference means"),
        Prose(glossary.CONTEXT),
        Heading("Differences"),
        Terms(glossary.CHANGES),
        Heading("What is compared"),
        Terms(glossary.QUANTITIES.get(compared(result), ())),
        Heading("Text"),
        Terms(glossary.TEXT),
    ]
