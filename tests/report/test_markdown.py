"""The section of a model card, read back with a Markdown parser."""

import re

import pytest
from markdown_it import MarkdownIt

from interfere.report import findings, make_report, safe_text
from interfere.report._markdown import escaped
from tests.report._importance import make_importance
from tests.report._results import constant, make_result
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment
from tests.report.test_tasks_results import make_tasks

HOSTILE = ["<script>x</script>", "a|b", "`code`", "**bold**", "[l](http://x.y)", "# head", "1. one", "$x$", "العربية"]
TRICKY = (*HOSTILE, "- item", "+ item", "* item", "~~~", "```", "---", "===", "a\\|b", "_i_", "~~s~~", "![i](u)", "<b>")
TRICKY += ("https://example.org", "www.example.org", "&amp;", "> quote", "12) x", "2026-11-22", "0.02 x", "{x}", "#tag")


def parsed(text):
    """Tokens by GitHub's rules for tables and struck text."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def words(token):
    assert all(
        child.type in ("text", "text_special", "softbreak", "strong_open", "strong_close", "em_open", "em_close")
        for child in token.children
    ), token.content
    return "".join(child.content for child in token.children)


def tables(text):
    """Rows of cells, the head first."""
    out = []
    tokens = parsed(text)
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            out.append([])
        if token.type == "tr_open":
            out[-1].append([])
        if token.type in ("th_open", "td_open"):
            out[-1][-1].append(words(tokens[i + 1]).replace("\u2068", "").replace("\u2069", ""))
    return out


@pytest.mark.parametrize("text", TRICKY)
def test_words_come_out_as_they_are_in_every_place(text):
    for before, after in (("", ""), ("- ", ""), ("**How.** ", "")):
        inline = [t for t in parsed(f"{before}{escaped(text)}{after}") if t.type == "inline"]
        assert len(inline) == 1
        assert words(inline[0]) == ("How. " if "How" in before else "") + text
    cell = tables(f"| a |\n| --- |\n| {escaped(text)} |")
    assert cell == [[["a"], [text]]]


def test_numbers_are_not_escaped():
    assert escaped("0.02 to −0.30, +5.1% (q = 0.003) - 3") == "0.02 to −0.30, +5.1% (q = 0.003) - 3"


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (make_result, ["pair", "raw", "corrected", "95% interval", "q", "verdict"]),
        (make_deltas, ["language", "multilingual", "monolingual", "Δ"]),
        (make_tasks, ["tested in", "multilingual", "monolingual", "Δ"]),
        (
            lambda names: make_experiment(names, ["pair"], conflict=False, curves=False),
            ["language", "kind", "with", "Δ"],
        ),
        (make_importance, ["language", "kind", "picked", "own"]),
    ],
    ids=["gradients", "deltas", "tasks", "experiment", "importance"],
)
def test_a_section_has_findings_a_table_and_how_it_was_measured(make, columns):
    names = [safe_text(name) for name in HOSTILE]
    result = make(names)
    text = make_report({"run": result}, "markdown")
    tokens = parsed(text)
    assert not {"html_block", "html_inline", "blockquote_open", "hr"} & {t.type for t in tokens}
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h2"]
    assert text.startswith("## Interference between languages\n")
    shown = " ".join(words(t) for t in tokens if t.type == "inline").replace("\u2068", "").replace("\u2069", "")
    shown = shown.replace("\u00a0", " ").replace("−", "-")
    for sentence in findings(result):
        assert " ".join(sentence.split()) in " ".join(shown.split())
    main = tables(text)
    assert main[0][0][: len(columns)] == columns
    assert all(len(row) == len(table[0]) for table in main for row in table)
    assert all(2 <= len(table) <= 21 for table in main)
    assert "How it was measured." in shown
    assert "How to read it." in shown


def test_the_table_has_the_results_numbers_and_says_how_many_rows_it_leaves_out():
    result = make_result([f"l{i}" for i in range(8)])
    text = make_report({"run": result}, "markdown")
    (table,) = tables(text)
    assert len(table) == 21
    assert "*8 more rows are in the CSV files of the run.*" in text
    body = result.pairs[result.pairs["group"] == "body"].set_index(["a", "b"])
    lowest = sorted(body["corrected"])[:20]
    shown = []
    for pair, raw, corrected, interval, *_ in table[1:]:
        row = body.loc[tuple(pair.split(" · "))]
        numbers = [float(x.replace("−", "-")) for x in (raw, corrected, *interval.split(" to "))]
        assert numbers == pytest.approx([row[c] for c in ("cosine", "corrected", "ci_low", "ci_high")], abs=0.0051)
        shown.append(row["corrected"])
    assert shown == pytest.approx(lowest)


def test_several_runs_have_a_heading_each_and_a_command_cannot_leave_its_block():
    first = make_result(["de", "en"], constant(float("nan"), "undetermined"), warnings=["One | two"])
    object.__setattr__(first, "command", "interfere gradients --model '```\n## x'")
    text = make_report({"# a": first, "b|c": make_deltas(["de", "en"])}, "markdown", title="*T*")
    tokens = parsed(text)
    levels = [(t.tag, words(tokens[i + 1])) for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert levels == [("h2", "*T*"), ("h3", "# a"), ("h3", "b|c")]
    command, _ = [t.content for t in tokens if t.type == "fence"]
    assert command == "interfere gradients --model '``` ## x'\n"
    assert re.search(r"One \\\| two", text)
