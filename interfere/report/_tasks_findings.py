"""What a tasks result says, in sentences that claim no more than its tests do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_words import capital, listed, many
from interfere.report._tasks_open import tasks_caveats, tasks_open
from interfere.report._tasks_tables import (
    BETTER,
    MONOLINGUAL,
    UNDETERMINED,
    VERDICTS,
    WORSE,
    delta_rows,
    metric,
    multilinguals,
    own_scores,
    score_rows,
    shown_models,
    sources,
    within,
    zero_shot,
)
from interfere.report._tasks_words import difference, few, model_phrase, score, span
from interfere.results import Result

_SHOWN = 8
_FEW = 3  # languages whose numbers are all named where nothing was shown


def tasks_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    First in how many languages each multilingual model is better or worse than monolingual ones, fine-tuned and tested
    on one language; then transfer without training in the language of the test, how far that is below training in it,
    scores, and what this run does not tell. Warnings are not repeated.

    Args:
        result: of kind `tasks`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    models, names = multilinguals(result), text.short_names(result.languages, 40)
    out = [headline(result, model) for model in models]
    out.append(_same(result, names))
    for model in models:
        out += [transfer(result, model), _gap(result, model, names), _against(result, model)]
    out.append(_scores(result, names))
    return [*(sentence for sentence in out if sentence), *tasks_open(result), *tasks_caveats(result)]


def headline(result: Result, multilingual: str) -> str:
    """In how many languages a model is better or worse within the language, and where most."""
    rows, names = within(delta_rows(result, multilingual)), text.short_names(result.languages, 40)
    who, n = model_phrase(result, multilingual, first=True), len(rows)
    if not n:
        return f"{who} has no monolingual model to be compared with."
    than = f"than the monolingual {'model' if n == 1 else 'models'}"
    setting = "fine-tuned and tested in one language"
    counts = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS}
    found = [verdict for verdict in (BETTER, WORSE) if counts[verdict]]
    if not found:
        own = rows[rows["known"] & ~rows["same"]]
        numbers = "; ".join(f"{names[row['test']]} {difference(row)}" for _, row in own.iterrows())
        where = ("any of " if n > 1 else "") + many(n, "language")
        where += f": {numbers}" if numbers and n <= _FEW else ""
        return f"{who} could not be shown to be better or worse {than}, {setting}, in {where}."
    said = listed([f"{verdict} in {'all ' * (counts[verdict] == n > 1)}{counts[verdict]:,}" for verdict in found])
    of = f" of {n:,}" if counts[found[0]] < n else ""
    rest = counts[UNDETERMINED]
    rest_said = f"; {rest:,} {'is' if rest == 1 else 'are'} undetermined" if rest else ""
    ends = []
    for verdict in found:
        own = rows[rows["verdict"] == verdict]
        row = own.iloc[0 if verdict == BETTER else -1]
        most = "most in " if len(own) > 1 else "in "
        ends.append(f"{verdict} {most}{names[row['test']]}, {difference(row)}")
    return (
        f"{who} is {said}{of} {'language' if n == 1 else 'languages'} {than}, {setting} (q ≤ 0.05){rest_said}. By "
        f"{metric(result)} it is {'; '.join(ends)}."
    )


def transfer(result: Result, multilingual: str) -> str:
    """How often scores without training in the language of the test are above the baseline."""
    rows = zero_shot(score_rows(result, multilingual))
    rows = rows[rows["known"]]
    if rows.empty:
        return ""
    sure, n = int(rows["sure"].sum()), len(rows)
    if not _has_intervals(rows):
        return (
            f"Zero-shot, fine-tuned in one language and tested in another, the {metric(result)} of "
            f"{model_phrase(result, multilingual)} could not be held against a baseline: there are no intervals."
        )
    pairs = "the only pair" if n == 1 else f"{'all' if sure == n else f'{sure:,} of'} {n:,} pairs"
    pairs = "none of " + many(n, "pair") if not sure else pairs
    return (
        f"Zero-shot, fine-tuned in one language and tested in another, the {metric(result)} of "
        f"{model_phrase(result, multilingual)} is surely above that of always giving the most frequent training label "
        f"in {pairs} of languages (each by its own interval).{_named(result, multilingual)}"
    )


def _named(result: Result, multilingual: str) -> str:
    """The best source of each language of the test, and the worst where it is surely above the baseline too."""
    names, said, several = text.short_names(result.languages, 40), [], False
    for test, rows in sources(score_rows(result, multilingual)).items():
        sure = rows[rows["sure"]]
        ends = [f"{names[row['train']]} {text.number(row['score'], 3)}" for _, row in sure.iterrows()]
        several |= len(ends) > 1
        if ends:
            said.append(f"{names[test]} from {ends[0]}" + (f" ({ends[-1]})" if len(ends) > 1 else ""))
    if not said:
        return ""
    more = f"; and {len(said) - _SHOWN:,} more in the table task_scores" if len(said) > _SHOWN else ""
    worst = " (and in brackets the worst)" if several else ""
    return f" The best source of those{worst}: {'; '.join(said[:_SHOWN])}{more}."


def transfer_list(result: Result, multilingual: str, most: int = 12) -> list[str]:
    """For each language of the test, the best and the worst of the languages that are surely above the baseline.

    Args:
        result: of kind `tasks`.
        multilingual: the model.
        most: languages of the test that are named; with more there is nothing, as a table has them.
    """
    found, names = sources(score_rows(result, multilingual)), text.short_names(result.languages, 40)
    return [_ends(names[test], own, names) for test, own in found.items()] if len(found) <= most else []


def _ends(test: str, rows: pd.DataFrame, names: dict[str, str]) -> str:
    sure = rows[rows["sure"]]
    if sure.empty:
        return f"{test}: from no language surely above the baseline"
    best, worst = sure.iloc[0], sure.iloc[-1]
    if len(sure) == 1:
        only = "the only source" if len(rows) == 1 else f"the only one of {len(rows):,} sources above the baseline"
        return f"{test}: from {names[best['train']]}, {score(best)}, {only}"
    apart = "apart" if best["ci_low"] > worst["ci_high"] else "not apart"
    rest = f"; {len(sure):,} of {len(rows):,} sources above the baseline" if len(sure) < len(rows) else ""
    return (
        f"{test}: best from {names[best['train']]}, {score(best)}; worst from {names[worst['train']]}, {score(worst)}; "
        f"the two intervals are {apart}{rest}"
    )


def _gap(result: Result, multilingual: str, names: dict[str, str]) -> str:
    """How far scores without training in the language are below those with it."""
    rows = score_rows(result, multilingual)
    own, found = own_scores(rows), sources(rows)
    both = [test for test in found if test in own]
    if not both:
        return ""
    below = sum(int((found[test]["ci_high"] < own[test]["ci_low"]).sum()) for test in both)
    pairs = sum(len(found[test]) for test in both)
    gaps = {test: own[test]["score"] - found[test]["score"] for test in both}
    mean = {test: float(gap.mean()) for test, gap in gaps.items()}
    least = {test: float(gap.min()) for test, gap in gaps.items()}
    far, near = max(mean, key=lambda test: mean[test]), min(mean, key=lambda test: mean[test])
    what, who = metric(result), model_phrase(result, multilingual)
    if len(both) == 1:
        amount = f"is {_away(mean[far])} that of fine-tuning in {names[far]} itself"
    else:
        amount = (
            "is on average over sources and languages "
            f"{_away(float(np.mean(list(mean.values()))))} that of fine-tuning in the language of the test itself, "
            f"from {_away(mean[near])} ({names[near]}) to {_away(mean[far])} ({names[far]})"
        )
    best = f"; with each language's best source {_away(float(np.mean(list(least.values()))))}" if pairs > 2 else ""
    sure = (
        f"; surely below (the intervals are apart) in {below:,} of {many(pairs, 'pair')}"
        if _has_intervals(rows)
        else ""
    )
    return f"Zero-shot {what} of {who} {amount}{best}{sure}."


def _away(gap: float) -> str:
    shown = text.number(abs(gap), 3)
    return f"{shown} {'below' if gap >= 0 else 'above'}"


def _against(result: Result, multilingual: str) -> str:
    """Zero-shot scores beside those of monolingual models."""
    rows = zero_shot(delta_rows(result, multilingual))
    if rows.empty or not np.isfinite(rows["q_value"]).any():
        return ""
    counted = {verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS}
    counts = listed([f"{verdict} in {count:,}" for verdict, count in counted.items() if count])
    return (
        f"Zero-shot, {model_phrase(result, multilingual)} against the monolingual model of the language of fine-tuning "
        f"is {counts} of {many(len(rows), 'pair')}. A monolingual model was not made to know the language of the test: "
        "such a difference speaks of transfer, and hardly of interference."
    )


def _same(result: Result, names: dict[str, str]) -> str:
    """Languages in which two models answer alike throughout."""
    same = dict.fromkeys(
        str(test) for model in multilinguals(result) for test in within(delta_rows(result, model)).query("same")["test"]
    )
    if not same:
        return ""
    return (
        f"In {few([names[language] for language in same])} a multilingual and the monolingual model are right and "
        "wrong in the very same places: perhaps they are one model, or neither learnt the task, so that Δ = 0 says "
        "nothing of sharing."
    )


def _scores(result: Result, names: dict[str, str]) -> str:
    """The range of scores within languages."""
    models, shown = multilinguals(result), shown_models(result)
    said = []
    for model in models[:_SHOWN]:
        own = span(within(score_rows(result, model)), names)
        said += [f"{'the multilingual model' if len(models) == 1 else shown[model]} {own}"] if own else []
    rows = within(score_rows(result, role=MONOLINGUAL))
    other = span(rows, names)
    said += [f"the monolingual {'model' if len(rows) == 1 else 'models'} {other}"] if other else []
    every = pd.concat([score_rows(result), score_rows(result, role=MONOLINGUAL)])
    none = "" if _has_intervals(every) else " There are no intervals."
    return f"{capital(metric(result))} within a language: {'; '.join(said)}.{none}" if said else ""


def _has_intervals(rows: pd.DataFrame) -> bool:
    return bool((np.isfinite(rows["ci_low"]) & np.isfinite(rows["ci_high"])).any())
