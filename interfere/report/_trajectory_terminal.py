"""A trajectory on the terminal: checkpoints, changes, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._importance_words import many
from interfere.report._tables import VERDICTS, scope_phrase
from interfere.report._trajectory_findings import trajectory_caveats, trajectory_findings, trajectory_open
from interfere.report._trajectory_tables import (
    UNDETERMINED,
    by_step,
    change_rows,
    metrics,
    pair_rows,
    self_rows,
    steps,
    verdict_counts,
)
from interfere.report._trajectory_words import main_metric, span
from interfere.results import Result

_ALL_STEPS, _ENDS = 40, 15
_ALL_PAIRS, _PAIR_ENDS = 30, 10


def trajectory_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `trajectory`, for a console of so many cells a line."""
    lead = "Gradient conflict along training: "
    model = text.safe_text(result.model.get("id", "a model"))
    yield Text(lead + text.shorten(model, max(width - len(lead), 1), keep="end"), style="bold")
    facts = [text.safe_text(result.model["objective"])] if result.model.get("objective") else []
    facts += [
        f"metric {', '.join(text.safe_text(m) for m in metrics(result))}",
        many(len(result.languages), "language"),
    ]
    yield Text(", ".join([*facts, f"{many(len(steps(result)), 'checkpoint')}, {span(result)}"]))
    yield from _checkpoints(result)
    yield from _changes(result, width)
    yield from listed("What was found", trajectory_findings(result))
    yield from listed("What is not determined", [*trajectory_open(result), *trajectory_caveats(result)])
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _checkpoints(result: Result) -> Iterator[RenderableType]:
    metric = main_metric(result)
    rows = pair_rows(result, metric)
    if rows.empty:
        return
    counts, means = verdict_counts(rows), by_step(rows, self_rows(result, metric))
    shown = columns_table(
        ("step", "right"),
        *((v, "right") for v in ("conflict", "aligned", "neutral", "open")),
        *((v, "right") for v in ("corrected", "raw", "self-sim.", "loss")),
    )
    every = list(counts.index)
    parts = [every] if len(every) <= _ALL_STEPS else [every[:_ENDS], every[-_ENDS:]]
    for i, part in enumerate(parts):
        if i:
            shown.add_row(*["…"] * 9)
        for step in part:
            mean = means.loc[step]
            cells = [f"{step:,.0f}", *(f"{int(counts.loc[step, v]):,}" for v in VERDICTS)]
            cells += [text.cosine(float(mean[c])) for c in ("clipped", "cosine", "self_similarity")]
            shown.add_row(*map(Text, [*cells, text.number(float(mean["loss"]))]))
    yield heading(f"Checkpoints, pairs by verdict and means over {scope_phrase(result)}")
    yield shown


def _changes(result: Result, width: int) -> Iterator[RenderableType]:
    rows = change_rows(result, main_metric(result))
    if len(steps(result)) < 2 or rows.empty:
        return
    names = text.short_names(result.languages, max((width - 62) // 2, 3))
    shown = columns_table(
        ("pair", "left"),
        ("first", "right"),
        ("last", "right"),
        ("difference", "right"),
        ("q", "right"),
        ("verdict", "left"),
        ("conflict", "right"),
    )
    parts = [rows] if len(rows) <= _ALL_PAIRS else [rows.head(_PAIR_ENDS), rows.tail(_PAIR_ENDS)]
    for i, part in enumerate(parts):
        if i:
            shown.add_row(*["…"] * 7)
        for _, row in part.iterrows():
            bounds = f"[{text.number(row['ci_low'])}, {text.number(row['ci_high'])}]"
            change = text.number(row["change"])
            cells = (
                f"{names[row['a']]} · {names[row['b']]}",
                text.cosine(row["corrected_first"]),
                text.cosine(row["corrected_last"]),
                change if text.UNKNOWN in bounds else f"{change} {bounds}",
                text.probability(row["q_value"]),
                row["verdict"],
                f"{text.count(row['conflicts'])} of {text.count(row['checkpoints'])}",
            )
            shown.add_row(*map(Text, cells), style="dim" if row["verdict"] == UNDETERMINED else "bold")
    yield heading("Corrected cosines at the first and the last step, largest fall first")
    yield shown
    if len(parts) > 1:
        yield Text(f"The ends of the list of {len(rows):,} pairs; all are in results.json and changes.csv.")
