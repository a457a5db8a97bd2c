"""What an importance run does not tell."""

from __future__ import annotations

import pandas as pd

from interfere.report import _text as text
from interfere.report._importance_tables import counts, failed, methods, of_method, table
from interfere.report._importance_words import listed, many, own_total, safe_method
from interfere.results import Result

_SHOWN = 5


def importance_caveats(result: Result) -> list[str]:
    """What no run of this kind tells."""
    if table(result, "specificity").empty:
        return []
    return [
        "What further training would repair: damage is measured right after the removal, in a model that has not been "
        "trained without these units."
    ]


def importance_open(result: Result) -> list[str]:
    """What the run does not tell, and what would."""
    method, chunks = methods(result)[0], result.settings.get("chunks")
    out = []
    missing = [text.short_names(result.languages, 40)[language] for language in failed(result)]
    if missing:
        some = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else "")
        out.append(f"There are no scores for {many(len(missing), 'language')}: {some}. The warnings say why.")
    few = _without_intervals(result, method)
    if few and method == "gates":
        out.append(f"There are no intervals of {listed(few)}: gates are trained once on each half of the text.")
    elif few:
        has = f"this run has {text.safe_text(chunks)}" if chunks else "this run has fewer"
        out.append(
            f"There are no intervals of {listed(few)}: shares of layers need at least 4 chunks per language, what is "
            f"judged on one half of the text at least 6, and overlaps at least 8; {has} (--chunks)."
        )
    if own_total(result, method) is None:
        out.append(
            "Which of the units picked for a language are its own could not be tested"
            + (": the gates have one score for each half." if method == "gates" else ".")
            if not counts(result, method).empty
            else f"No units were picked for any language by the {safe_method(method)} scores."
        )
    rows = table(result, "specificity")
    if rows.empty:
        out.append(
            "What a language would lose without its units is not known: scores say what the model uses, and nothing "
            "was removed in this run. Run it again with --ablate, which removes each language's units and measures "
            "what every language loses."
        )
    else:
        unknown = int(rows["q_value"].isna().sum())
        if unknown:
            out.append(f"Whether removing its units hurts a language most is open for {many(unknown, 'language')}.")
    return out


def _without_intervals(result: Result, method: str) -> list[str]:
    out = []
    layers = of_method(result, "layers", method)
    if not layers.empty and _none(layers, "share", "ci_low"):
        out.append("the shares of layers")
    overlap = of_method(result, "overlap", method)
    if not overlap.empty and _none(overlap, "rank", "rank_low"):
        out.append("overlaps")
    specificity = table(result, "specificity")
    if not specificity.empty and _none(specificity, "specificity", "ci_low"):
        out.append("damage and specificity")
    return out


def _none(rows: pd.DataFrame, value: str, end: str) -> bool:
    return bool(rows[value].notna().any() and rows[end].isna().all())
