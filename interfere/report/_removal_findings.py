"""What removing units has shown, in sentences that claim no more than the tests do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_tables import removal, table
from interfere.report._importance_words import expected, interval, listed, many
from interfere.results import Result

_SHOWN = 5
_ONE_SIDE = 0.025  # of pointwise 95% intervals lie above 0 by chance


def specific_headline(result: Result, names: dict[str, str]) -> str:
    """For how many languages removing their units hurts them more than others; nothing where nothing was removed."""
    rows = table(result, "specificity")
    known = rows[np.isfinite(rows["q_value"])] if not rows.empty else rows
    if known.empty:
        return ""
    known = known.sort_values(["specificity", "language"], ascending=[False, True], kind="stable")
    shown = known[known["verdict"] == "specific"]
    n = len(known)
    if shown.empty:
        return (
            "Removing the units picked for a language was not shown to hurt it, and more than the others' mean, for "
            f"any of {many(n, 'language')} (q > 0.05); the largest is that of {_specificity(known.iloc[0], names)}."
        )
    out = (
        f"Removing the units picked for a language hurts it, and more than the others' mean, for {len(shown):,} of "
        f"{many(n, 'language')} (own damage and specificity above 0, q ≤ 0.05); the largest specificity is that of "
        f"{_specificity(shown.iloc[0], names)}"
    )
    out += f", the smallest of these that of {_specificity(shown.iloc[-1], names)}." if len(shown) > 1 else "."
    if len(shown) < n:
        rest = [names[a] for a in known.loc[known["verdict"] != "specific", "language"]]
        more = f" and {len(rest) - _SHOWN:,} more" if len(rest) > _SHOWN else ""
        shown_rest = ", ".join(rest[:_SHOWN]) + more if more else listed(rest)
        out += f" It was not shown for {shown_rest}."
    two_sided = shown[shown["ci_low"] <= 0]
    if not two_sided.empty:
        who = listed([names[a] for a in two_sided["language"][:_SHOWN]])
        more = f" and {len(two_sided) - _SHOWN:,} more" if len(two_sided) > _SHOWN else ""
        out += f" q tests one side: the interval of {who}{more}, which has two, includes 0 all the same."
    return out


def specific_list(result: Result, most: int = 12) -> list[str]:
    """The specificity of each language with its interval and q, the largest first.

    Args:
        result: of kind `importance`.
        most: languages that are named; with more there is nothing, as a table has them.
    """
    rows = table(result, "specificity")
    if rows.empty or len(rows) > most:
        return []
    names = text.short_names(result.languages, 40)
    rows = rows[np.isfinite(rows["specificity"])]
    rows = rows.sort_values(["specificity", "language"], ascending=[False, True], kind="stable")
    return [f"{names[r['language']]}: {_damage(r, 'specificity', 'ci_low', 'ci_high')}" for _, r in rows.iterrows()]


def _specificity(row: pd.Series, names: dict[str, str]) -> str:
    return f"{names[row['language']]}, {_damage(row, 'specificity', 'ci_low', 'ci_high')}"


def _damage(row: pd.Series, value: str, low: str, high: str) -> str:
    out = f"{text.number(row[value], 3)} nats per prediction ({interval(row[low], row[high])}"
    if value == "specificity" and np.isfinite(row["q_value"]):
        q = text.probability(row["q_value"])
        out += f", q {q}" if q.startswith("<") else f", q = {q}"
    return out + ")"


def side_effects(result: Result, names: dict[str, str]) -> str:
    """What the removal of a language's units does to the others; nothing where that is not known."""
    found, n = removal(result), len(result.languages)
    if found is None:
        return ""
    beyond, low, high = (found.columns[c][:n] for c in ("beyond_random", "beyond_low", "beyond_high"))
    known = np.isfinite(low) & ~np.eye(n, dtype=bool)
    if not known.any():
        return ""
    hurt = known & (low > 0)
    tested = int(known.sum())
    chance = f"chance alone would give about {expected(_ONE_SIDE * tested)}"
    if not hurt.any():
        return (
            f"No other language was shown to lose by it: of {tested:,} combinations of removed units and another "
            "language, none has an interval above what random units do."
        )
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(np.where(hurt, beyond, -np.inf))), hurt.shape))
    row = pd.Series({"d": beyond[i, j], "l": low[i, j], "h": high[i, j]})
    return (
        f"Others lose too: of {tested:,} combinations of removed units and another language, {int(hurt.sum()):,} "
        f"{'has' if hurt.sum() == 1 else 'have'} an interval above what random units do ({chance}); the most is lost "
        f"by {names[result.languages[j]]} without the units of {names[result.languages[i]]}, "
        f"{_damage(row, 'd', 'l', 'h')} beyond random units."
    )


def core_sentence(result: Result, names: dict[str, str]) -> str:
    """What the removal of the core does; nothing where that is not known."""
    found, n = removal(result), len(result.languages)
    if found is None:
        return ""
    beyond, low = found.columns["beyond_random"][n], found.columns["beyond_low"][n]
    known = np.isfinite(beyond)
    if not known.any():
        return ""
    top = int(np.nanargmax(beyond))
    row = pd.Series({"d": beyond[top], "l": low[top], "h": found.columns["beyond_high"][n, top]})
    above = int((low[known] > 0).sum())
    tested = int(np.isfinite(low).sum())
    most = f"{names[result.languages[top]]}, {_damage(row, 'd', 'l', 'h')}"
    if not above:
        return (
            "Removing the core, which scores high in all languages, was not shown to hurt beyond random units; the "
            f"largest number is that of {most}."
        )
    return (
        "Removing the core, which scores high in all languages, hurts beyond random units: for "
        f"{above:,} of {many(tested, 'language')} the interval lies above 0; the largest number is that of {most}."
    )
