"""The footguns of the documentation: each has its code, and the bundled model still gives the numbers on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.footguns.__main__ import FOOTGUNS, markdown

PAGE = (Path(__file__).parent.parent / "docs" / "footguns.md").read_text(encoding="utf-8")
BUNDLED = ("noise", "chance", "randomness", "embeddings", "translations", "pieces", "units")
"""Those that need no download; `moment` reads GNOME's text too."""


def section(name: str) -> list[list[str]]:
    """The cells of the table under a footgun's heading."""
    [found] = re.findall(rf"^## [^\n]*\(`{name}`\)\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE)
    return cells(found)


def cells(text: str) -> list[list[str]]:
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]


def numbers(row: list[str]) -> list[float]:
    return [float(x) for cell in row[1:] for x in re.findall(r"-?\d+\.?\d*", cell)]


def test_every_footgun_has_a_section_and_every_named_section_its_code() -> None:
    assert set(re.findall(r"^## .*\(`([\w-]+)`\)$", PAGE, flags=re.MULTILINE)) == {*FOOTGUNS, "seeds"}


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_the_page_has_the_numbers_of_today(name: str) -> None:
    printed, written = cells(markdown(FOOTGUNS[name]())), section(name)
    assert len(printed) == len(written)
    assert [cell.strip() for cell in printed[0]] == [cell.strip() for cell in written[0]]
    for today, then in zip(printed[2:], written[2:], strict=True):
        assert today[0].strip() == then[0].strip()
        # Other processors and versions round otherwise; a count of units may differ by a few.
        assert numbers(today) == pytest.approx(numbers(then), rel=0.1, abs=0.03)
