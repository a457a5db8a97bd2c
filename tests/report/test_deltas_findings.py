import dataclasses
import io
import unicodedata

import pytest
from rich.cells import cell_len
from rich.console import Console

from interfere.report import findings, print_report, terminal_report
from interfere.report._deltas_tables import percent, percent_digits, size
from tests.report._results import CODES
from tests.report.test_deltas_results import FEW, NAN, make_deltas

HOSTILE = ["<b>bold</b>", "[bold red]markup[/]", "\x1b[31mred\x1b[0m", "a\u202eb", "日本語" * 12, "العربية", "w" * 64]
RELATIVE = {"de": 0.042, "en": -0.031, "fr": 0.004, "ja": 0.061}
SMALL = {"de": 0.0004, "en": 0.031, "fr": 0.4, "ja": 0.01}


def said(result):
    return " ".join(findings(result))


def planted(**more):
    return make_deltas(
        sorted(RELATIVE), relative=lambda m, a: RELATIVE[a], q_value=lambda m, a: SMALL[a], width=0.01, **more
    )


def test_verdicts_are_counted_and_the_largest_differences_have_their_intervals():
    first = findings(planted())[0]
    assert first == (
        "The multilingual model is worse in 2 and better in 1 of 4 languages than the monolingual models (q ≤ 0.05); 1 "
        "is undetermined. By bits per byte it is worse most in ja, +6.1% (95% interval +5.1% to +7.1%, q = 0.010); "
        "better in en, -3.1% (95% interval -4.1% to -2.1%, q = 0.031)."
    )


def test_undetermined_is_not_equal_and_says_what_is_not_ruled_out():
    text = said(planted())
    assert "Whether the multilingual model is worse or better in fr is open" in text
    assert "anything from -0.6% to +1.4%" in text
    two = make_deltas(["de", "en", "fr"], relative=lambda m, a: 0.001, width=0.03)
    assert findings(two)[0].startswith("The multilingual model could not be shown to be worse or better")
    assert "3 languages, de, en and fr, is open: the intervals leave room for differences from -2.9% to +3.1%" in said(
        two
    )
    for claim in (" equal", "no difference", "interferes", "transfers"):
        assert claim not in " ".join(findings(two)[:2])


def test_a_verdict_needs_a_small_q_whatever_the_interval():
    result = make_deltas(["de", "en"], relative=lambda m, a: 0.05, q_value=lambda m, a: 0.08)
    assert "could not be shown to be worse or better" in findings(result)[0]
    result = make_deltas(["de", "en"], relative=lambda m, a: NAN)
    assert "is worse in" not in said(result)
    assert "nan" not in said(result)


def test_the_caveats_are_always_there():
    for result in (planted(), make_deltas(["en"]), make_deltas(["de", "en"], failed=["de", "en"], same=["en"])):
        text = said(result)
        assert "differ in more than in sharing" in text
        assert "worse is not yet interference" in text
        assert "over documents and not over training runs" in text
        assert "pseudo-likelihoods" in text
        assert "comparable with the bits per byte of causal LMs" in text
        assert "must be new to every model" in text
        assert said(result).replace("not yet interference", "").count("interference") == 0


def test_one_language_is_spoken_of_in_the_singular():
    first = findings(make_deltas(["en"], relative=lambda m, a: 0.03, width=0.001))[0]
    assert first == (
        "The multilingual model is worse in 1 language than the monolingual model (q ≤ 0.05). By bits per byte it is "
        "worse in en, +3.0% (95% interval +2.9% to +3.1%, q <0.001)."
    )
    none = findings(make_deltas(["en"], relative=lambda m, a: 0.003))[0]
    assert "in 1 language: en +0.3% (95% interval -0.7% to +1.3%, q = 0.600)." in none


def test_languages_that_could_not_be_judged_have_their_reason():
    text = said(make_deltas(["de", "en", "fr"], few=["de"], failed=["fr"], relative=lambda m, a: 0.05))
    assert f"de ({FEW})" in text
    assert "fr (multilingual has no numbers: the text of it is too short)" in text
    assert "1 of 3 languages" in text
    assert "nan" not in text


def test_equal_models_are_not_called_undecided():
    text = said(make_deltas(["de", "en", "fr"], same=["de"], relative=lambda m, a: 0.05))
    assert "In de both models give every document the same bits: they are the same model" in text
    assert "in de is open" not in text
    several = said(make_deltas(["de", "en"], models=["bi", "multi"], same=["de"], relative=lambda m, a: 0.05))
    assert "In de bi and multi and the monolingual model give every document the same bits" in several


def test_the_range_of_bits_per_byte_has_its_languages():
    text = said(make_deltas(["de", "en"], level=lambda a: {"de": 1.25, "en": 1.5}[a], relative=lambda m, a: 0.1))
    assert "the multilingual model 1.375 (de) to 1.650 (en); the monolingual models 1.250 (de) to 1.500 (en)" in text


def test_worth_says_on_which_side_it_lies_where_it_is_beyond_what_was_tried():
    worth = {
        ("multilingual", "de"): {"text": 2.5e6, "ci_low": 1.2e6, "ci_high": 4e6, "beyond": ""},
        ("multilingual", "en"): {"text": NAN, "ci_low": 0.0, "ci_high": 0.0, "beyond": "less"},
        ("multilingual", "fr"): {"text": NAN, "ci_low": 8e6, "ci_high": NAN, "beyond": "more"},
        ("multilingual", "ja"): {"text": NAN, "ci_low": NAN, "ci_high": NAN, "beyond": "more"},
        ("multilingual", "ko"): {"text": 3e6, "ci_low": 0.0, "ci_high": NAN, "beyond": ""},
    }
    text = said(make_deltas(["de", "en", "fr", "ja", "ko"], sizes=[1e6, 1e7], worth=worth))
    assert "de 2.5 MB (95% interval 1.2 MB to 4 MB)" in text
    assert "en less than the least, 1 MB (95% interval below that)" in text
    assert "fr more than the most, 10 MB (95% interval 8 MB to above 10 MB)" in text
    assert "ja more than the most, 10 MB (95% interval above that)" in text
    assert "ko 3 MB (no interval within what was tried)" in text
    assert "monolingual model of this much text" not in said(planted())


