"""The tables of a gradient report page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._glossary import SETTINGS
from interfere.report._page import Column, Row, Table, minus, name, sentence
from interfere.report._tables import BODY, VERDICTS, group_names, group_noun, group_rows, pair_rows, self_rows
from interfere.results import Result

_PAIR_NAME = 28  # terminal cells of a name that has to share its table cell with another
_SIGNS = {"conflict": "▼", "aligned": "▲", "neutral": "◆", "undetermined": "?"}


def pair_table(result: Result, metric: str, caption: str) -> Table:
    """All pairs over the body in one metric, the lowest corrected cosine first."""
    rows = pair_rows(result, metric, BODY).sort_values(["corrected", "a", "b"], kind="stable", na_position="last")
    shown = text.short_names(result.languages, _PAIR_NAME)
    columns = (
        Column("pair", words=True),
        Column("raw"),
        Column("corrected"),
        Column("95% interval"),
        Column("p"),
        Column("q"),
        Column("verdict", words=True),
        Column("transfer, first → second"),
        Column("transfer, second → first"),
        Column("centred"),
        Column("why undetermined", words=True),
        Column("tokens to settle"),
    )
    out = []
    for _, row in rows.iterrows():
        # A verdict without a number behind it is none, here as in the findings.
        verdict = row["verdict"] if row["determined"] else "undetermined"
        reason = row["reason"] if isinstance(row["reason"], str) else ""
        cells = (
            pair_name(row, shown),
            _cosine(row["cosine"]),
            _cosine(row["corrected"]),
            interval(row),
            text.probability(row["p_value"]),
            text.probability(row["q_value"]),
            badge(verdict),
            _decimal(row["transfer_ab"]),
            _decimal(row["transfer_ba"]),
            _cosine(row["centred"]),
            sentence(reason, result.languages) if verdict == "undetermined" else "",
            _settle(row["tokens_to_settle"]) if verdict == "undetermined" else "",
        )
        out.append(Row(cells, verdict))
    return Table(caption, columns, out)


def language_table(result: Result, metric: str, caption: str) -> Table:
    """The languages over the body in one metric."""
    columns = (
        Column("language", words=True),
        Column("self-similarity"),
        Column("95% interval"),
        Column("norm"),
        Column("loss"),
        Column("tokens"),
        Column("documents"),
    )
    rows = [
        Row(
            (
                name(row["language"]),
                _cosine(row["self_similarity"]),
                interval(row),
                _short(row["norm"]),
                _decimal(row["loss"]),
                text.count(row["tokens"]),
                text.count(row["documents"]),
            )
        )
        for _, row in self_rows(result, metric).iterrows()
    ]
    return Table(caption, columns, rows)


def group_table(result: Result, metric: str, caption: str) -> Table:
    """The body and its layers, modules or tensors in one metric, in the model's order."""
    noun, rows = group_noun(result), pair_rows(result, metric)
    verdicts = rows["verdict"].where(rows["determined"], "undetermined")
    counts = Counter(zip(rows["group"], verdicts, strict=True))
    known = rows[rows["determined"]].sort_values(["corrected", "a", "b"], kind="stable")
    lowest = {row["group"]: row for _, row in known.drop_duplicates("group").iterrows()}
    shares = group_rows(result, metric).drop_duplicates("group").set_index("group")
    shown = text.short_names(result.languages, _PAIR_NAME)
    mixture, sketch = bool(result.settings.get("mixture")), result.settings.get("gram") == "sketch"

    columns = [Column(noun, words=True), Column("parameters"), *(Column(v) for v in VERDICTS)]
    columns += [Column("lowest determined pair"), Column("common share")]
    columns += [Column("mixture residual")] * mixture + [Column("sketch error")] * sketch
    out = []
    for group in (BODY, *group_names(result, metric)):
        share = shares.loc[group] if group in shares.index else pd.Series(dtype=float)
        pair: str = text.UNKNOWN
        if group in lowest:
            value = _cosine(lowest[group]["corrected"])
            pair = Markup("{} &nbsp;{}").format(pair_name(lowest[group], shown), value)
        cells = [
            (Markup("{} ({})").format(BODY, "all of it") if group == BODY else name(group)),
            _any_count(share.get("parameters")),
            *(_tally(counts[group, v], v) for v in VERDICTS),
            pair,
            _decimal(share.get("common_share")),
        ]
        cells += [_decimal(share.get("mixture_residual"))] * mixture
        cells += [_short(share.get("sketch_error"), digits=2)] * sketch
        out.append(Row(cells))
    return Table(caption, columns, out)


