"""What the pages of all kinds of results have in common: their sections, what was found, what is open, warnings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd
from markupsafe import Markup

from interfere.report import _text as text
from interfere.report._page import Block, Box, Count, Page, Section, name, sentence
from interfere.results import Result

_FEW = 10  # languages that are named in the line of facts

Say = Callable[[str], Markup]
"""A sentence of findings as it stands on the page."""


def standard_page(
    title: Markup,
    facts: Sequence[str],
    *,
    found: Sequence[Block],
    figures: Sequence[Block],
    tables: Sequence[Block],
    read: tuple[str, Sequence[Block]],
    made: Sequence[Block],
    reading: Sequence[Block],
) -> Page:
    """A page with the sections that all have.

    Args:
        title: of the page.
        facts: of the line below it.
        found: what was found.
        figures: none for no such section.
        tables: of numbers.
        read: heading and blocks of what was read.
        made: how it was made.
        reading: how to read it.
    """
    heading, blocks = read
    return Page(
        title=title,
        facts=Markup(" · ").join(facts),
        sections=[
            Section("findings", "What was found", found),
            *([Section("figures", "Figures", figures)] if figures else []),
            Section("tables", "Tables", tables),
            Section("text", heading, blocks),
            Section("made", "How it was made", made),
            Section("reading", "How to read it", reading),
        ],
    )


def objective_fact(result: Result) -> list[str]:
    """The objective, where it is known."""
    return [f"Objective {text.safe_text(result.model['objective'])}"] if result.model.get("objective") else []


def languages_fact(result: Result) -> str:
    """How many languages, and which, if they are few."""
    n = len(result.languages)
    named = Markup(", ").join(name(language) for language in result.languages)
    many = "1 language" if n == 1 else f"{n} languages"
    return Markup("{} ({})").format(many, named) if n <= _FEW else many


def date_fact(result: Result) -> list[str]:
    """The day, where it is known."""
    return [text.safe_text(result.environment["date"])[:10]] if result.environment.get("date") else []


def speaker(*names: Iterable[str]) -> tuple[Say, Say]:
    """Two ways of putting sentences on a page whose names are marked: as they are, and with numbers set well.

    Args:
        names: as they may stand in sentences, whole or shortened.
    """
    known = [each for own in names for each in own]

    def mark(plain: str) -> Markup:
        return sentence(plain, known)

    def say(plain: str) -> Markup:
        # A hyphen between words, or in a name, is left as it is.
        plain = re.sub(r"(?<![\w-])-(?=\d[\d,]*(?:\.\d|%))", "−", plain)
        return mark(plain.replace("q = ", "q\u00a0=\u00a0").replace("q ≤ ", "q\u00a0≤\u00a0"))

    return mark, say


def found_items(
    findings: Sequence[str], left_out: Sequence[str], nested: Mapping[str, Sequence[str]], say: Say
) -> list[Markup]:
    """Findings as items of a list.

    Args:
        findings: sentences.
        left_out: those that stand elsewhere.
        nested: sentence → what is listed below it.
        say: how they are put.
    """
    items = []
    for plain in findings:
        if plain in left_out:
            continue
        below = Markup("").join(Markup("<li>{}</li>").format(say(each)) for each in nested.get(plain, []))
        items.append(Markup("{}<ul>{}</ul>").format(say(plain), below) if below else say(plain))
    return items


def verdict_counts(verdicts: pd.Series, meanings: Mapping[str, str]) -> list[Count]:
    """How often each verdict was given."""
    return [Count(v, f"{int((verdicts == v).sum()):,}", meaning) for v, meaning in meanings.items()]


def open_and_warnings(result: Result, open_: Sequence[str], mark: Say, say: Say) -> list[Block]:
    """The boxes below the findings: what is not determined, and warnings."""
    blocks: list[Block] = [Box("open", "What is not determined", [say(each) for each in open_])]
    if result.warnings:
        title = "Warning" if len(result.warnings) == 1 else "Warnings"
        blocks.append(Box("warning", title, [mark(warning) for warning in result.warnings]))
    return blocks
