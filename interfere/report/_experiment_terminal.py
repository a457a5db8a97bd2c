"""An experiment on the terminal: a row a mixture and language, what predicts, then what that says in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from interfere.report import _text as text
from interfere.report._console import columns_table, heading, listed
from interfere.report._deltas_terminal import signed
from interfere.report._experiment_findings import experiment_findings
from interfere.report._experiment_open import experiment_caveats, experiment_open
from interfere.report._experiment_predicted import TOO_FEW, prediction_rows, predictor_name
from interfere.report._experiment_tables import (
    INTERFERENCE,
    TRANSFER,
    UNDETERMINED,
    capacities,
    delta_rows,
    distinct,
    is_scout,
    mixture_names,
    number,
    scout_rows,
    strongest,
    width_name,
)
from interfere.report._experiment_words import seeds_of, updates_words
from interfere.report._importance_words import many
from interfere.results import Result

_MOST = 30
_STYLES = {INTERFERENCE: "bold", TRANSFER: "bold", UNDETERMINED: "dim"}
_LEAST = 8  # cells that a name has in any case, as has the word language


def experiment_parts(result: Result, width: int) -> Iterator[RenderableType]:
    """The report of a result of kind `experiment`, for a console of so many cells a line."""
    yield from _header(result, width)
    scout = is_scout(result)
    if scout:
        lead = "Predicted at full length, the worst first"
        yield from _rows(result, scout_rows(result), width, lead, "scout", predicted=True)
    lead = "The longest short runs, the worst first" if scout else "Mixtures and languages, the worst first"
    yield from _rows(result, delta_rows(result), width, lead, "deltas")
    yield Text(
        "Δ: bits per byte of the mixture minus those of the matched monolingual model, and the same relative to it "
        "with its 95% interval over seeds and documents. Above 0 the mixture is worse."
    )
    yield from _predictions(result, width)
    open_ = [*experiment_open(result), *experiment_caveats(result)]
    yield from listed("What was found", [s for s in experiment_findings(result) if s not in open_])
    yield from listed("What is not determined", open_)
    yield from listed("Warnings", [text.safe_text(w) for w in result.warnings])


def _header(result: Result, width: int) -> Iterator[RenderableType]:
    yield Text("Matched models: does sharing hurt?", style="bold")
    facts = [many(len(result.languages), "language")]
    rows = delta_rows(result)
    widths = distinct(rows["width"]) if len(rows) else []
    facts += [width_name(widths[0])] if len(widths) == 1 else [f"{len(widths)} widths"] if widths else []
    facts += [f"{updates_words(result)} per language"] if result.settings.get("updates") else []
    facts += [many(seeds_of(result), "seed")] if seeds_of(result) else []
    if result.model.get("id"):
        facts.append(text.shorten(text.safe_text(result.model["id"]), max(width, 1), keep="end"))
    yield Text(", ".join(facts))


def _rows(
    result: Result, rows: pd.DataFrame, width: int, lead: str, file: str, *, predicted: bool = False
) -> Iterator[RenderableType]:
    if rows.empty:
        return
    shown, every = strongest(rows, _MOST), capacities(rows)
    several = len({c[0] for c in every}) > 1, len({c[1] for c in every}) > 1
    head = [
        *(["width"] if several[0] else []),
        *(["text"] if several[1] else []),
        *([] if predicted else ["Δ"]),
        "relative",
        *([] if predicted else ["q", "verdict"]),
    ]
    cells = [_cells(row, several, predicted=predicted) for _, row in shown.iterrows()]
    # Names give way to numbers: what the other columns need is taken first.
    taken = [max(cell_len(each[i]) for each in [head, *cells]) for i in range(len(head))]
    room = width - sum(taken) - 2 * (len(taken) + 1)
    if room < 2 * _LEAST + 4 and "Δ" in head:
        # The relative difference says the same.
        place = head.index("Δ")
        head, cells = [h for h in head if h != "Δ"], [[*own[:place], *own[place + 1 :]] for own in cells]
        room += taken.pop(place) + 2
    most = max((cell_len(text.safe_text(a)) for a in shown["language"]), default=0)
    for_language = max(min(room // 3, max(most, cell_len("language"))), _LEAST)
    languages = text.short_names(result.languages, for_language)
    mixtures = mixture_names(rows, max(room - for_language, _LEAST))
    table = columns_table(
        ("mixture", "left"),
        ("language", "left"),
        *((name, "left" if name == "verdict" else "right") for name in head),
    )
    for (_, row), own in zip(shown.iterrows(), cells, strict=True):
        language = languages.get(row["language"], text.shorten(text.safe_text(row["language"]), for_language))
        names = [mixtures[row["kind"], row["mixture"]], language]
        table.add_row(*map(Text, [*names, *own]), style=_STYLES[row["verdict"]])
    yield heading(lead)
    yield table
    if len(shown) < len(rows):
        which = "those with a verdict before others, then the largest"
        yield Text(f"{_MOST} of {len(rows):,} rows, {which}; {len(rows) - _MOST:,} more are in {file}.csv.")


def _cells(row: pd.Series, several: Sequence[bool], *, predicted: bool) -> list[str]:
    return [
        *([f"{row['width']:g}"] if several[0] else []),
        *([f"{100 * row['text']:g}%"] if several[1] else []),
        *([] if predicted else [signed(row["delta"])]),
        number(row),
        *([] if predicted else [text.probability(row["q_value"]), row["verdict"]]),
    ]


def _predictions(result: Result, width: int) -> Iterator[RenderableType]:
    rows = prediction_rows(result)
    rows = rows[rows["says"] != TOO_FEW] if len(rows) else rows
    if rows.empty:
        return
    every = capacities(rows)
    several = len({c[0] for c in every}) > 1, len({c[1] for c in every}) > 1
    table = columns_table(
        ("predictor", "left"),
        *((name, "right") for name, there in zip(("width", "text"), several, strict=True) if there),
        ("rank correlation", "right"),
        ("within", "right"),
        ("pairs", "right"),
        ("says", "left"),
    )
    for _, row in rows.iterrows():
        ends = f" [{text.number(row['ci_low'])}, {text.number(row['ci_high'])}]"
        cells = [
            predictor_name(row["predictor"]),
            *([f"{row['width']:g}"] if several[0] else []),
            *([f"{100 * row['text']:g}%"] if several[1] else []),
            text.number(row["correlation"]) + ends,
            text.share(row["within"]) if row["within"] == row["within"] else text.UNKNOWN,
            text.count(row["pairs"]),
            row["says"],
        ]
        table.add_row(*map(Text, cells), style="bold" if row["says"] == "predicts" else "dim")
    yield heading("What was known early against the final difference")
    yield table
    yield Text("Within: share of pairs whose direction that loses more is told right; half is chance.")
