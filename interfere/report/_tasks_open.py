"""What a tasks run does not tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_words import many
from interfere.report._tasks_tables import UNDETERMINED, delta_rows, multilinguals, signed, within, zero_shot
from interfere.report._tasks_words import few, model_phrase
from interfere.results import Result


def tasks_caveats(result: Result) -> list[str]:
    """What no run of this kind tells."""
    several = len(result.languages) > 1
    out = []
    if multilinguals(result):
        out.append(
            "Two given checkpoints differ in more than in sharing a model (data, size, tokenizer, length of training, "
            "seed), so worse is not yet interference and better is not yet transfer. Matched models can tell "
            "(interfere experiment)."
        )
    out.append(
        "Intervals are over seeds of fine-tuning and over test items. They know nothing of other training items of the "
        "task, and nothing of how training runs of the checkpoints differ."
    )
    if multilinguals(result):
        out.append(
            "q allows for all rows of the table of differences at once, of every multilingual model"
            + (", within languages and zero-shot" if several else "")
            + ". Of all rows with a verdict, at most about one in twenty is expected to be false."
        )
    if several:
        out.append(
            "The best source of several is named after looking: it is somewhat better in this run than it would be in "
            "another. Whether the order of sources would be the same is not tested, and neither are scores above the "
            "baseline corrected for their number."
        )
    if result.settings.get("task") == "token-classification":
        out.append(
            "The most frequent tag is that of words outside of spans, whose span F1 is 0: to be above this baseline is "
            "to have found something, and no more."
        )
    return out


def tasks_open(result: Result) -> list[str]:
    """What the run does not tell, and what would."""
    names, out = text.short_names(result.languages, 40), []
    for model in multilinguals(result):
        rows = delta_rows(result, model)
        out += [_undetermined(result, model, within(rows), names), _without(result, model, rows, names)]
    return [sentence for sentence in out if sentence]


def _undetermined(result: Result, model: str, rows: pd.DataFrame, names: dict[str, str]) -> str:
    """How large a difference may still be where none was found, within a language."""
    has = np.isfinite(rows["ci_low"]) & np.isfinite(rows["ci_high"])
    open_ = rows[(rows["verdict"] == UNDETERMINED) & rows["known"] & has & ~rows["same"]]
    if open_.empty:
        return ""
    low, high = signed(open_["ci_low"].min()), signed(open_["ci_high"].max())
    where, who = few([names[language] for language in sorted(open_["test"])]), model_phrase(result, model)
    if len(open_) == 1:
        return (
            f"Whether {who} is better or worse within {where} is open: the interval leaves room for anything from "
            f"{low} to {high}. More test items, or more seeds, would narrow it."
        )
    return (
        f"Whether {who} is better or worse within {many(len(open_), 'language')}, {where}, is open: the intervals "
        f"leave room for differences from {low} to {high}. More test items, or more seeds, would narrow them."
    )


def _without(result: Result, model: str, rows: pd.DataFrame, names: dict[str, str]) -> str:
    """Rows without a difference or without an interval, by reason."""
    has = np.isfinite(rows["ci_low"]) & np.isfinite(rows["ci_high"])
    missing = rows[~rows["known"] | (~has & ~rows["same"])]
    parts = []
    for reason, own in missing.groupby("reason", sort=True):
        inside, other = sorted(within(own)["test"]), len(zero_shot(own))
        where = [f"within {few([names[language] for language in inside])}"] if inside else []
        where += [f"{many(other, 'pair')} zero-shot"] if other else []
        plain = text.shorten(text.safe_text(reason) or "no reason is recorded", 160)
        parts.append(f"{' and '.join(where)} ({plain})")
    return f"{model_phrase(result, model, first=True)} could not be judged {'; '.join(parts)}." if parts else ""
