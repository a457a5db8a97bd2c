import io
import unicodedata

import pytest
from rich.cells import cell_len
from rich.console import Console

from interfere.report import findings, print_report, terminal_report
from tests.report._importance import make_importance
from tests.report._results import CODES

HOSTILE = ["<b>bold</b>", "[bold red]markup[/]", "\x1b[31mred\x1b[0m", "a\u202eb", "日本語" * 12, "العربية", "w" * 64]


def said(result):
    return " ".join(findings(result))


def test_own_units_stand_next_to_what_chance_gives():
    result = make_importance(["de", "en", "fr"], own=lambda i: (1, 4, 6)[i])
    first = findings(result)[0]
    assert "11 neurons are a language's own, from 1 (de) to 6 (fr) of 6 picked" in first
    assert "at most about 0.6 of the 11" in first  # 5% of 11
    assert "q ≤ 0.05" in first


def test_specificity_has_its_interval_and_q():
    result = make_importance(
        ["de", "en", "fr"],
        damage=lambda removed, language: {"de": 0.3, "en": 0.123, "fr": 0.04}[removed] if removed == language else 0.0,
        q_value=lambda i: (0.0004, 0.031, 0.4)[i],
    )
    text = said(result)
    assert "for 2 of 3 languages" in text
    assert "de, 0.300 nats per prediction (95% interval 0.250 to 0.350, q <0.001)" in text
    assert "en, 0.123 nats per prediction (95% interval 0.073 to 0.173, q = 0.031)" in text
    assert "It was not shown for fr." in text


def test_a_one_sided_q_is_told_from_an_interval_that_includes_0():
    narrow = said(make_importance(["de", "en"], damage_width=0.05))
    wide = said(make_importance(["de", "en"], damage_width=0.3))
    assert "q tests one side" not in narrow
    assert "q tests one side: the interval of de and en, which has two, includes 0 all the same" in wide


def test_nothing_is_claimed_where_nothing_was_shown():
    text = said(make_importance(["de", "en"], q_value=lambda i: 0.2, own=lambda i: 0))
    assert "hurts it, and more than the others' mean" not in text
    assert "was not shown to hurt it, and more than the others' mean, for any of 2 languages" in text
    assert "none of the neurons picked for a language, 6 for each, could be shown to be its own" in text


def test_damage_to_others_is_counted_next_to_chance():
    numbers = {("zh", "ja"): 0.19, ("zh", "zh"): 0.4}
    result = make_importance(["de", "en", "ja", "zh"], damage=lambda a, b: numbers.get((a, b), 0.0))
    text = said(result)
    assert "of 12 combinations of removed units and another language, 1 has an interval above" in text
    assert "ja without the units of zh, 0.190 nats per prediction (95% interval 0.140 to 0.240)" in text
    assert "chance alone would give about 0.3" in text
    assert "No other language was shown to lose" in said(make_importance(["de", "ja", "zh"]))


def test_overlaps_are_read_against_their_ceiling():
    rank = {frozenset("ab"): 0.94, frozenset("bc"): 0.19}
    text = said(make_importance(["a", "b", "c"], rank=lambda a, b: rank.get(frozenset((a, b)), 0.5), heads=2))
    assert "a and b: rank overlap 0.94 (95% interval 0.92 to 0.96), 99% of their ceiling of 0.95" in text
    assert "b and c: rank overlap 0.19 (95% interval 0.17 to 0.21), 20% of their ceiling" in text
    assert "For 1 of 3 pairs the interval reaches the ceiling" in text


def test_layers_that_differ_most_have_intervals():
    def share(language, layer, kind):
        return 3.0 if (language, layer) == ("fr", "encoder.0") else 1.0

    text = said(make_importance(["de", "en", "fr"], share=share))
    assert "block of encoder.0, 37.5% for fr (95% interval 36.5% to 38.5%) and 25.0% for de" in text
    assert "intervals apart" in text
    same = said(make_importance(["de", "en"], share=lambda language, layer, kind: 1 + 0.01 * (language == "de")))
    assert "intervals overlapping" in same
    assert "intervals apart" not in same


def test_gates_tell_how_far_the_halves_agree():
    text = said(make_importance(["de", "en"], keep=lambda language, layer, kind: 0.6 if language == "de" else 0.7))
    assert "heads 0.67 (by language and layer from 0.62 to 0.72; a language's halves differ by 0.04" in text
    assert "Trained gates" not in said(make_importance(["de", "en"], gates=False))


def test_words_that_claim_too_much_are_not_used():
    for result in (make_importance(["de", "en", "fr"]), make_importance(["de", "en"], chunks=4, ablate=False)):
        assert "significant" not in said(result)
        assert "nan" not in said(result)


def lines_of(result, width=80):
    return terminal_report(result, width).splitlines()


def row_of(result, language):
    return next(line for line in lines_of(result) if line.startswith(language)).split()


def test_the_terminal_has_a_row_for_each_language():
    result = make_importance(
        ["de", "en"],
        own=lambda i: (4, 5)[i],
        damage=lambda a, b: 0.25 if a == b == "de" else 0.125 if a == b else 0.0,
        share=lambda language, layer, kind: 3.0 if layer == "encoder.1" else 1.0,
    )
    assert row_of(result, "de") == ["de", "4", "0.2", "0.250", "[0.200,", "0.300]", "0.012", "75%", "encoder.1"]
    assert row_of(result, "en")[:4] == ["en", "5", "0.2", "0.125"]
    assert row_of(make_importance(["de", "en"], ablate=False, own=lambda i: 4), "de")[:3] == ["de", "4", "0.2"]


def test_what_is_unknown_has_a_dash_on_the_terminal():
    failed = make_importance(["de", "en", "fr"], failed=["en"])
    assert row_of(failed, "en") == ["en", *["–"] * 5]
    few = make_importance(["de", "en"], chunks=4)
    assert row_of(few, "de")[1:5] == ["–", "–", "0.190", "–"]
    assert "nan" not in terminal_report(failed) + terminal_report(few)


def test_findings_and_warnings_are_all_on_the_terminal():
    result = make_importance(["de", "en", "fr"], warnings=["Text of de is short."], ablate=False)
    report = " ".join(terminal_report(result).split())
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in report
    assert "--ablate" in report


@pytest.mark.parametrize("width", [80, 120, 60])
def test_no_line_is_wider_than_the_terminal(width):
    hostile = make_importance(HOSTILE, layers=["l" * 90], model_id="../\x1b]0;t\x07/" + "m" * 200, warnings=["\x1b[2J"])
    for result in (hostile, make_importance(CODES[:40], layers=["encoder.0"], heads=2, gates=False)):
        lines = lines_of(result, width)
        assert max(cell_len(line) for line in lines) <= width
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for line in lines for c in line)


def test_numbers_are_whole_at_eighty_columns_whatever_the_names():
    rows = [line for line in lines_of(make_importance(HOSTILE)) if "[0.140, 0.240]" in line]
    assert len(rows) == len(HOSTILE)
    assert all("0.012" in row and "%" in row for row in rows)


def test_markup_in_names_is_not_read_as_markup():
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=100)
    print_report(make_importance(HOSTILE), console)
    assert "[bold red]mark" in console.file.getvalue()
