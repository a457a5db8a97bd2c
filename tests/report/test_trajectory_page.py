from __future__ import annotations

import re
from html.parser import HTMLParser

from interfere.report import _trajectory_glossary as glossary
from interfere.report._html import render_page
from interfere.report._page import Fold, Table
from interfere.report._trajectory_page import trajectory_page
from tests.report._trajectory import make_trajectory


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def tables(blocks: object) -> list[Table]:
    out: list[Table] = []
    for block in blocks:  # type: ignore[attr-defined]
        out += [block] if isinstance(block, Table) else tables(block.blocks) if isinstance(block, Fold) else []
    return out


def test_tables_hold_every_checkpoint_pair_and_language() -> None:
    page = trajectory_page(make_trajectory(("de", "en", "ru"), (0, 500, 1000), metrics=("adam", "euclidean")), [])
    (section,) = [s for s in page.sections if s.id == "tables"]
    assert [len(table.rows) for table in tables(section.blocks)] == [3, 3, 9, 9] * 2
    assert all(len(row.cells) == len(table.columns) for table in tables(section.blocks) for row in table.rows)


def test_every_column_is_explained() -> None:
    page = trajectory_page(make_trajectory(), [])
    (reading,) = [s for s in page.sections if s.id == "reading"]
    known = {word for block in reading.blocks for words, _ in getattr(block, "entries", ()) for word in words}
    (section,) = [s for s in page.sections if s.id == "tables"]
    columns = {str(column.name) for table in tables(section.blocks) for column in table.columns}
    assert columns - known <= {"pair", "language", "why undetermined", "SHA-256 of the weights"}
    assert set(glossary.READING) == {"cosines", "verdicts", "languages"}


def test_names_are_escaped() -> None:
    bad = "<img src=x onerror=alert(1)>"
    result = make_trajectory(
        ("de", bad), (0, 10), names=[bad, "b"], model_id=bad, warnings=[bad], reason=bad, metrics=(bad,)
    )
    html = render_page(trajectory_page(result, []))
    parser = _Tags()
    parser.feed(html)
    assert "img" not in parser.seen
    assert re.search(r"&lt;img src=x", html)


def test_long_trajectories_are_folded_and_then_left_out() -> None:
    languages = [f"l{i:02}" for i in range(10)]
    page = trajectory_page(make_trajectory(languages, tuple(range(0, 1000, 20))), [])
    (section,) = [s for s in page.sections if s.id == "tables"]
    assert any(isinstance(block, Fold) for block in section.blocks)
    assert max(len(table.rows) for table in tables(section.blocks)) <= 2000
    assert "more than a page opens with" in render_page(page)
