"""A comparison on the terminal: what changed most, row by row, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._comparison_findings import comparison_findings, comparison_open, signed
from interfere.report._comparison_tables import (
    FOUND,
    UNDETERMINED,
    VERDICTS,
    Family,
    by_place,
    compared,
    families,
    known,
    labels,
    main_families,
    main_metric,
)
from interfere.report._console import columns_table, heading, listed
from interfere.results import Result

_SHOWN = ("corrected", "loss", "delta", "bits_per_byte")
_ROWS = 15
_PLACES = 36
_STYLES = {**dict.fromkeys(FOUND, "bold"), UNDETERMINED: "dim"}


def comparison_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `comparison`, for a console of so many cells a line."""
    yield from _header(result, width)
    for family in main_families(result):
        if family.quantity.name in _SHOWN:
            yield from _rows(family, width)
    yield from _places(result, width)
    open_ = comparison_open(result)
    yield from listed("What changed", [s for s in comparison_findings(result) if s not in open_])
    yield from listed("What is not determined", open_)
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, width: int) -> Iterator[RenderableType]:
    yield Text(f"What changed between two runs of interfere {text.safe_text(compared(result))}", style="bold")
    for word, key in (("before: ", "before"), ("after:  ", "after")):
        run, model = result.settings.get(key, ""), result.model.get(f"id_{key}")
        said = text.safe_text(run if run == model else f"{run} ({model})")
        yield Text(word + text.shorten(said, max(width - len(word), 1), keep="both"))


def _rows(family: Family, width: int) -> Iterator[RenderableType]:
    ranked = family.rows.sort_values("difference", kind="stable", na_position="last")
    shown = ranked
    if len(ranked) > _ROWS:
        # A row that is undetermined may have any number: those that changed come first.
        shown = (
            family.found.head(_ROWS)
            if len(family.found)
            else ranked.loc[ranked["difference"].abs().sort_values(ascending=False, kind="stable").index].head(_ROWS)
        )
    quantity = family.quantity
    yield heading(f"{quantity.words[0].upper()}{quantity.words[1:]}{_of(family)}")
    table = columns_table(
        (quantity.noun, "left"),
        *((column, "right") for column in ("before", "after", "difference", "95% interval", "q")),
        ("verdict", "left"),
    )
    names = labels(shown, max((width - 66) // 2, 3))
    for label, (_, row) in zip(names, shown.iterrows(), strict=True):
        ends = [signed(row[c], family) for c in ("ci_low", "ci_high")]
        cells = (
            label,
            text.number(row["before"], quantity.digits),
            text.number(row["after"], quantity.digits),
            signed(row["difference"], family),
            f"[{ends[0]}, {ends[1]}]" if known(row["ci_low"]) and known(row["ci_high"]) else text.UNKNOWN,
            text.probability(row["q_value"]),
            row["verdict"],
        )
        table.add_row(*map(Text, cells), style=_STYLES.get(row["verdict"], ""))
    yield table
    if len(shown) < len(ranked):
        which = "with the largest changes" if len(family.found) else "with the largest differences, none of them shown"
        yield Text(f"{len(shown)} of {len(ranked):,} rows, those {which}; all are in changes.csv.")


def _of(family: Family) -> str:
    measure = text.shorten(text.safe_text(family.measure), 24)
    return f", {measure}" if measure and family.quantity.table != "quality" else ""


def _places(result: Result, width: int) -> Iterator[RenderableType]:
    """How many rows changed in each layer."""
    for family in families(result):
        wanted = ("corrected",) if compared(result) == "gradients" else ("rank", "share")
        if not family.parts or family.quantity.name not in wanted:
            continue
        if family.measure != main_metric(result):
            continue
        counts = by_place(family)
        shown = counts
        if len(counts) > _PLACES:
            most = (counts[FOUND[0]] + counts[FOUND[1]]).sort_values(ascending=False, kind="stable").index[:_PLACES]
            shown = counts.loc[[place for place in counts.index if place in set(most)]]
        names = text.short_names(shown.index, max(width - 42, 8), keep="end")
        yield heading(f"Layers: {family.quantity.words}{_of(family)}, rows by verdict")
        table = columns_table(("layer", "left"), *((verdict, "right") for verdict in VERDICTS))
        for place, row in shown.iterrows():
            style = "bold" if row[FOUND[0]] + row[FOUND[1]] else "dim"
            table.add_row(Text(names[str(place)]), *(Text(str(row[v])) for v in VERDICTS), style=style)
        yield table
        if len(shown) < len(counts):
            yield Text(f"{len(shown)} of {len(counts):,} layers, those with the most changes; all are in changes.csv.")
