"""A gradient analysis on the terminal: tables that fit, then what they say in words."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._findings import gradients_findings
from interfere.report._tables import (
    BODY,
    VERDICTS,
    group_names,
    group_noun,
    metrics,
    pair_rows,
    scope_phrase,
    self_rows,
)
from interfere.results import Result

_ALL_PAIRS = 15
_ENDS = 5
_ALL_GROUPS = 36
_SOME_GROUPS = 12
_STYLES = {"conflict": "bold red", "aligned": "blue", "undetermined": "dim"}


def gradients_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `gradients`, for a console of so many cells a line."""
    metric = metrics(result)[0]
    rows = pair_rows(result, metric)
    body = rows[rows["group"] == BODY]
    yield from _header(result, metric, width)
    yield from _pairs(body, width)
    yield from _languages(result, metric, width)
    yield from _groups(result, rows, metric, width)
    yield from listed("What was found", gradients_findings(result))
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, metric: str, width: int) -> Iterator[RenderableType]:
    settings = result.settings
    lead = "Gradient conflict in "
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), max(width - len(lead), 1), keep="end")
    yield Text(lead + model, style="bold")
    facts = [f"objective {text.safe_text(result.model['objective'])}"] if result.model.get("objective") else []
    facts += [f"metric {text.safe_text(metric)}", f"over {scope_phrase(result)}"]
    if settings.get("chunks"):
        tokens, predicted = settings.get("tokens_per_chunk"), text.predictions(result.model.get("objective"))
        facts.append(
            f"{settings['chunks']} chunks" + (f" of up to {tokens:,} {predicted}, or one document" if tokens else "")
        )
    yield Text(", ".join(facts))


def _pairs(body: pd.DataFrame, width: int) -> Iterator[RenderableType]:
    ranked = body.sort_values(["corrected", "a", "b"], kind="stable", na_position="last").reset_index(drop=True)
    names = text.short_names([*body["a"], *body["b"]], max((width - 59) // 2, 3))
    yield heading("Pairs of languages, lowest corrected cosine first")
    table = columns_table(
        ("pair", "left"),
        ("raw", "right"),
        ("corrected", "right"),
        ("95% interval", "right"),
        ("q", "right"),
        ("verdict", "left"),
    )
    if len(ranked) > _ALL_PAIRS:
        # An undetermined pair may have any number: the ends of the list belong to those that have a verdict.
        determined = ranked[ranked["determined"]]
        chosen = determined if len(determined) >= 2 * _ENDS else ranked[ranked["corrected"].notna()]
        parts = [chosen.head(_ENDS), chosen.tail(_ENDS)]
    else:
        parts = [ranked]
    for i, part in enumerate(parts):
        if i:
            table.add_row(*["…"] * 6)
        for _, row in part.iterrows():
            table.add_row(*_pair_cells(row, names), style=_STYLES.get(row["verdict"], ""))
    yield table
    if len(parts) > 1:
        which = "determined " if chosen is determined else ""
        yield Text(
            f"The {_ENDS} lowest and the {_ENDS} highest {which}pairs of {len(ranked):,}; all are in results.json "
            "and pairs.csv."
        )
    if (body["corrected"].abs() > 1).any() or (body[["ci_low", "ci_high"]].abs() > 1).any(axis=None):
        yield Text("Values beyond -1 and 1 are shown as -1 and 1; results.json has them as estimated.")


def _pair_cells(row: pd.Series, names: dict[str, str]) -> list[Text]:
    interval = f"[{text.cosine(row['ci_low'])}, {text.cosine(row['ci_high'])}]"
    return [
        Text(f"{names[row['a']]} · {names[row['b']]}"),
        Text(text.cosine(row["cosine"])),
        Text(text.cosine(row["corrected"])),
        Text(text.UNKNOWN if text.UNKNOWN in interval else interval),
        Text(text.probability(row["q_value"])),
        Text(text.safe_text(row["verdict"])),
    ]


def _languages(result: Result, metric: str, width: int) -> Iterator[RenderableType]:
    names = text.short_names(result.languages, max(width - 64, 3))
    table = columns_table(
        ("language", "left"),
        ("self-similarity", "right"),
        ("norm", "right"),
        ("loss", "right"),
        ("tokens", "right"),
        ("documents", "right"),
    )
    for _, row in self_rows(result, metric).iterrows():
        bounds = f"[{text.cosine(row['ci_low'])}, {text.cosine(row['ci_high'])}]"
        similarity = text.cosine(row["self_similarity"])
        table.add_row(
            Text(names[row["language"]]),
            Text(similarity if text.UNKNOWN in bounds else f"{similarity} {bounds}"),
            Text(f"{row['norm']:.3g}" if pd.notna(row["norm"]) else text.UNKNOWN),
            Text(text.number(row["loss"])),
            Text(text.count(row["tokens"])),
            Text(text.count(row["documents"])),
        )
    yield heading("Languages")
    yield table


def _groups(result: Result, rows: pd.DataFrame, metric: str, width: int) -> Iterator[RenderableType]:
    noun, groups = group_noun(result), group_names(result, metric)
    if not groups:
        return
    below = rows[rows["group"] != BODY]
    verdicts = below["verdict"].where(below["determined"], "undetermined")
    counts = pd.crosstab(below["group"], verdicts).reindex(index=groups, columns=list(VERDICTS), fill_value=0)
    known = below[below["determined"]].sort_values(["corrected", "a", "b"], kind="stable")
    lowest = {row["group"]: row for _, row in known.drop_duplicates("group").iterrows()}
    conflicts = dict(zip(groups, counts["conflict"].astype(int).tolist(), strict=True))
    shown = groups
    if len(groups) > _ALL_GROUPS:
        by_value = {g: lowest[g]["corrected"] if g in lowest else float("inf") for g in groups}
        ranked = sorted(groups, key=lambda g: (-conflicts[g], by_value[g], groups.index(g)))
        shown = sorted(ranked[:_SOME_GROUPS], key=groups.index)
    # Long names of tensors need the room that the words take.
    brief = max(len(g) for g in groups) > width - 54
    languages = text.short_names(result.languages, 6)
    labels = text.short_names(groups, max(width - 44 if brief else width - 54, 8), keep="end")
    words = ["c", "a", "n", "u"] if brief else ["conf.", "align.", "neutr.", "undet."]
    table = columns_table((noun, "left"), *((word, "right") for word in words), ("lowest determined pair", "left"))
    for group in shown:
        pair = text.UNKNOWN
        if group in lowest:
            low = lowest[group]
            pair = f"{text.cosine(low['corrected']):>5} {languages[low['a']]} · {languages[low['b']]}"
        cells = [Text(str(counts.loc[group, v])) for v in VERDICTS]
        table.add_row(Text(labels[group]), *cells, Text(pair), style="red" if conflicts[group] else "")
    counted = "pairs in conflict (c), aligned (a), neutral (n), undetermined (u)" if brief else "pairs by verdict"
    yield heading(f"{noun.capitalize()}s: {counted}")
    yield table
    if len(shown) < len(groups):
        yield Text(
            f"{len(shown)} of {len(groups):,} {noun}s: those with the most conflicts, then with the lowest pairs; "
            "all are in results.json and pairs.csv."
        )