def test_a_curve_is_only_said_to_rise_where_intervals_are_apart():
    change = {"de": 0.05, "en": -0.05, "fr": 0.005}
    result = make_deltas(
        ["de", "en", "fr"], models=["bi", "tri", "all"], relative=lambda m, a: change[a] * (m == "all") + 0.02
    )
    text = said(result)
    assert "From model bi to model all the relative difference rises in 1 language (de, from +2.0% to +7.0%)" in text
    assert "falls in 1 language (en, from +2.0% to -3.0%), where the intervals are apart; in 1 the intervals" in text
    flat = said(make_deltas(["de", "en"], models=["bi", "all"], relative=lambda m, a: 0.02))
    assert "was not shown to rise or to fall in any of 2 languages" in flat
    assert "relative difference" not in said(planted())
    backwards = make_deltas(["de"], models=["z", "a"], relative=lambda m, a: 0.1 if m == "a" else 0.0)
    assert "From model z to model a the relative difference rises" in said(backwards)


def test_every_model_has_its_headline():
    result = make_deltas(["de", "en"], models=["bi", "tri"], relative=lambda m, a: 0.05 if m == "bi" else -0.05)
    assert findings(result)[0].startswith("Model bi is worse in all 2 languages")
    assert findings(result)[1].startswith("Model tri is better in all 2 languages")


def test_warnings_are_not_repeated():
    assert "loses" not in said(make_deltas(["de"], warnings=["The tokenizer of m loses 5% of the bytes of de."]))


@pytest.mark.parametrize(
    ("bytes_", "shown"),
    [(999, "999 bytes"), (1000, "1 kB"), (999_600, "1 MB"), (12_345, "12.3 kB"), (2.5e9, "2.5 GB"), (NAN, "–")],
)
def test_sizes_have_three_digits(bytes_, shown):
    assert size(bytes_) == shown


def test_percentages_have_the_digits_that_their_interval_supports():
    assert percent(0.0004, percent_digits(0.0001, 0.0007)) == "+0.04%"
    assert percent(0.00004, percent_digits(0.00001, 0.00007)) == "+0.004%"
    assert percent(-0.0001) == "0.0%"
    assert percent(12.3456) == "+1,234.6%"
    assert percent(NAN) == "–"


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize(
    "result",
    [
        planted(),
        make_deltas(["en"]),
        make_deltas(HOSTILE, warnings=["\x1b[31mwarning " * 9]),
        make_deltas(HOSTILE, models=HOSTILE, model_id="x/" * 99, sizes=[1e3, 1e6], failed=HOSTILE[:1]),
        make_deltas(CODES[:30], alone=CODES[:3], few=CODES[3:5], same=CODES[5:6], failed=CODES[6:7]),
        make_deltas([f"{'long' * 9}{i}" for i in range(4)], relative=lambda m, a: 98.7654, width=1.2345),
    ],
)
def test_terminal_lines_fit_and_have_no_control_characters(result, width):
    text = terminal_report(result, width)
    for line in text.splitlines():
        assert cell_len(line) <= width
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf") and c not in "\u200c\u200d"]
    assert "nan" not in text
    rows = [line for line in text.splitlines() if line.endswith(("worse", "better", "undetermined", "same model"))]
    rows = [line for line in rows if "<0.001" in line or "0.600" in line]
    assert rows
    # Names are cut, numbers and verdicts never.
    assert not any("…" in line[-45:] for line in rows)


def test_the_terminal_has_a_row_a_language_with_all_numbers():
    lines = terminal_report(planted(alone=[], level=lambda a: 2.0)).splitlines()
    assert next(line.split() for line in lines if line.startswith("ja ")) == [
        "ja", "2.122", "2.000", "+0.122", "+6.1%", "[+5.1,", "+7.1]", "0.010", "worse",
    ]  # fmt: skip
    shown = [line[:2] for line in lines if line[:2] in RELATIVE]
    assert shown == ["ja", "de", "fr", "en"]
    alone = terminal_report(make_deltas(["de", "en"], alone=["en"], level=lambda a: 2.0)).splitlines()
    assert next(line.split() for line in alone if line.startswith("en ")) == ["en", "2.000", *["–"] * 5]


def test_several_models_have_a_table_each():
    text = terminal_report(make_deltas(["de", "en"], models=["bi", "tri"]))
    assert text.count("Languages, the worst in the mean first: ") == 2
    assert "first: bi\n" in text


def test_a_colour_console_gets_no_markup_of_names():
    out = io.StringIO()
    print_report(make_deltas(HOSTILE), Console(file=out, width=80, force_terminal=True, color_system="truecolor"))
    assert "[bold red]" in out.getvalue()
    assert "\x1b[31mred" not in out.getvalue()


def test_numbers_that_came_back_as_null_are_unknown():
    result = make_deltas(["de", "en"])
    table = result.tables["deltas"]
    columns = [c for c in table.columns if table[c].dtype.kind == "f"]
    empty = table.astype(dict.fromkeys(columns, object)).assign(**dict.fromkeys(columns, None))
    text = said(dataclasses.replace(result, tables={**result.tables, "deltas": empty}))
    assert "could not be shown to be worse or better" in text
    assert "None" not in text
