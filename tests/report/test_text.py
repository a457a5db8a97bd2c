import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from interfere.report import safe_text
from interfere.report._text import about, cosine, number, probability, short_names, shorten

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "x\x00y",
    "\u2066iso\u2069",
    "\x9b31m",
    "lone \ud800",
    "end\uffff",
    "a\u2028b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_steers_a_terminal_is_replaced(text):
    shown = safe_text(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert "\ufffd" in shown
    shown.encode("utf-8")


@pytest.mark.parametrize("text", ["Deutsch", "日本語", "العربية", "می\u200cخواهم", "<b> $x$ [red]", "हिन्दी", "zh-Hant"])
def test_harmless_text_is_left_as_it_is(text):
    assert safe_text(text) == text


def test_line_breaks_become_spaces():
    assert safe_text("a\nb\tc\r") == "a b c "


@given(st.text(max_size=80), st.integers(1, 40), st.sampled_from(["start", "both", "end"]))
def test_a_shortened_text_fits(text, width, keep):
    text = safe_text(text)
    short = shorten(text, width, keep=keep)
    assert cell_len(short) <= width
    if cell_len(text) <= width:
        assert short == text


def test_each_way_of_shortening_keeps_its_part():
    name = "model.layers.12.self_attn.q_proj.weight"
    assert shorten(name, 10) == "model.lay…"
    assert shorten(name, 10, keep="end") == "…oj.weight"
    assert shorten(name, 11, keep="both") == "model…eight"


@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=12, unique=True), st.integers(8, 30))
def test_short_names_differ_and_fit(names, width):
    shown = short_names(names, width)
    assert len(set(shown.values())) == len(names)
    assert all(cell_len(s) <= width for s in shown.values())


def test_names_alike_at_the_start_are_told_apart_by_their_ends():
    shown = short_names(["a" * 40 + "x", "a" * 40 + "y"], 12)
    assert {s[-1] for s in shown.values()} == {"x", "y"}


def test_numbers():
    assert number(-0.001) == "0.00"
    assert number(float("nan")) == "–"
    assert (cosine(1.7), cosine(-3.0), cosine(-0.424)) == ("1.00", "-1.00", "-0.42")
    assert (probability(0.0002), probability(0.012)) == ("<0.001", "0.012")
    assert (about(12_345), about(12_000), about(7.2), about(999_001)) == ("13,000", "12,000", "8", "1,000,000")
