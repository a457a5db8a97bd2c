"""What each figure shows, in words: its title, and a text for those who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interfere.report import _text as text
from interfere.report._tables import (
    BODY,
    VERDICTS,
    group_names,
    group_noun,
    metrics,
    pair_rows,
    scope_phrase,
    self_rows,
)
from interfere.results import Result

_NAME = 40


def title(result: Result, metric: str, kind: str) -> str:
    """What a figure shows, on one line, without the model's name.

    Args:
        result: of kind `gradients`.
        metric: one of its metrics.
        kind: `languages`, `layers`, `strength`, `transfer` or `experts`.
    """
    return f"{heading(result, kind)}, {text.shorten(text.safe_text(metric), _NAME)} metric"


def heading(result: Result, kind: str) -> str:
    """What a kind of figure shows."""
    noun = group_noun(result)
    return {
        "languages": "Gradient cosines between languages",
        "layers": f"Gradient cosines of language pairs by {noun}",
        "strength": f"Gradient strength by language and {noun}",
        "transfer": "Transfer from language to language",
        "experts": "Experts that each language reached",
    }[kind]


def titles(result: Result, metric: str, kind: str) -> tuple[str, str]:
    """The two lines above a figure: what it shows of which model, and how that was measured."""
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), 60, keep="end")
    facts = [f"{text.shorten(text.safe_text(metric), _NAME)} metric", f"over {scope_phrase(result)}"]
    if result.model.get("objective"):
        facts.insert(0, text.safe_text(result.model["objective"]))
    if result.settings.get("chunks"):
        facts.append(f"{text.safe_text(result.settings['chunks'])} chunks per language")
    return f"{heading(result, kind)}: {model}", " · ".join(facts)


def chosen_metric(result: Result, metric: str | None) -> str:
    """A metric of the result, the main one by default.

    Raises:
        KeyError: no such metric in this result.
    """
    known = metrics(result)
    if metric is not None and metric not in known:
        raise KeyError(f"no metric {metric!r} in this result, which has {', '.join(known)}")
    return known[0] if metric is None else metric


def languages_alt(result: Result, metric: str) -> str:
    """The languages figure in words."""
    rows, names = pair_rows(result, metric, BODY), text.short_names(result.languages, _NAME)
    n = len(result.languages)
    out = [f"Heatmap of the corrected cosines of {n} by {n} languages over {scope_phrase(result)}: {_verdicts(rows)}."]
    known = rows[rows["determined"]]
    if not known.empty:
        low, high = _ends(known, "corrected")
        out.append(
            _span(
                known,
                f"{text.cosine(low['corrected'])} for {_pair(low, names)}",
                f"{text.cosine(high['corrected'])} for {_pair(high, names)}",
            )
        )
    own = self_rows(result, metric).dropna(subset=["self_similarity"])
    if not own.empty:
        out.append(f"On the diagonal, {_own(own, 'self_similarity', 'self-similarity', names)}.")
    return " ".join(out)


def layers_alt(result: Result, metric: str) -> str:
    """The layers figure in words."""
    rows, names = pair_rows(result, metric), text.short_names(result.languages, _NAME)
    below, noun = rows[rows["group"] != BODY], group_noun(result)
    groups = text.short_names(below["group"], _NAME, keep="end")
    what = f"Heatmap of the corrected cosines of {_many(_pairs(rows), 'language pair')}"
    what += f" by {_many(len(group_names(result, metric)), noun)}, with {scope_phrase(result)} set apart"
    if below.empty:
        return f"{what}."
    out = [f"{what}: {_verdicts(below, f'combination of pair and {noun}', f'combinations of pair and {noun}')}."]
    known = below[below["determined"]]
    if not known.empty:
        low, high = _ends(known, "corrected")
        ends = [f"{text.cosine(r['corrected'])} for {_pair(r, names)} in {groups[r['group']]}" for r in (low, high)]
        out.append(_span(known, *ends))
    return " ".join(out)


def transfer_alt(result: Result, metric: str) -> str:
    """The transfer figure in words."""
    rows, names = pair_rows(result, metric, BODY), text.short_names(result.languages, _NAME)
    n = len(result.languages)
    out = [
        f"Matrix of {n} by {n} languages over {scope_phrase(result)}: how much a step along the row's gradient helps "
        f"the column, where 1 is as much as the column's own step; {_verdicts(rows)}."
    ]
    directed = transfers(rows)
    known = directed[directed["determined"] & np.isfinite(directed["transfer"])]
    if not known.empty:
        low, high = _ends(known, "transfer")
        ends = [f"{text.number(r['transfer'])} from {names[r['a']]} to {names[r['b']]}" for r in (low, high)]
        out.append(_span(known, *ends))
    return " ".join(out)


def strength_alt(result: Result, metric: str) -> str:
    """The strength figure in words."""
    names, noun = text.short_names(result.languages, _NAME), group_noun(result)
    table = self_rows(result, metric)
    out = [
        f"Three heatmaps of {_many(len(result.languages), 'language')} by "
        f"{_many(len(group_names(result, metric)), noun)}: norm of the gradient, self-similarity and share of the "
        "squared norm."
    ]
    parts = [
        _own(known, column, what, names)
        for column, what in (("norm", "the norm"), ("self_similarity", "self-similarity"))
        if not (known := table.dropna(subset=[column])).empty
    ]
    silent = int((~np.isfinite(table["norm"])).sum())
    if silent:
        parts.append(f"the norm of {_many(silent, 'language')} is unknown")
    if parts:
        out.append(f"Over {scope_phrase(result)} {'; '.join(parts)}.")
    shares = mean_shares(result, metric).dropna()
    if not shares.empty:
        top = str(shares.idxmax())
        shown = text.short_names([str(g) for g in shares.index], _NAME, keep="end")
        out.append(f"The largest share is that of {shown[top]}, {100 * shares[top]:.0f}% in the mean over languages.")
    return " ".join(out)


def transfers(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of pairs in both directions.

    Args:
        rows: as of `pair_rows`, of one group.

    Returns:
        Twice the rows: `a` takes the step, `b` is helped by `transfer`; `verdict` and `determined` are the pair's.
    """
    forth = rows.assign(transfer=pd.to_numeric(rows["transfer_ab"], errors="coerce").astype(float))
    back = rows.assign(a=rows["b"], b=rows["a"], transfer=pd.to_numeric(rows["transfer_ba"], errors="coerce"))
    return pd.concat([forth, back.astype({"transfer": float})], ignore_index=True)


