"""The tables of numbers of a trajectory's report page."""

from __future__ import annotations

from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import Column, Row, Table, name, sentence
from interfere.report._page_tables import badge, interval
from interfere.report._run_tables import any_count, cosine, decimal
from interfere.report._tables import VERDICTS
from interfere.report._trajectory_tables import (
    UNDETERMINED,
    by_step,
    change_rows,
    checkpoint_rows,
    group_rows,
    pair_rows,
    self_rows,
    verdict_counts,
)
from interfere.results import Result

_PAIR_NAME = 28
_WORDS = ("checkpoint", "second moments", "pair", "language", "verdict", "why undetermined", "SHA-256 of the weights")


def _head(*names: str) -> list[Column]:
    return [Column(column, words=column in _WORDS) for column in names]


def checkpoints_table(result: Result, metric: str, caption: str) -> Table:
    """One row per checkpoint."""
    pairs = pair_rows(result, metric)
    counts, means = verdict_counts(pairs), by_step(pairs, self_rows(result, metric))
    shares = group_rows(result, metric).drop_duplicates("step").set_index("step")["common_share"]
    rows = checkpoint_rows(result)
    moments, timed = bool((rows["second_moments"] != "").any()), bool(rows["seconds"].notna().any())
    hashed = bool((rows["weights_sha256"] != "").any())
    head = ["step", "checkpoint", *VERDICTS, "corrected", "raw", "self-similarity", "common share", "loss"]
    head += ["second moments"] * moments + ["seconds"] * timed + ["SHA-256 of the weights"] * hashed
    out = []
    for _, row in rows.iterrows():
        step = row["step"]
        if step not in counts.index:
            continue
        mean = means.loc[step]
        cells = [any_count(step), name(row["checkpoint"]), *(any_count(counts.loc[step, v]) for v in VERDICTS)]
        cells += [cosine(mean[c]) for c in ("clipped", "cosine", "self_similarity")]
        cells += [decimal(shares.get(step)), decimal(mean["loss"])]
        cells += [text.safe_text(row["second_moments"])] * moments + [decimal(row["seconds"])] * timed
        cells += [Markup("<code>{}</code>").format(text.safe_text(row["weights_sha256"])[:16])] * hashed
        out.append(Row(cells))
    return Table(caption, _head(*head), out)


def changes_table(result: Result, metric: str, caption: str) -> Table:
    """One row per pair: the first step and the last one."""
    names = text.short_names(result.languages, _PAIR_NAME)
    head = ("pair", "first", "last", "difference", "95% interval", "p", "q", "verdict", "in conflict")
    out = []
    for _, row in change_rows(result, metric).iterrows():
        low, high = decimal(row["ci_low"]), decimal(row["ci_high"])
        cells = (
            Markup("{} · {}").format(name(names[row["a"]]), name(names[row["b"]])),
            cosine(row["corrected_first"]),
            cosine(row["corrected_last"]),
            decimal(row["change"]),
            text.UNKNOWN if text.UNKNOWN in (low, high) else f"{low} to {high}",
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            row["verdict"],
            f"{any_count(row['conflicts'])} of {any_count(row['checkpoints'])}",
            any_count(row["first_conflict"]),
            sentence(row["reason"], result.languages) if row["verdict"] == UNDETERMINED else "",
        )
        out.append(Row(cells, UNDETERMINED if row["verdict"] == UNDETERMINED else ""))
    return Table(caption, _head(*head, "first in conflict", "why undetermined"), out)


def pairs_table(result: Result, metric: str, caption: str) -> Table:
    """One row per step and pair."""
    names = text.short_names(result.languages, _PAIR_NAME)
    out = []
    for _, row in pair_rows(result, metric).iterrows():
        cells = (
            any_count(row["step"]),
            Markup("{} · {}").format(name(names[row["a"]]), name(names[row["b"]])),
            cosine(row["cosine"]),
            cosine(row["corrected"]),
            interval(row),
            text.probability(row["q_value"]),
            badge(row["verdict"]),
        )
        out.append(Row(cells, row["verdict"]))
    return Table(caption, _head("step", "pair", "raw", "corrected", "95% interval", "q", "verdict"), out)


def languages_table(result: Result, metric: str, caption: str) -> Table:
    """One row per step and language."""
    out = [
        Row(
            (
                any_count(row["step"]),
                name(row["language"]),
                cosine(row["self_similarity"]),
                interval(row),
                decimal(row["norm"], 4),
                decimal(row["loss"]),
                any_count(row["tokens"]),
            )
        )
        for _, row in self_rows(result, metric).iterrows()
    ]
    return Table(caption, _head("step", "language", "self-similarity", "95% interval", "norm", "loss", "tokens"), out)
