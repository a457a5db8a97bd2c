"""The tables of numbers of a gradient report page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import Column, Row, Table, name, sentence
from interfere.report._run_tables import any_count, cosine, decimal, short
from interfere.report._tables import BODY, VERDICTS, group_names, group_noun, group_rows, pair_rows, self_rows
from interfere.results import Result
from interfere.statistics import UNSEEN

_PAIR_NAME = 28  # terminal cells of a name that has to share its table cell with another
_SIGNS = {"conflict": "▼", "aligned": "▲", "neutral": "◆", "undetermined": "?"}


def pair_table(result: Result, metric: str, caption: str) -> Table:
    """All pairs over the body in one metric, the lowest corrected cosine first."""
    rows = pair_rows(result, metric, BODY).sort_values(["corrected", "a", "b"], kind="stable", na_position="last")
    shown = text.short_names(result.languages, _PAIR_NAME)
    columns = (
        Column("pair", words=True),
        Column("raw"),
        Column("corrected"),
        Column("95% interval"),
        Column("p"),
        Column("q"),
        Column("verdict", words=True),
        Column("transfer, first → second"),
        Column("transfer, second → first"),
        Column("centred"),
        Column("why undetermined", words=True),
        Column("tokens to settle"),
    )
    out = []
    for _, row in rows.iterrows():
        # A verdict without a number behind it is none, here as in the findings.
        verdict = row["verdict"] if row["determined"] else "undetermined"
        reason = row["reason"] if isinstance(row["reason"], str) else ""
        cells = (
            pair_name(row, shown),
            cosine(row["cosine"]),
            cosine(row["corrected"]),
            interval(row),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            badge(verdict),
            decimal(row["transfer_ab"]),
            decimal(row["transfer_ba"]),
            cosine(row["centred"]),
            sentence(reason, result.languages) if verdict == "undetermined" else "",
            _settle(row["tokens_to_settle"]) if verdict == "undetermined" else "",
        )
        out.append(Row(cells, verdict))
    return Table(caption, columns, out)


def language_table(result: Result, metric: str, caption: str) -> Table:
    """The languages over the body in one metric."""
    columns = (
        Column("language", words=True),
        Column("self-similarity"),
        Column("95% interval"),
        Column("norm"),
        Column("loss"),
        Column("tokens"),
        Column("documents"),
    )
    rows = [
        Row(
            (
                name(row["language"]),
                cosine(row["self_similarity"]),
                interval(row),
                short(row["norm"]),
                decimal(row["loss"]),
                text.count(row["tokens"]),
                text.count(row["documents"]),
            )
        )
        for _, row in self_rows(result, metric).iterrows()
    ]
    return Table(caption, columns, rows)


def group_table(result: Result, metric: str, caption: str) -> Table:
    """The body and its layers, modules or tensors in one metric, in the model's order."""
    noun, rows = group_noun(result), pair_rows(result, metric)
    verdicts = rows["verdict"].where(rows["determined"], "undetermined")
    counts = Counter(zip(rows["group"], verdicts, strict=True))
    known = rows[rows["determined"]].sort_values(["corrected", "a", "b"], kind="stable")
    lowest = {row["group"]: row for _, row in known.drop_duplicates("group").iterrows()}
    shares = group_rows(result, metric).drop_duplicates("group").set_index("group")
    shown = text.short_names(result.languages, _PAIR_NAME)
    mixture, sketch = bool(result.settings.get("mixture")), result.settings.get("gram") == "sketch"

    columns = [Column(noun, words=True), Column("parameters"), *(Column(v) for v in VERDICTS)]
    unseen = Counter(rows["group"][rows["reason"].map(lambda reason: str(reason).startswith(UNSEEN))])
    columns += [Column("of these unseen")] * bool(unseen)
    columns += [Column("lowest determined pair"), Column("common share")]
    columns += [Column("mixture residual")] * mixture + [Column("sketch error")] * sketch
    out = []
    for group in (BODY, *group_names(result, metric)):
        share = shares.loc[group] if group in shares.index else pd.Series(dtype=float)
        pair: str = text.UNKNOWN
        if group in lowest:
            value = cosine(lowest[group]["corrected"])
            pair = Markup("{} &nbsp;{}").format(pair_name(lowest[group], shown), value)
        cells = [
            (Markup("{} ({})").format(BODY, "all of it") if group == BODY else name(group)),
            any_count(share.get("parameters")),
            *(_tally(counts[group, v], v) for v in VERDICTS),
            *([f"{unseen[group]:,}"] if unseen else []),
            pair,
            decimal(share.get("common_share")),
        ]
        cells += [decimal(share.get("mixture_residual"))] * mixture
        cells += [short(share.get("sketch_error"), digits=2)] * sketch
        out.append(Row(cells))
    return Table(caption, columns, out)


def pair_name(row: Mapping[str, Any] | pd.Series, shown: Mapping[str, str]) -> Markup:
    """Two languages."""
    return Markup("{} · {}").format(name(shown[row["a"]]), name(shown[row["b"]]))


def badge(verdict: str) -> Markup:
    """A verdict: a word, with a sign and a colour that say the same."""
    if verdict not in VERDICTS:
        return Markup("{}").format(text.safe_text(verdict))
    return Markup('<span class="v {0}"><span aria-hidden="true">{1}</span> {0}</span>').format(verdict, _SIGNS[verdict])


def _tally(number: int, verdict: str) -> str:
    shown = f"{number:,}"
    return Markup('<span class="v conflict">{}</span>').format(shown) if number and verdict == "conflict" else shown


def interval(row: pd.Series) -> str:
    """The interval of a cosine, clipped to [-1, 1]."""
    low, high = cosine(row["ci_low"]), cosine(row["ci_high"])
    return text.UNKNOWN if text.UNKNOWN in (low, high) else f"{low} to {high}"


def _settle(value: float) -> str:
    return text.about(value) if math.isfinite(value) and value > 0 else text.UNKNOWN
