"""What each figure of an importance report shows, in words: its title, and a text for those who cannot see it."""

from __future__ import annotations

import numpy as np

from interfere.report import _text as text
from interfere.report._importance_tables import (
    counts,
    failed,
    gate_rows,
    kinds,
    mean_overlap,
    methods,
    noun,
    of_method,
    parts,
    profile_parts,
    removal,
    shares,
    table,
)
from interfere.results import Result

_NAME = 40

_HEADINGS = {
    "profile": "Share of importance by language and layer",
    "overlap": "Overlap of importance between languages",
    "ablation": "Damage by removing each language's units",
    "gates": "Keep probability of gates by language and layer",
}


def title(result: Result, kind: str) -> str:
    """What a figure shows, on one line, without the model's name.

    Args:
        result: of kind `importance`.
        kind: `profile`, `overlap`, `ablation` or `gates`.
    """
    method = "" if kind == "gates" else f", {safe_method(methods(result)[0])} scores"
    return _HEADINGS[kind] + method


def titles(result: Result, kind: str) -> tuple[str, str]:
    """The two lines above a figure: what it shows of which model, and how that was measured."""
    model = text.shorten(text.safe_text(result.model.get("id", "a model")), 60, keep="end")
    settings, method = result.settings, safe_method(methods(result)[0])
    facts = [text.safe_text(result.model["objective"])] if result.model.get("objective") else []
    if kind == "gates":
        facts.append("trained gates, the mean of both halves of the text")
    elif kind == "ablation":
        facts += [f"units picked by {method} on half a", "losses of half b"]
        if settings.get("ablation"):
            facts.append(f"removed: set to {'their mean' if settings['ablation'] == 'mean' else 'zero'}")
    else:
        facts.append(f"{method} scores")
    if settings.get("chunks"):
        facts.append(f"{text.safe_text(settings['chunks'])} chunks per language")
    return f"{_HEADINGS[kind]}: {model}", " · ".join(facts)


def safe_method(method: str) -> str:
    """A method's name as it is shown."""
    return text.shorten(text.safe_text(method), _NAME)


def many(count: float, one: str) -> str:
    """A count with its noun."""
    return f"{count:,.0f} {one if count == 1 else one + 's'}"


def capital(words: str) -> str:
    """Words that begin a line."""
    return words[:1].upper() + words[1:]


def listed(items: list[str]) -> str:
    """Items as a part of a sentence."""
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def profile_alt(result: Result) -> str:
    """The figure of shares in words."""
    method, names = methods(result)[0], text.short_names(result.languages, _NAME)
    found = profile_parts(result, method)
    n = many(len(result.languages), "language")
    out = [f"Heatmaps of {listed([p.name for p in found])} by layer, for {n}: the share of a language's importance."]
    rows = of_method(result, "layers", method)
    for part in found:
        values = shares(rows, part, result.languages)
        if not np.isfinite(values).any():
            continue
        ends = []
        for at in (np.nanargmin(values), np.nanargmax(values)):
            row, column = np.unravel_index(int(at), values.shape)
            where = text.safe_text(part.layers[int(column)])
            ends.append(
                f"{text.share(float(values[row, column]))} of {names[result.languages[int(row)]]} in {_end(where)}"
            )
        out.append(f"{capital(text.safe_text(part.name))}: from {ends[0]} to {ends[1]}.")
    return " ".join([*out, *_without(result, names)])


def _end(where: str) -> str:
    return text.shorten(where, _NAME, keep="end")


def _without(result: Result, names: dict[str, str]) -> list[str]:
    missing = [names[language] for language in failed(result)]
    return [f"There is nothing for {many(len(missing), 'language')}."] if missing else []


def overlap_alt(result: Result) -> str:
    """The figure of overlaps in words."""
    names, method = text.short_names(result.languages, _NAME), methods(result)[0]
    n = len(result.languages)
    out = [
        f"Matrices of {n} by {n} languages: rank correlation of the scores of units across the halves of the text, "
        "the mean over layers; on the diagonal a language with its own other half."
    ]
    for kind in kinds(of_method(result, "overlap", method)):
        rows = mean_overlap(result, method, kind)
        rows = rows[np.isfinite(rows["rank"])]
        across = rows[rows["a"] != rows["b"]].sort_values(["rank", "a", "b"], kind="stable")
        own = rows[rows["a"] == rows["b"]]
        if across.empty or own.empty:
            continue
        low, high = across.iloc[0], across.iloc[-1]
        ends = " to ".join(f"{text.cosine(r['rank'])} of {names[r['a']]} and {names[r['b']]}" for r in (low, high))
        ceiling = f"{text.cosine(own['rank'].min())} to {text.cosine(own['rank'].max())}"
        out.append(f"{capital(noun(kind))}: from {ends}; with the own other half {ceiling}.")
    return " ".join([*out, *_without(result, names)])


def ablation_alt(result: Result) -> str:
    """The figure of damage in words."""
    found, names = removal(result), text.short_names(result.languages, _NAME)
    n = len(result.languages)
    out = [
        f"Matrix of {n + 2} sets of removed units, those of each language, the core and random ones, by {n} languages: "
        "the rise of the loss in nats per prediction."
    ]
    if found is None:
        return out[0]
    damage, sure = found.columns["damage"], found.sure
    own = np.diag(damage[:n])
    if np.isfinite(own).any():
        low, high = int(np.nanargmin(own)), int(np.nanargmax(own))
        out.append(
            f"A language's own units cost it from {text.number(own[low], 3)} ({names[result.languages[low]]}) to "
            f"{text.number(own[high], 3)} ({names[result.languages[high]]})."
        )
    across = ~np.eye(n, dtype=bool)
    known = int((np.isfinite(damage[:n]) & across).sum())
    marked = int((sure[:n] & across).sum())
    out.append(
        f"Of {many(known, 'number')} across languages, {marked:,} differ from random units' by an interval without 0."
    )
    return " ".join([*out, *_without(result, names)])


def gates_alt(result: Result) -> str:
    """The figure of gates in words."""
    rows, names = gate_rows(result), text.short_names(result.languages, _NAME)
    out = [f"Bars of the mean keep probability by layer, for {many(len(result.languages), 'language')}."]
    for part in parts(rows):
        values = shares(rows, part, result.languages, "keep")
        if np.isfinite(values).any():
            low, high = float(np.nanmin(values)), float(np.nanmax(values))
            out.append(f"{capital(text.safe_text(part.name))}: {text.number(low)} to {text.number(high)}.")
    return " ".join([*out, *_without(result, names)])


def own_total(result: Result, method: str) -> tuple[dict[str, float], float] | None:
    """Kind → units that are a language's own in all languages, and how many of them chance may have given.

    None where nothing could be tested.
    """
    rows = counts(result, method)
    if rows.empty or not np.isfinite(rows["own"]).any():
        return None
    totals = {kind: float(rows.loc[rows["kind"] == kind, "own"].sum()) for kind in kinds(rows)}
    return totals, float(rows["own_by_chance"].sum())


def has_specificity(result: Result) -> bool:
    """Whether units were removed."""
    return not table(result, "specificity").empty


def interval(low: float, high: float, digits: int = 3) -> str:
    """A 95% interval in words."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no interval"
    return f"95% interval {text.number(low, digits)} to {text.number(high, digits)}"


def whole(value: float) -> str:
    """A count."""
    return f"{value:,.0f}"


def expected(value: float) -> str:
    """How many chance gives."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"
