"""JUnit, Markdown, annotations, the terminal and JSON: the same outcome in each, whatever the names are."""

from __future__ import annotations

import html
import io
import json
import re
import unicodedata
from itertools import combinations
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from interfere.check import (
    CheckReport,
    Policy,
    Rule,
    RunDemands,
    annotation_lines,
    check_document,
    check_result,
    error_annotation,
    junit_error,
    junit_xml,
    markdown_error,
    markdown_summary,
    print_check,
)
from interfere.check._summary import escape_markdown
from interfere.report import safe_text
from tests.check._runs import HOSTILE, hold, pairs_of
from tests.report._results import constant, families, layers, make_result

NASTY = "n\x00\x1b[2J|]]><b>&\n::error::x%0A,title=y:##[debug]\ud800\u202e"


def report_of_all() -> CheckReport:
    """An outcome of each sort, under hostile names."""
    names = sorted(HOSTILE)
    result = make_result(names, constant(-0.5, "conflict"), ["encoder.0"], warnings=[NASTY], model_id=NASTY)
    result.pairs.loc[0, ["corrected", "ci_low", "ci_high"]] = float("nan")
    rules = [
        Rule("passes", "self", "self_similarity", at_least=0.0),
        Rule(NASTY, "pairs", "corrected", at_least=0.0),
        Rule(NASTY + "2", "pairs", "verdict", forbid=["conflict"], severity="warn"),
        Rule("undetermined", "pairs", "corrected", at_least=-9.0),
        Rule("no match", "pairs", "corrected", at_least=0.0, where={"group": [NASTY]}),
    ]
    return check_result(result, Policy(rules, RunDemands(), f"{NASTY}.toml"))


@pytest.fixture(scope="module")
def many() -> CheckReport:
    """30 languages with long names in 24 layers."""
    names = [f"{'語' * 20}{i:02d}" for i in range(30)]
    result = make_result(names, families(), layers(24))
    assert len(result.pairs) == 435 * 25
    rules = [Rule(f"rule {i} {'長' * 100}", "pairs", "corrected", at_least=0.9) for i in range(8)]
    return hold(result, *rules)


def console_text(report: CheckReport, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, _environ={})
    with console.capture() as captured:
        print_check(report, console)
    return captured.get()


def test_junit_is_well_formed_and_counts_what_is_in_it() -> None:
    root = Xml.fromstring(junit_xml(report_of_all()).encode())
    [suite] = root
    cases = list(suite)
    for element in (root, suite):
        assert element.attrib["tests"] == str(len(cases)) == "6"
        assert element.attrib["failures"] == str(len(suite.findall("testcase/failure"))) == "2"
        assert element.attrib["skipped"] == str(len(suite.findall("testcase/skipped"))) == "1"
        assert element.attrib["errors"] == "0"
    assert len({case.attrib["name"] for case in cases}) == len(cases)
    failed = [case for case in cases if case.find("failure") is not None]
    assert "no-match" in [case.find("failure").attrib["type"] for case in failed]  # type: ignore[union-attr]
    error = Xml.fromstring(junit_error(NASTY).encode())
    assert error.attrib == {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}


@settings(max_examples=50)
@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_any_text_is_well_formed_xml_and_one_line_of_a_command(warning: str, name: str) -> None:
    result = make_result(["de", "en"], constant(-0.5, "conflict"), [], warnings=[warning])
    report = check_result(result, Policy([Rule(name, "pairs", "corrected", at_least=0.0)]))
    assert Xml.fromstring(junit_xml(report).encode("utf-8")).attrib["failures"] == "1"
    for line in [*annotation_lines(report, name), error_annotation(warning)]:
        assert len(line.splitlines()) == 1
        # GitHub splits at the first "::" after the command's name and properties, and properties at commas.
        command, _, data = line.removeprefix("::").partition("::")
        level, _, properties = command.partition(" ")
        assert level in ("error", "warning")
        assert all(re.fullmatch(r"(file|title)=[^,:]*", part) for part in properties.split(","))
        assert "##[" not in line
        assert not re.search(r"%(?!25|0D|0A|3A|2C)", properties + data)


def test_annotations_say_what_github_would_leave_out() -> None:
    result = make_result(["de", "en"], constant(-0.5, "conflict"), [], warnings=[f"warning {i}" for i in range(12)])
    rules = [Rule(f"rule {i}", "pairs", "corrected", at_least=0.0) for i in range(10)]
    lines = annotation_lines(hold(result, *rules))
    assert sum(line.startswith("::error ") for line in lines) == 10
    warnings = [line for line in lines if line.startswith("::warning ")]
    assert len(warnings) == 10
    assert warnings[-1].endswith("::and 3 more")


