import io
import re
import unicodedata
from itertools import combinations

import pytest
from rich.cells import cell_len
from rich.console import Console

from interfere.report import findings, print_report, terminal_report
from tests.report._results import CODES, constant, families, layers, make_result

HOSTILE = [
    "<b>bold</b>",
    "[bold red]markup[/]",
    ":smile: [/nothing]",
    "\x1b[31mred\x1b[0m",
    "a\u202eb\u2066c",
    "日本語のとても長い名前" * 5,
    "العربية",
    "w" * 64,
    "w" * 63 + "x",
    "line\nbreak",
]
TENSORS = [f"model.decoder.layers.{i}.encoder_attn.{k}_proj.weight" for i in range(20) for k in "qkv"]


def hostile():
    return make_result(
        HOSTILE,
        families(),
        TENSORS,
        granularity="tensor",
        model_id="../\x1b]0;title\x07/" + "m" * 200,
        reason="because of [red]\x1b[2J",
        warnings=["\x1b[2Jthe language 日本語 " + "v" * 120],
    )


@pytest.mark.parametrize("width", [80, 100, 60])
@pytest.mark.parametrize(
    "result",
    [
        hostile(),
        make_result(["de", "en"], constant(-0.4, "conflict"), []),
        make_result(CODES[:40], families(), layers(12)),
        make_result(CODES[:5], constant(float("nan"), "undetermined"), rho=lambda i: float("nan")),
        make_result(CODES[:5], constant(-7.5, "undetermined"), half_width=1e-5),
    ],
    ids=["hostile", "two", "forty", "nan", "out of range"],
)
def test_no_line_is_wider_than_the_terminal(result, width):
    assert max(cell_len(line) for line in terminal_report(result, width).splitlines()) <= width


def test_nothing_steers_the_terminal_and_nothing_is_taken_for_markup():
    report = terminal_report(hostile())
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in report.replace("\n", ""))
    assert "<b>bold</b>" in report
    assert "[bold red]mar" in report
    assert ":smile:" in report


def test_numbers_are_whole_at_eighty_columns_whatever_the_names():
    # Long names are what is shortened: never a number, a verdict or a heading.
    report = terminal_report(make_result(HOSTILE[:6], constant(-0.123, "undetermined"), layers(3)))
    rows = [line for line in report.splitlines() if "[-0.52, 0.28]" in line]
    assert len(rows) == 15
    assert all(row.endswith("undetermined") and "-0.05" in row and "0.600" in row for row in rows)
    assert "corrected" in report


def test_the_ends_of_a_long_list_are_shown_and_the_rest_is_pointed_to():
    def value(a, b, group, metric):
        i = CODES.index(a) * 40 + CODES.index(b)
        return (-0.9, "undetermined") if i == 1 else (i / 2000, "aligned")

    report = terminal_report(make_result(CODES[:10], value, []))
    body = report[: report.index("Languages\n")]
    assert "of 45" in body
    assert "-0.90" not in body
    assert len([line for line in body.splitlines() if line.endswith("aligned")]) == 10


def test_pairs_are_sorted_by_the_corrected_cosine():
    report = terminal_report(make_result(["de", "en", "fr"], families(undetermined=0)))
    values = [float(line.split()[4]) for line in report.splitlines() if line.endswith(("aligned", "conflict"))]
    assert len(values) == 3
    assert values == sorted(values)


def test_layers_are_counted_by_verdict():
    def value(a, b, group, metric):
        if group == "encoder.1":
            return {"de": (-0.31, "conflict"), "en": (0.01, "neutral")}[a]
        return 0.5, "aligned"

    report = terminal_report(make_result(["de", "en", "fr"], value, layers(2)))
    line = next(line for line in report.splitlines() if line.startswith("encoder.1"))
    assert line.split() == ["encoder.1", "2", "0", "1", "0", "-0.31", "de", "·", "en"]


def test_many_groups_are_thinned_to_those_that_matter():
    def value(a, b, group, metric):
        return (-0.5, "conflict") if group == TENSORS[41] else (0.5, "aligned")

    report = terminal_report(make_result(["de", "en"], value, TENSORS, granularity="tensor"))
    assert "12 of 60 tensors" in report
    assert "layers.13.encoder_attn.v_proj.weight" in report


def test_findings_and_warnings_are_all_there():
    result = make_result(["de", "en", "fr"], warnings=["One tensor owns half of the norm."])
    report = " ".join(terminal_report(result).split())
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in report


def test_colour_only_where_the_console_has_it(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    result = make_result(["de", "en"], constant(-0.4, "conflict"))
    assert "\x1b" not in terminal_report(result)
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)
    print_report(result, console)
    assert "\x1b[1;31m" in console.file.getvalue()


def test_the_ends_of_a_long_list_have_numbers():
    ranks = {pair: i for i, pair in enumerate(combinations(CODES[:20], 2))}

    def value(a, b, group, metric):
        # Half of the pairs have no estimate, and none has a verdict.
        i = ranks[a, b]
        return (i / 100 if i % 2 else float("nan")), "undetermined"

    report = terminal_report(make_result(CODES[:20], value, []), 120)
    table = report[report.index("Pairs of languages") : report.index("The 5 lowest")].splitlines()
    rows = [line for line in table if " · " in line]
    assert len(rows) == 10
    assert all(re.search(r"0\.\d\d|1\.\d\d", line) for line in rows)
