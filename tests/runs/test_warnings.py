"""Sentences on the text that was read name languages once, however many there are."""

from __future__ import annotations

import re
from typing import Any

from interfere.runs import text_warnings

SETTINGS = {"tokens_per_chunk": 10, "objective": "masked-lm", "chunks": 2, "max_length": 128}


def facts(cut: int = 0, **skipped: int) -> dict[str, Any]:
    return {"cut": cut, "documents": 20, "tokens": 20, "unused": 3, "skipped": skipped}


def test_what_was_cut_and_skipped_is_said_once_for_all_languages() -> None:
    found = text_warnings({"de": facts(3, blank=2), "en": facts(), "fr": facts(20, blank=1, repeated=4)}, SETTINGS)
    assert found == [
        "Documents were cut at 128 tokens (--max-length): 3 of 20 in de, 20 of 20 in fr.",
        "Documents were skipped, blank: 2 in de, 1 in fr.",
        "Documents were skipped, repeated: 4 in fr.",
    ]
    assert text_warnings({"de": facts(), "en": facts()}, SETTINGS) == []


def test_of_many_languages_those_with_most_are_named() -> None:
    (found,) = text_warnings({f"l{n:03}": facts(n % 20) for n in range(200)}, SETTINGS)
    named = re.findall(r"(\d+) of 20 in (l\d+)", found)
    assert [name for _, name in named] == sorted(name for _, name in named)
    assert {count for count, _ in named} == {"18", "19"}
    assert f"some in {190 - len(named)} more languages" in found
