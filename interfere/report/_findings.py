"""What a result says, in sentences that claim no more than the verdicts do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._tables import (
    BODY,
    VERDICTS,
    group_names,
    group_noun,
    group_rows,
    metrics,
    pair_rows,
    scope_phrase,
    self_rows,
)
from interfere.results import Result
from interfere.statistics import UNSEEN

_SHOWN = 5
_SMALL = 0.1  # a verdict tells which side of 0 a cosine is on; how many are this near to it is said beside
_SHARED = 0.9  # a common share above this is read as one shift asked by all
_MANY = 4  # with fewer languages the common share is hardly more than their mean cosine
_OPTIMUM = 0.25  # times 1/L, the share of L unrelated languages: below this the mixture is read as at its optimum


def gradients_findings(result: Result) -> list[str]:
    """What was found, in plain sentences with numbers and their uncertainty, the most important first.

    The first sentence is about conflict; then how many verdicts are near 0, the highest and the lowest pair, where in
    the model, the other metrics, the same-language ceiling, what is undetermined and how much text would settle it, how
    to read the cosines given the common share, and the sketch's error. Warnings are not repeated. Cosines are clipped
    to [-1, 1].

    Args:
        result: of kind `gradients`.

    Returns:
        Sentences whose names are harmless and short (`safe_text`), but not escaped for HTML.
    """
    metric = metrics(result)[0]
    rows = pair_rows(result, metric)
    body = rows[rows["group"] == BODY]
    names = text.short_names(result.languages, 40)
    out = [_headline(result, body, names), _sizes(body), _extremes(body, names)]
    out.append(_layers(result, rows, metric, names))
    out += [_other_metric(result, other, names) for other in metrics(result)[1:]]
    out += [_ceiling(result, metric, names), _undetermined(body), _settle(result, body), _reading(result, metric)]
    out.append(_sketch(result, metric))
    return [sentence for sentence in out if sentence]


def open_questions(result: Result) -> list[str]:
    """Those of `findings` that say what the main metric leaves undetermined over the body, and what would settle it."""
    body = pair_rows(result, metrics(result)[0], BODY)
    return [sentence for sentence in (_undetermined(body), _settle(result, body)) if sentence]


def conflict_list(result: Result, most: int = 10) -> list[str]:
    """The pairs in conflict over the body in the main metric with their numbers, the strongest first.

    Args:
        result: of kind `gradients`.
        most: pairs that are named; a last item says how many there are beyond.
    """
    body = pair_rows(result, metrics(result)[0], BODY)
    rows = body[(body["verdict"] == "conflict") & body["determined"]]
    rows = rows.sort_values(["corrected", "a", "b"], kind="stable")
    names = text.short_names(result.languages, 40)
    out = [f"{_pair(row, names)}: {_number(row, q=True)}" for _, row in rows.head(most).iterrows()]
    return [*out, f"and {len(rows) - most:,} more"] if len(rows) > most else out


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _be(n: int) -> str:
    return "is" if n == 1 else "are"


def _pair(row: pd.Series, names: dict[str, str]) -> str:
    return f"{names[row['a']]} and {names[row['b']]}"


def _number(row: pd.Series, *, q: bool = False) -> str:
    interval = f"95% interval {text.cosine(row['ci_low'])} to {text.cosine(row['ci_high'])}"
    if not (np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"])):
        interval = "no interval"
    if q and np.isfinite(row["q_value"]):
        shown = text.probability(row["q_value"])
        interval += f", q {shown}" if shown.startswith("<") else f", q = {shown}"
    return f"{text.cosine(row['corrected'])} ({interval})"


def _lowest(rows: pd.DataFrame) -> pd.Series:
    return rows.sort_values(["corrected", "a", "b"], kind="stable").iloc[0]


def _verdict_counts(rows: pd.DataFrame) -> dict[str, int]:
    counts = {v: int(((rows["verdict"] == v) & rows["determined"]).sum()) for v in VERDICTS[:3]}
    return {**counts, "undetermined": len(rows) - sum(counts.values())}


def _counted(rows: pd.DataFrame, leave_out: str = "") -> str:
    parts = [f"{n:,} {v}" for v, n in _verdict_counts(rows).items() if n and v != leave_out]
    return ", ".join(parts)


def _headline(result: Result, body: pd.DataFrame, names: dict[str, str]) -> str:
    where, counts = scope_phrase(result), _verdict_counts(body)
    if body.empty:
        return f"There are no pairs of languages over {where}."
    if counts["conflict"]:
        worst = _lowest(body[(body["verdict"] == "conflict") & body["determined"]])
        n = counts["conflict"]
        others = _counted(body, "conflict")
        if len(body) == 1:
            only = f"The only pair, {_pair(worst, names)}, is in conflict over {where}"
            return f"{only}: corrected cosine {_number(worst, q=True)}."
        return (
            f"{n:,} of {_plural(len(body), 'pair')} {_be(n)} in conflict over {where}"
            f"{f' (the others: {others})' if others else ''}; "
            f"the strongest is {_pair(worst, names)}, corrected cosine {_number(worst, q=True)}."
        )
    if counts["undetermined"] == len(body):
        what = "the only pair is" if len(body) == 1 else f"all {len(body):,} pairs are"
        return f"Nothing can be said about conflict over {where}: {what} undetermined."
    return f"No conflict was found over {where}: of {_plural(len(body), 'pair')}, {_counted(body)}."


def _sizes(body: pd.DataFrame) -> str:
    known = body[body["determined"] & body["verdict"].isin(["conflict", "aligned"])]
    small = int((known["corrected"].abs() < _SMALL).sum())
    if not small or len(known) < 2:
        return ""
    return (
        f"A verdict says on which side of 0 a pair lies, not how far from it: of the {len(known):,} pairs on either "
        f"side {small:,} {_be(small)} within ±{_SMALL:.2f}."
    )


def _extremes(body: pd.DataFrame, names: dict[str, str]) -> str:
    known = body[body["determined"]]
    if known.empty:
        return ""
    ranked = known.sort_values(["corrected", "a", "b"], kind="stable")
    low, high = ranked.iloc[0], ranked.iloc[-1]
    if len(known) == 1:
        if high["verdict"] == "conflict":
            return ""  # the headline has named it
        only = "The only pair that is determined" if len(body) > 1 else "The pair"
        return f"{only}, {_pair(high, names)}, is {high['verdict']}: corrected cosine {_number(high, q=True)}."
    if high["verdict"] == "aligned":
        first = f"The most aligned pair is {_pair(high, names)}, corrected cosine {_number(high, q=True)}"
    else:
        first = (
            f"No pair is aligned for sure; the highest determined corrected cosine is that of {_pair(high, names)}, "
            f"{_number(high)}, {high['verdict']}"
        )
    if low["verdict"] == "conflict":
        return first + "."
    return f"{first}; the lowest of those determined is {_pair(low, names)}, {_number(low)}, {low['verdict']}."


def _layers(result: Result, rows: pd.DataFrame, metric: str, names: dict[str, str]) -> str:
    groups, noun = group_names(result, metric), group_noun(result)
    if not groups:
        return ""
    below = rows[rows["group"] != BODY]
    open_cells = int((~below["determined"]).sum())
    if open_cells == len(below):
        return f"Nothing is determined in any {noun}: all {len(below):,} combinations of pair and {noun} are open."
    conflicts = below[(below["verdict"] == "conflict") & below["determined"]]
    unseen = int(below["reason"].astype(str).str.startswith(UNSEEN).sum())
    still = f"{open_cells:,} of {len(below):,} combinations of pair and {noun} are undetermined"
    still += f" ({unseen:,} of them unseen: too few chunks reached the expert)" if unseen else ""
    rest = f"; {still}." if open_cells else "."
    if conflicts.empty:
        return f"No conflict was found in any of {_plural(len(groups), noun)}{rest}"
    counts = Counter(conflicts["group"])
    ranked = sorted(counts, key=lambda g: (-counts[g], groups.index(g)))[:_SHOWN]
    shown = text.short_names(groups, 40, keep="end")
    more = len(counts) - len(ranked)
    listed = ", ".join(f"{shown[g]} ({_plural(counts[g], 'pair')})" for g in ranked)
    worst = _lowest(conflicts)
    return (
        f"Conflict appears in {len(counts):,} of {_plural(len(groups), noun)}: {listed}"
        f"{f' and {more:,} more' if more else ''}; the strongest is {_pair(worst, names)} in "
        f"{shown[worst['group']]}{_weight(result, metric, worst['group'])}, {_number(worst, q=True)}{rest}"
    )


def _weight(result: Result, metric: str, group: str) -> str:
    """How much of the gradient a group is, in brackets: the strongest conflict is often that of a small one."""
    table = result.tables["self"]
    shares = table.loc[(table["metric"] == metric) & (table["group"] == group), "norm_share"].dropna()
    return "" if shares.empty else f" (which has {text.share(float(shares.mean()))} of the squared gradient norm)"


def _other_metric(result: Result, metric: str, names: dict[str, str]) -> str:
    body = pair_rows(result, metric, BODY)
    if body.empty:
        return ""
    sentence = f"In the {text.safe_text(metric)} metric: {_counted(body)}"
    conflicts = body[(body["verdict"] == "conflict") & body["determined"]]
    if not conflicts.empty:
        worst = _lowest(conflicts)
        sentence += f"; the strongest conflict is {_pair(worst, names)}, {_number(worst, q=True)}"
    return sentence + "."


def _ceiling(result: Result, metric: str, names: dict[str, str]) -> str:
    table = self_rows(result, metric)
    # No norm means that dot(l, l) is not above 0: there is no signal of which a share could be told.
    silent = table[~(np.isfinite(table["norm"]) & np.isfinite(table["self_similarity"]))]
    known = table.drop(silent.index)
    parts = []
    if not known.empty:
        low = known.sort_values(["self_similarity", "language"], kind="stable").iloc[0]
        bounds = ""
        if np.isfinite(low["ci_low"]) and np.isfinite(low["ci_high"]):
            bounds = f" (95% interval {text.cosine(low['ci_low'])} to {text.cosine(low['ci_high'])})"
        name = names[low["language"]]
        parts.append(
            f"The lowest same-language ceiling is that of {name}: self-similarity "
            f"{text.cosine(low['self_similarity'])}{bounds}, which is about the raw cosine that {name} has with itself."
        )
    if not silent.empty:
        who = sorted(names[language] for language in silent["language"])
        listed = ", ".join(who[:_SHOWN]) + (f" and {len(who) - _SHOWN:,} more" if len(who) > _SHOWN else "")
        parts.append(f"No gradient could be told from noise for {_plural(len(who), 'language')}: {listed}.")
    return " ".join(parts)


def _undetermined(body: pd.DataFrame) -> str:
    rows = body[~body["determined"]]
    if rows.empty:
        return ""
    given = [text.safe_text(r).strip().rstrip(".") if isinstance(r, str) else "" for r in rows["reason"]]
    reasons = sorted(Counter(r or "no reason given" for r in given).items(), key=lambda item: (-item[1], item[0]))
    counted = len(reasons) > 1
    listed = "; ".join(f"{reason} ({n:,})" if counted else reason for reason, n in reasons[:_SHOWN])
    rest = sum(n for _, n in reasons[_SHOWN:])
    return (
        f"{len(rows):,} of {_plural(len(body), 'pair')} {_be(len(rows))} undetermined: {listed}"
        f"{f'; other reasons ({rest:,})' if rest else ''}."
    )


def _settle(result: Result, body: pd.DataFrame) -> str:
    rows = body[~body["determined"]]
    needed = rows.loc[np.isfinite(rows["tokens_to_settle"]) & (rows["tokens_to_settle"] > 0), "tokens_to_settle"]
    if rows.empty:
        return ""
    if needed.empty:
        return "How much more text would settle what is undetermined cannot be estimated from this run."
    most, middle = text.about(float(needed.max())), text.about(float(np.quantile(needed, 0.5, method="higher")))
    unknown = len(rows) - len(needed)
    of_these = _plural(len(needed), "undetermined pair")
    predicted = text.predictions(result.model.get("objective"))
    if most == middle:
        which = (
            "one undetermined pair" if len(needed) == 1 < len(rows) else "it" if len(needed) == 1 else f"the {of_these}"
        )
        sentence = f"About {most} more {predicted} per language should settle {which}"
    else:
        sentence = (
            f"About {middle} more {predicted} per language should settle half of {of_these}, about {most} all of them"
        )
    if all(facts.get("unused") for facts in result.data.values()):
        sentence += " (there is text that was not needed: raise --tokens-per-chunk)"
    # Only the pairs with an estimate are counted in "all": the rest must not be swept along.
    return sentence + (f"; for {unknown:,} more no number can be given." if unknown else ".")


def _reading(result: Result, metric: str) -> str:
    table = group_rows(result, metric)
    table = table[table["group"] == BODY]
    if table.empty:
        return ""
    share, residual = float(table["common_share"].iloc[0]), float(table["mixture_residual"].iloc[0])
    if not np.isfinite(share) and not np.isfinite(residual):
        return "How much of what the languages ask is common to all (common share) could not be estimated."
    numbers = f"Common share {text.number(share)}"
    if result.settings.get("mixture"):
        numbers += f", mixture residual {text.number(residual)}"
    own = self_rows(result, metric)
    sure = int((own["ci_low"] > 0).sum())
    if share > 1 or 2 * sure < len(own):
        return (
            f"{numbers}: not to be read, since only {sure:,} of {_plural(len(own), 'language')} "
            f"{'has' if sure == 1 else 'have'} a gradient that is surely above its noise."
        )
    numbers += ": "
    if share >= _SHARED:
        return (
            f"{numbers}nearly all that the languages ask of the model is the same, as it is on text far from the "
            "training mixture; all of them then look aligned, and the centred cosines tell them apart."
        )
    if residual <= _OPTIMUM / len(result.languages):
        return (
            f"{numbers}the model stands near the optimum of the mixture, where languages oppose each other by "
            "construction, whatever they are; a negative cosine alone is then no sign of interference."
        )
    few = "; of so few languages it says little more than their cosines do" if len(result.languages) < _MANY else ""
    return (
        f"{numbers}neither near 1, one shift that all languages ask for, nor near 0, the optimum of the mixture, "
        "either of which would hide the languages; a cosine is meaningful between them. Languages that have nothing in "
        f"common give {1 / len(result.languages):.2f}{few}."
    )


def _sketch(result: Result, metric: str) -> str:
    table = group_rows(result, metric)
    error = table.loc[np.isfinite(table["sketch_error"]), ["group", "sketch_error"]]
    if result.settings.get("gram") != "sketch" or error.empty:
        return ""
    body, typical = error.loc[error["group"] == BODY, "sketch_error"], float(error["sketch_error"].median())
    at_body = f"{body.iloc[0]:.2g} over {scope_phrase(result)}, " if not body.empty else ""
    return (
        f"Gradients were sketched, with an estimated error in a corrected cosine of {at_body}typically "
        f"{typical:.2g} in a group; the intervals include it."
    )
