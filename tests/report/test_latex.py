"""The tables for a paper, read back with a small reader of TeX."""

import re

import pytest

from interfere.report import make_report, safe_text
from interfere.report._latex import _CHARACTERS, escaped
from tests.report._importance import make_importance
from tests.report._results import make_result
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment
from tests.report.test_tasks_results import make_tasks

HOSTILE = ["\\input{x}", "100%", "a&b", "$x^2$", "#1_{~}", "[h]", "*", "العربية", "日本語", "<a|b>", "x--y,,z''\"`?`"]
COMMANDS = {"begin", "end", "centering", "small", "caption", "label", "toprule", "midrule", "bottomrule", "par"}
COMMANDS |= {"resizebox", "ifdim", "width", "else", "fi", "medskip", "parbox", "linewidth", "footnotesize", "\\"}
PIECES = {tex: plain for plain, tex in _CHARACTERS.items() if plain != "\ufffd"}


def plain(tex):
    """What TeX prints for escaped words: known pieces, groups that keep characters apart, and plain characters."""
    out = ""
    while tex:
        piece = max((p for p in PIECES if tex.startswith(p)), key=len, default=None)
        if piece is None:
            assert tex[0] not in "\\{}$&#^_%~", tex
            piece = tex[0]
        out += PIECES.get(piece, piece)
        tex = tex[len(piece) :]
    return out


def rows(table):
    body = re.search(r"\\toprule\n(.*)\\bottomrule", table, re.S)[1]
    return [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in body.splitlines() if line != r"\midrule"]


def read(text):
    """The tables of a report whose braces and environments are balanced, and whose commands are known."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)%", code)
    depth = 0
    for c in re.sub(r"\\[\\{}$&#%_]", "", code):
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0
    assert depth == 0
    assert all(line.replace(r"\$", "").count("$") % 2 == 0 for line in code.splitlines())
    opened = []
    for what, name in re.findall(r"\\(begin|end)\{([^}]*)\}", code):
        if what == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    escapes = set(re.findall(r"\\([a-zA-Z]+|.)", "".join(_CHARACTERS.values())))
    assert set(re.findall(r"\\([a-zA-Z]+|.)", code)) <= COMMANDS | escapes
    return re.split(r"(?=\\begin\{table\*?\})", code)[1:]


@pytest.mark.parametrize("name", [*HOSTILE, "Füße – Ωx", "a−b ≤ 0.5", "{", "}", "\\", "~^", "--", "a\u00a0b"])
def test_words_are_set_as_they_are(name):
    assert plain(escaped(name)) == name
    for run in ("--", ",,", "''", "?`", "!`"):
        assert run not in escaped(name.replace("–", ""))
    assert not escaped(name).startswith(("[", "*"))


@pytest.mark.parametrize(
    "make",
    [
        make_result,
        make_deltas,
        make_tasks,
        lambda names: make_experiment(names, ["pair"], conflict=False, curves=False),
        make_importance,
    ],
    ids=["gradients", "deltas", "tasks", "experiment", "importance"],
)
def test_every_kind_gives_tables_with_caption_label_and_as_many_cells_as_columns(make):
    text = make_report({"run": make([safe_text(n) for n in HOSTILE])}, "latex", title="50% {of}")
    tables = read(text)
    assert tables
    labels = []
    for table in tables:
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)[1]
        found = rows(table)
        assert {len(row) for row in found} == {len(columns)}
        assert 2 <= len(found) <= 41
        assert r"\caption{50\% \{of\}: " in table
        labels += re.findall(r"\\label\{([\w:-]+)\}", table)
        assert "Intervals are 95\\% and hold one by one" in table
    assert len(set(labels)) == len(tables)
    assert text.startswith("% Needs \\usepackage{booktabs,graphicx}")
    assert "LuaLaTeX or XeLaTeX" in text
    assert "bidi" in text


def test_the_cells_are_those_of_the_markdown_table():
    result = make_result(["a_b", "c&d", "e"])
    (table,) = read(make_report({"run": result}, "latex"))
    head, *cells = [[plain(cell) for cell in row] for row in rows(table)]
    assert head == ["pair", "raw", "corrected", "95% interval", "q", "verdict"]
    body = result.pairs[result.pairs["group"] == "body"].sort_values("corrected")
    assert [row[0] for row in cells] == [f"{a} · {b}" for a, b in zip(body["a"], body["b"], strict=True)]
    shown = [float(row[2].replace("−", "-")) for row in cells]
    assert shown == pytest.approx(list(body["corrected"]), abs=0.0051)


def test_latin_names_need_no_other_engine():
    text = make_report({"run": make_result(["Füße", "Ðé", "en"]), "b": make_deltas(["de", "en"])}, "latex")
    assert "LuaLaTeX" not in text
    assert r"\caption{run: Pairs" in text
    assert r"\caption{b: " in text