def text_table(result: Result, caption: str) -> Table:
    """What was read in each language."""
    facts = [(language, result.data.get(language, {})) for language in result.languages]
    optional: list[tuple[Column, Callable[[Mapping[str, Any]], str], tuple[str, ...]]] = [
        (Column("read from", words=True), lambda f: name(f.get("origin") or text.UNKNOWN), ("origin",)),
        (Column("documents"), _documents, ("documents",)),
        (Column("tokens"), lambda f: _any_count(f.get("tokens")), ("tokens",)),
        (Column("bytes"), lambda f: _any_count(f.get("bytes")), ("bytes",)),
        (Column("not read", words=True), _not_read, ("unused", "cut", "skipped")),
        (Column("SHA-256", words=True), _digest, ("sha256",)),
    ]
    chosen = [(c, show) for c, show, keys in optional if any(f.get(k) for _, f in facts for k in keys)]
    rows = [Row((name(language), *(show(f) for _, show in chosen))) for language, f in facts]
    return Table(caption, [Column("language", words=True), *(c for c, _ in chosen)], rows)


def settings_table(settings: Mapping[str, Any], caption: str) -> Table:
    """Everything that was chosen, by the user or by default, with what it is."""
    rows = [Row((name(k), _value(v, plain=k == "seed"), SETTINGS.get(str(k), ""))) for k, v in settings.items()]
    return Table(
        caption, (Column("setting", words=True), Column("value", words=True), Column("what it is", words=True)), rows
    )


def facts_table(facts: Iterable[tuple[str, Any]], caption: str) -> Table:
    """Names and values."""
    rows = [Row((name(k), _value(v))) for k, v in facts]
    return Table(caption, (Column("what", words=True), Column("value", words=True)), rows)


def pair_name(row: Mapping[str, Any] | pd.Series, shown: Mapping[str, str]) -> Markup:
    """Two languages."""
    return Markup("{} · {}").format(name(shown[row["a"]]), name(shown[row["b"]]))


def badge(verdict: str) -> Markup:
    """A verdict: a word, with a sign and a colour that say the same."""
    if verdict not in VERDICTS:
        return Markup("{}").format(text.safe_text(verdict))
    return Markup('<span class="v {0}"><span aria-hidden="true">{1}</span> {0}</span>').format(verdict, _SIGNS[verdict])


def _tally(number: int, verdict: str) -> str:
    shown = f"{number:,}"
    return Markup('<span class="v conflict">{}</span>').format(shown) if number and verdict == "conflict" else shown


def interval(row: pd.Series) -> str:
    """The interval of a cosine, clipped to [-1, 1]."""
    low, high = _cosine(row["ci_low"]), _cosine(row["ci_high"])
    return text.UNKNOWN if text.UNKNOWN in (low, high) else f"{low} to {high}"


def _float(value: Any) -> float:
    number = pd.to_numeric(value, errors="coerce")
    return float(number) if number is not None else math.nan


def _cosine(value: Any) -> str:
    return minus(text.cosine(_float(value)))


def _decimal(value: Any) -> str:
    return minus(text.number(_float(value)))


def _short(value: Any, digits: int = 3) -> str:
    number = _float(value)
    return minus(f"{number:.{digits}g}") if math.isfinite(number) else text.UNKNOWN


def _any_count(value: Any) -> str:
    return text.count(_float(value))


def _settle(value: float) -> str:
    return text.about(value) if math.isfinite(value) and value > 0 else text.UNKNOWN


def _documents(facts: Mapping[str, Any]) -> str:
    given = facts.get("documents_given")
    return _any_count(facts.get("documents")) + (f" of {_any_count(given)}" if given is not None else "")


def _not_read(facts: Mapping[str, Any]) -> str:
    skipped = facts.get("skipped")
    parts = [
        f"{_any_count(facts[key])} {word}" for key, word in (("unused", "not needed"), ("cut", "cut")) if facts.get(key)
    ]
    if isinstance(skipped, Mapping):
        parts += [f"{_any_count(n)} skipped: {text.safe_text(reason)}" for reason, n in skipped.items()]
    return "; ".join(parts)


def _digest(facts: Mapping[str, Any]) -> str:
    return Markup("<code>{}</code>").format(text.safe_text(facts.get("sha256") or text.UNKNOWN))


def _value(value: Any, *, plain: bool = False) -> str:
    """A setting of any kind, as it is read."""
    if value is None or value == "":
        return text.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if plain else f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return Markup(", ").join(Markup("{}: {}").format(name(k), _value(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return Markup(", ").join(_value(v) for v in value)
    return name(value)