def mean_shares(result: Result, metric: str) -> pd.Series:
    """Group → its share of the squared norm, the mean over the languages that have one; groups as in the model."""
    groups = group_names(result, metric)
    table = result.self_similarity[result.self_similarity["metric"] == metric]
    share = pd.to_numeric(table["norm_share"], errors="coerce").astype(float)
    return share.groupby(table["group"]).mean().reindex(groups)


def _many(n: int, one: str, more: str = "") -> str:
    return f"{n:,} {one if n == 1 else more or one + 's'}"


def _pairs(rows: pd.DataFrame) -> int:
    return len(rows[["a", "b"]].drop_duplicates())


def _pair(row: pd.Series, names: dict[str, str]) -> str:
    return f"{names[row['a']]} and {names[row['b']]}"


def _ends(rows: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    ranked = rows.sort_values([column, "a", "b"], kind="stable")
    return ranked.iloc[0], ranked.iloc[-1]


def _span(known: pd.DataFrame, low: str, high: str) -> str:
    return f"What is determined is {low}." if low == high else f"What is determined goes from {low} to {high}."


def _verdicts(rows: pd.DataFrame, one: str = "pair", more: str = "pairs") -> str:
    counts = {v: int(((rows["verdict"] == v) & rows["determined"]).sum()) for v in VERDICTS[:3]}
    counts["undetermined"] = len(rows) - sum(counts.values())
    words = {"conflict": "in conflict"}
    listed = [f"{n:,} {words.get(v, v)}" for v, n in counts.items() if n or v in ("conflict", "undetermined")]
    return f"of {_many(len(rows), one, more)}, {_listed(listed)}"


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def _own(rows: pd.DataFrame, column: str, what: str, names: dict[str, str]) -> str:
    ranked = rows.sort_values([column, "language"], kind="stable")
    low, high = ranked.iloc[0], ranked.iloc[-1]
    show = text.cosine if column == "self_similarity" else "{:.3g}".format
    if len(rows) == 1:
        return f"{what} is {show(low[column])} for {names[low['language']]}"
    return (
        f"{what} goes from {show(low[column])} for {names[low['language']]} "
        f"to {show(high[column])} for {names[high['language']]}"
    )
