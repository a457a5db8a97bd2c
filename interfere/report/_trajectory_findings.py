"""What a trajectory says, in sentences that claim no more than its verdicts and intervals do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_words import many
from interfere.report._tables import scope_phrase
from interfere.report._trajectory_tables import (
    HIGHER,
    LOWER,
    UNDETERMINED,
    by_step,
    change_rows,
    group_rows,
    metrics,
    pair_rows,
    self_rows,
    steps,
    verdict_counts,
)
from interfere.report._trajectory_words import main_metric, pair, span, step_name
from interfere.results import Result

_NAME = 40
_SHOWN = 5


def trajectory_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    Args:
        result: of kind `trajectory`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    metric, names = main_metric(result), text.short_names(result.languages, _NAME)
    rows = pair_rows(result, metric)
    if rows.empty:
        return ["There are no pairs of languages."]
    out = [_headline(result, rows, names), _onsets(result, rows, names), _last(rows, names)]
    out += [_changes(result, metric, names), _means(result, rows, metric), _shares(result, metric)]
    out += [_other(result, other) for other in metrics(result)[1:]]
    return [sentence for sentence in out if sentence]


def trajectory_open(result: Result) -> list[str]:
    """What the run does not tell."""
    metric, names = main_metric(result), text.short_names(result.languages, _NAME)
    rows = pair_rows(result, metric)
    out = []
    last = rows[rows["step"] == rows["step"].max()]
    open_ = last[last["verdict"] == UNDETERMINED]
    if len(open_):
        shown = ", ".join(pair(row, names) for _, row in open_.head(_SHOWN).iterrows())
        more = f" and {len(open_) - _SHOWN:,} more" if len(open_) > _SHOWN else ""
        out.append(
            f"At the last step {len(open_):,} of {many(len(last), 'pair')} "
            f"{'is' if len(open_) == 1 else 'are'} undetermined: {shown}{more}."
        )
    changes = change_rows(result, metric)
    reasons = Counter(text.safe_text(r) for r in changes.loc[changes["verdict"] == UNDETERMINED, "reason"] if r)
    if reasons and len(steps(result)) > 1:
        listed = "; ".join(f"{reason} ({n:,})" for reason, n in reasons.most_common(_SHOWN))
        out.append(f"Whether these changed from the first step to the last one is open: {listed}.")
    return out


def trajectory_caveats(result: Result) -> list[str]:
    """What no run of this kind tells."""
    out = [
        "q and verdicts are of each checkpoint by itself. Of many checkpoints some will show a conflict that is none: "
        "a verdict that comes and goes is no finding, and the first step at which a pair is in conflict is not "
        "corrected for the number of steps that were looked at.",
        "All checkpoints read the same text, so what is peculiar to it is in all of them: lines that wander together "
        "are not so many independent observations. The intervals of differences allow for that.",
        "Whether sharing the model costs a language quality: that directions are opposed says where to look, and not "
        "how much is lost.",
    ]
    if len(steps(result)) > 2:
        out.append("What was between the checkpoints was not looked at; lines only connect the points.")
    return out


def _headline(result: Result, rows: pd.DataFrame, names: dict[str, str]) -> str:
    where, every = scope_phrase(result), len(rows[["a", "b"]].drop_duplicates())
    conflicts = rows[rows["verdict"] == "conflict"]
    moments = many(len(steps(result)), "checkpoint")
    if conflicts.empty:
        if (rows["verdict"] == UNDETERMINED).all():
            return f"Nothing can be said about conflict over {where} at any of {moments} ({span(result)})."
        return f"No conflict was found over {where} at any of {moments} ({span(result)})."
    ever = len(conflicts[["a", "b"]].drop_duplicates())
    counts = verdict_counts(rows)["conflict"]
    worst = conflicts.sort_values(["clipped", "a", "b"], kind="stable").iloc[0]
    return (
        f"{ever:,} of {many(every, 'pair')} {'was' if ever == 1 else 'were'} in conflict over {where} at one of "
        f"{moments} at least ({span(result)}): {int(counts.iloc[0]):,} at the first, {int(counts.iloc[-1]):,} at the "
        f"last; the strongest was {pair(worst, names)} at {step_name(worst['step'])}, corrected cosine "
        f"{_number(worst)}."
    )


def _onsets(result: Result, rows: pd.DataFrame, names: dict[str, str]) -> str:
    """From which step on pairs stayed in conflict."""
    every = steps(result)
    lasting = []
    for (a, b), own in rows.groupby(["a", "b"], sort=True):
        verdicts = list(own["verdict"])
        back = next((i for i, v in enumerate(reversed(verdicts)) if v != "conflict"), len(verdicts))
        if back >= 2:
            lasting.append((every[len(verdicts) - back], a, b))
    if not lasting:
        return ""
    lasting.sort()
    shown = ", ".join(f"{names[str(a)]} and {names[str(b)]} from {step_name(s)} on" for s, a, b in lasting[:_SHOWN])
    more = f", and {len(lasting) - _SHOWN:,} more" if len(lasting) > _SHOWN else ""
    return f"In conflict at every checkpoint up to the last one: {shown}{more}."


def _last(rows: pd.DataFrame, names: dict[str, str]) -> str:
    last = rows[(rows["step"] == rows["step"].max()) & rows["determined"]]
    ranked = last.sort_values(["corrected", "a", "b"], kind="stable")
    if ranked.empty:
        return ""
    low, high = ranked.iloc[0], ranked.iloc[-1]
    if len(ranked) == 1:
        return f"At the last step {pair(low, names)} have a corrected cosine of {_number(low)}, {low['verdict']}."
    return (
        f"At the last step the corrected cosines that are determined go from {_number(low)} for {pair(low, names)} to "
        f"{_number(high)} for {pair(high, names)}."
    )


def _changes(result: Result, metric: str, names: dict[str, str]) -> str:
    rows = change_rows(result, metric)
    if len(steps(result)) < 2 or rows.empty:
        return ""
    counts = Counter(rows["verdict"])
    if not counts[HIGHER] and not counts[LOWER]:
        which = "the pair" if len(rows) == 1 else f"any of {len(rows):,} pairs"
        return f"From the first step to the last one no change of the corrected cosine of {which} could be shown."
    parts = []
    for verdict, words, end in ((LOWER, "fell", 0), (HIGHER, "rose", -1)):
        own = rows[rows["verdict"] == verdict]
        if len(own):
            most = own.iloc[end]
            parts.append(
                f"{len(own):,} {words}, most of all {pair(most, names)}, from {text.cosine(most['corrected_first'])} "
                f"to {text.cosine(most['corrected_last'])} (difference {text.number(most['change'])}, 95% interval "
                f"{text.number(most['ci_low'])} to {text.number(most['ci_high'])})"
            )
    rest = counts[UNDETERMINED]
    return (
        f"From the first step to the last one, of {many(len(rows), 'pair')} {'; '.join(parts)}"
        f"{f'; of {rest:,} neither could be shown' if rest else ''}."
    )


def _means(result: Result, rows: pd.DataFrame, metric: str) -> str:
    means = by_step(rows, self_rows(result, metric)).iloc[[0, -1]]
    if len(steps(result)) < 2:
        row = means.iloc[0]
        return (
            f"The mean corrected cosine is {text.cosine(row['clipped'])} and the mean raw one "
            f"{text.cosine(row['cosine'])}, below a mean self-similarity of {text.cosine(row['self_similarity'])}."
        )
    said = [
        f"the mean {what} went from {' to '.join(text.cosine(v) for v in means[column])}"
        for column, what in (
            ("clipped", "corrected cosine"),
            ("cosine", "raw cosine"),
            ("self_similarity", "self-similarity"),
        )
    ]
    loss = f"; the mean loss from {' to '.join(text.number(v) for v in means['loss'])}"
    return (
        f"Over the training {said[0]}, {said[1]}, and {said[2]}, the ceiling of raw cosines{loss}. Raw cosines move "
        "with that ceiling, corrected ones need not."
    )


def _shares(result: Result, metric: str) -> str:
    rows = group_rows(result, metric)
    known = rows[np.isfinite(rows["common_share"])]
    if known.empty:
        return ""
    ends = known.iloc[[0, -1]]["common_share"] if len(known) > 1 else known["common_share"]
    said = " to ".join(text.number(v) for v in ends)
    at = f"goes from {said}" if len(known) > 1 else f"is {said}"
    return (
        f"The common share, how much of what the languages ask is the same, {at}; languages with nothing in common "
        f"have {1 / len(result.languages):.2f}. Where it is near 1 all look aligned, and near the optimum of the "
        "mixture all look opposed, whatever they are."
    )


def _other(result: Result, metric: str) -> str:
    rows = pair_rows(result, metric)
    if rows.empty:
        return ""
    counts = verdict_counts(rows)
    first, last = (int(v) for v in counts["conflict"].iloc[[0, -1]])
    ever = len(rows[rows["verdict"] == "conflict"][["a", "b"]].drop_duplicates())
    return (
        f"In the {text.safe_text(metric)} metric {many(ever, 'pair')} {'was' if ever == 1 else 'were'} in conflict at "
        f"some checkpoint, {first:,} at the first and {last:,} at the last."
    )


def _number(row: pd.Series) -> str:
    if not (np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"])):
        return f"{text.cosine(row['corrected'])} (no interval)"
    return (
        f"{text.cosine(row['corrected'])} (95% interval {text.cosine(row['ci_low'])} to {text.cosine(row['ci_high'])})"
    )
