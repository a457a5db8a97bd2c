"""What every report page says of its run: text, settings, model, versions; and numbers as pages have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import Block, Code, Column, Heading, Prose, Row, Table, minus, name
from interfere.results import Result


def number(value: Any) -> float:
    """A number of a table or of JSON; NaN where there is none."""
    out = pd.to_numeric(value, errors="coerce")
    return float(out) if out is not None else math.nan


def cosine(value: Any) -> str:
    """A cosine, clipped to [-1, 1]."""
    return minus(text.cosine(number(value)))


def decimal(value: Any, digits: int = 2) -> str:
    """A number with so many digits behind the point."""
    return minus(text.number(number(value), digits))


def short(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits."""
    known = number(value)
    return minus(f"{known:.{digits}g}") if math.isfinite(known) else text.UNKNOWN


def any_count(value: Any) -> str:
    """A count."""
    return text.count(number(value))


def text_blocks(result: Result) -> list[Block]:
    """The section on the text that was read."""
    table = text_table(result, "Documents that were read for the measurement, by language")
    where = Markup("Which lines each chunk read is in <code>chunks.csv</code>.") if "chunks" in result.tables else ""
    return [table, *([Prose([where])] if where else [])]


def made_blocks(result: Result, meanings: Mapping[str, str]) -> list[Block]:
    """The section on how a run was made: command, model, versions and settings.

    Args:
        result: of any kind.
        meanings: what each setting is.
    """
    names = {
        "id": "name",
        "weights_sha256": "SHA-256 of the weights",
        "stored_as": "stored as",
        "adapter": "method of the adapter",
        "base": "base model of the adapter",
        "base_revision": "revision of the base model",
    }
    model = [(names.get(str(k), str(k)), v) for k, v in result.model.items()]
    parts: list[tuple[str, Table]] = [("Model", facts_table(model, "The model that was measured"))]
    if result.environment:
        parts.append(("Environment", facts_table(result.environment.items(), "Versions, machine and date")))
    chosen = settings_table(result.settings, meanings, "What was chosen, by the user or by default")
    parts.append(("Settings", chosen))
    blocks: list[Block] = []
    if result.command:
        blocks += [Heading("Command"), Code(text.safe_text(result.command))]
    for title, table in parts:
        blocks += [Heading(title), table]
    return blocks


def text_table(result: Result, caption: str) -> Table:
    """What was read in each language."""
    facts = [(language, result.data.get(language, {})) for language in result.languages]
    optional: list[tuple[Column, Callable[[Mapping[str, Any]], str], tuple[str, ...]]] = [
        (Column("read from", words=True), lambda f: name(f.get("origin") or text.UNKNOWN), ("origin",)),
        (Column("documents"), _documents, ("documents",)),
        (Column("tokens"), lambda f: any_count(f.get("tokens")), ("tokens",)),
        (Column("bytes"), lambda f: any_count(f.get("bytes")), ("bytes",)),
        (Column("not read", words=True), _not_read, ("unused", "cut", "skipped")),
        (Column("SHA-256", words=True), _digest, ("sha256",)),
    ]
    chosen = [(c, show) for c, show, keys in optional if any(f.get(k) for _, f in facts for k in keys)]
    rows = [Row((name(language), *(show(f) for _, show in chosen))) for language, f in facts]
    return Table(caption, [Column("language", words=True), *(c for c, _ in chosen)], rows)


def settings_table(settings: Mapping[str, Any], meanings: Mapping[str, str], caption: str) -> Table:
    """Everything that was chosen, by the user or by default, with what it is."""
    rows = [Row((name(k), _value(v, plain=k == "seed"), meanings.get(str(k), ""))) for k, v in settings.items()]
    return Table(
        caption, (Column("setting", words=True), Column("value", words=True), Column("what it is", words=True)), rows
    )


def facts_table(facts: Iterable[tuple[str, Any]], caption: str) -> Table:
    """Names and values."""
    rows = [Row((name(k), _value(v))) for k, v in facts]
    return Table(caption, (Column("what", words=True), Column("value", words=True)), rows)


def _documents(facts: Mapping[str, Any]) -> str:
    given = facts.get("documents_given")
    return any_count(facts.get("documents")) + (f" of {any_count(given)}" if given is not None else "")


def _not_read(facts: Mapping[str, Any]) -> str:
    skipped = facts.get("skipped")
    parts = [
        f"{any_count(facts[key])} {word}" for key, word in (("unused", "not needed"), ("cut", "cut")) if facts.get(key)
    ]
    if isinstance(skipped, Mapping):
        parts += [f"{any_count(n)} skipped: {text.safe_text(reason)}" for reason, n in skipped.items()]
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