def test_nothing_is_annotated_where_nothing_is_wrong() -> None:
    report = hold(make_result(["de", "en"]), Rule("r", "pairs", "corrected", at_least=-9.0))
    assert annotation_lines(report) == []


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    escaped = escape_markdown(text)
    assert not re.search(r"[|`<>*_\[\]\\\n\r]", escaped)
    shown = html.unescape(escaped)
    for kept, original in zip(shown, text, strict=True):
        assert kept == original or unicodedata.category(original) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")


def test_markdown_that_is_parsed_has_the_names_in_its_cells_and_nothing_else() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown_summary(report_of_all()))
    inline = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inline for child in token.children or ()} == {"text"}
    assert not [token.type for token in tokens if "html" in token.type or "code" in token.type]
    rows = [0]
    for token in tokens:
        if token.type == "tr_open":
            rows.append(0)
        rows[-1] += token.type in ("th_open", "td_open")
    assert rows[:7] == [0, 8, 8, 8, 8, 8, 8]
    assert set(rows[7:]) == {3}
    texts = {"".join(child.content for child in token.children or ()) for token in inline}
    for name in (NASTY, NASTY + "2"):
        assert safe_text(name) in texts


def test_cells_of_the_summary_stay_in_their_columns() -> None:
    text = markdown_summary(report_of_all())
    table = [line for line in text.splitlines() if line.startswith("|")]
    rules = table[: table.index("|---|---|---|---|--:|--:|--:|---|") + 6]
    assert {line.count("|") for line in rules} == {9}
    assert text.startswith("## ❌ interfere check FAILED: 2 errors, 3 warnings\n")
    assert "\x1b" not in text
    assert "<b>" not in text
    assert "❌ no match" in text
    assert markdown_error(NASTY).count("\n") == 3


@pytest.mark.parametrize("limit", [1024 * 1024, 20_000, 500, 10])
def test_the_summary_of_many_pairs_and_layers_fits(many: CheckReport, limit: int) -> None:
    text = markdown_summary(many, limit)
    assert len(text.encode()) <= limit
    if limit >= 500:
        assert "more rows." in text or "do not fit here" in text
    rule = check_document(many)["rules"][0]
    assert len(rule["not_passed"]) == rule["failed"] > 8000


def test_a_summary_of_very_many_rules_is_cut_and_says_so() -> None:
    result = pairs_of([(-0.5, -0.6, -0.4)])
    report = hold(result, *(Rule(f"{i} {'|' * 300}", "pairs", "corrected", at_least=0.0) for i in range(500)))
    text = markdown_summary(report)
    assert len(text.encode()) <= 1024 * 1024
    assert "more lines do not fit here" in text


@pytest.mark.parametrize("width", [80, 60, 120])
def test_the_terminal_is_kept_to_and_not_steered(width: int) -> None:
    report = report_of_all()
    text = console_text(report, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text.replace("\n", ""))
    for word in ("pass", "fail", "warn", "undetermined", "no match"):
        assert re.search(rf"^{word} ", text, flags=re.MULTILINE), word
    assert text.rstrip().endswith("FAILED: 2 errors, 3 warnings")
    assert re.search(r" 42 +41 ", text)


def test_why_names_the_row_the_numbers_and_the_bound() -> None:
    report = hold(
        pairs_of([(-0.30, -0.35, -0.25), (-0.10004, -0.2, -0.10001), (0.5, 0.4, 0.6)]),
        Rule("r", "pairs", "corrected", at_least=-0.1),
        Rule("s", "pairs", "corrected", at_least=-0.1, pairs=[("l000", "l002")], uncertainty="estimate"),
        Rule("t", "pairs", "corrected", at_least=0.45, uncertainty="proven", may_fail=2),
    )
    said = " ".join(console_text(report, 200).split())
    assert (
        "r: corrected of l000–l001, body is -0.3 [-0.35, -0.25], below at_least = -0.1 with its whole interval; "
        "2 of 3 rows fail." in said
    )
    assert "s: corrected of l000–l002, body is -0.10004 [" in said
    assert "below at_least = -0.1." in said
    assert "2 of 3 rows fail, 1 cannot be judged, 2 may." in said


def test_json_has_every_row_that_is_not_passed_and_no_nan() -> None:
    document = check_document(report_of_all())

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert json.loads(json.dumps(document), parse_constant=refuse) == document
    assert [rule["status"] for rule in document["rules"]] == ["pass", "fail", "fail", "undetermined", "no match"]
    assert [rule["level"] for rule in document["rules"]] == ["", "error", "warning", "warning", "error"]
    assert document["passed"] is False
    pairs = len(list(combinations(HOSTILE, 2))) * 2
    assert len(document["rules"][1]["not_passed"]) == pairs
    assert document["rules"][1]["not_passed"][-1]["reason"]
