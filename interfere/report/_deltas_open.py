"""What a deltas run does not tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._deltas_tables import UNDETERMINED, delta_rows, multilinguals, percent, percent_digits
from interfere.report._deltas_words import model_phrase
from interfere.report._importance_words import listed, many
from interfere.results import Result

_SHOWN = 5


def deltas_caveats(result: Result) -> list[str]:
    """What no run of this kind tells."""
    return [
        "Two given checkpoints differ in more than in sharing a model (data, size, tokenizer, length of training, "
        "seed), so worse is not yet interference and better is not yet transfer. Matched models can tell (interfere "
        "experiment).",
        "Intervals are over documents and not over training runs: two runs that differ in nothing but their seed may "
        "differ by more than these intervals say.",
        "Bits per byte of masked LMs are pseudo-likelihoods, in which a token is predicted from both sides, and those "
        "of span corruption are of the same kind; neither is comparable with the bits per byte of causal LMs.",
        "Held-out text must be new to every model: one that was trained on it looks better than it is. Checkpoints do "
        "not show whether they were.",
    ]


def deltas_open(result: Result) -> list[str]:
    """What the run does not tell, and what would."""
    names, out = text.short_names(result.languages, 40), []
    for model in multilinguals(result):
        rows = delta_rows(result, model)
        out += [_undetermined(result, model, rows, names), _without(result, model, rows, names)]
    return [sentence for sentence in out if sentence]


def few(languages: list[str]) -> str:
    """Some of the languages, and how many more."""
    more = f" and {len(languages) - _SHOWN:,} more" if len(languages) > _SHOWN else ""
    return f"{', '.join(languages[:_SHOWN])}{more}" if more else listed(languages)


def _undetermined(result: Result, model: str, rows: pd.DataFrame, names: dict[str, str]) -> str:
    """How large a difference may still be where none was found."""
    has = np.isfinite(rows["relative_ci_low"]) & np.isfinite(rows["relative_ci_high"])
    open_ = rows[(rows["verdict"] == UNDETERMINED) & rows["known"] & has & ~rows["same"]]
    if open_.empty:
        return ""
    low, high = open_["relative_ci_low"].min(), open_["relative_ci_high"].max()
    digits = percent_digits(low, high)
    where = few([names[language] for language in open_["language"]])
    if len(open_) == 1:
        return (
            f"Whether {model_phrase(result, model)} is worse or better in {where} is open: the interval leaves room "
            f"for anything from {percent(low, digits)} to {percent(high, digits)}. More documents would narrow it."
        )
    return (
        f"Whether {model_phrase(result, model)} is worse or better in {many(len(open_), 'language')}, {where}, is "
        f"open: the intervals leave room for differences from {percent(low, digits)} to {percent(high, digits)}. More "
        "documents would narrow them."
    )


def _without(result: Result, model: str, rows: pd.DataFrame, names: dict[str, str]) -> str:
    """Languages without a difference or without an interval, by reason."""
    has = np.isfinite(rows["relative_ci_low"]) & np.isfinite(rows["relative_ci_high"])
    missing = rows[~rows["known"] | (~has & ~rows["same"])]
    if missing.empty:
        return ""
    parts = []
    for reason, own in missing.groupby("reason", sort=True):
        parts.append(f"{few([names[language] for language in sorted(own['language'])])} ({_plain(str(reason))})")
    # The reasons speak of documents; a reason that names a model is as long as the model's name.
    return f"{model_phrase(result, model, first=True)} could not be judged in {'; in '.join(parts)}."


def _plain(reason: str) -> str:
    return text.shorten(text.safe_text(reason) or "no reason is recorded", 160)
