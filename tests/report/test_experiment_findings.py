import dataclasses
import unicodedata

import pytest
from rich.cells import cell_len

from interfere.report import findings, terminal_report
from interfere.report._experiment_predicted import _by_chance, prediction_rows
from tests.report._results import CODES
from tests.report.test_experiment_results import NAN, make_experiment

HOSTILE = ["<b>bold</b>", "[bold red]markup[/]", "\x1b[31mred\x1b[0m", "a\u202eb", "日本語" * 12, "العربية", "w" * 64]
PLANTED = {"half": -0.06, "clone": 0.02, "pair": 0.03, "all": 0.05}


def said(result):
    return " ".join(findings(result))


def planted(**more):
    return make_experiment(["de", "sv"], relative=lambda kind, *_: PLANTED[kind], **more)


def predicted(result, **rows):
    """A result whose predictions are these: predictor → (correlation, low, high, within)."""
    table = result.tables["predictions"].set_index("predictor")
    for name, numbers in rows.items():
        table.loc[name, ["correlation", "ci_low", "ci_high", "within"]] = numbers
    return dataclasses.replace(result, tables={**result.tables, "predictions": table.reset_index()})


def test_controls_come_first_and_are_judged_by_what_they_must_show():
    first, second, third, *_ = findings(planted())
    assert first == (
        "Control, each language with the other half of its own text: transfer in 2 of 2 comparisons (q ≤ 0.05); "
        "strongest transfer in sv, -6.0% (95% interval -7.5% to -4.5%, q <0.001). That is as it must be: more text of "
        "the same language helps."
    )
    assert second.startswith("Control, each language with a clone of itself: interference in 2 of 2")
    assert "competition for capacity alone" in second
    assert third.startswith("Pairs: interference in 2 of 2 comparisons (q ≤ 0.05); strongest interference in de with")
    wrong = make_experiment(["de", "sv"], ["half", "clone"], relative=lambda kind, *_: -PLANTED[kind])
    assert "this design makes sharing look worse" in findings(wrong)[0]
    assert "this design makes sharing look better" in findings(wrong)[1]
    open_ = make_experiment(["de", "sv"], ["half"], relative=lambda *_: -0.001)
    assert "neither interference nor transfer could be shown in any of 2 comparisons" in findings(open_)[0]
    assert "beyond what this run resolves" in findings(open_)[0]


def test_kinds_are_counted_and_the_strongest_have_their_numbers():
    values = {("de", "ko"): 0.07, ("ko", "de"): 0.03, ("de", "sv"): -0.05, ("sv", "de"): 0.002, ("ko", "sv"): 0.001}
    result = make_experiment(["de", "ko", "sv"], ["pair"], relative=lambda k, a, b, w: values.get((a, b), 0.0))
    assert findings(result)[0] == (
        "Pairs: interference in 2 and transfer in 1 of 6 comparisons (q ≤ 0.05), 3 undetermined; strongest "
        "interference in de with ko, +7.0% (95% interval +5.5% to +8.5%, q <0.001); transfer in de with sv, -5.0% "
        "(95% interval -6.5% to -3.5%, q <0.001)."
    )


def test_a_verdict_needs_a_small_q_whatever_the_interval():
    result = make_experiment(["de", "sv"], ["pair"], relative=lambda *_: 0.05, q_value=lambda *_: 0.08)
    assert "neither interference nor transfer could be shown" in findings(result)[0]


def test_capacity_changes_only_where_intervals_are_apart():
    result = make_experiment(["de", "sv"], ["clone", "pair"], widths=(8, 64), relative=lambda k, a, b, w: 0.8 / w)
    text = said(result)
    assert "From width 8 to width 64 the relative difference with a clone of itself falls in 2 of 2 (most in " in text
    assert "from +10.0% to +1.2%), where the intervals are apart." in text
    flat = make_experiment(["de", "sv"], ["pair"], widths=(8, 64), relative=lambda *_: 0.02)
    assert "of pairs was not shown to rise or to fall in any of 2 comparisons" in said(flat)
    assert "From width" not in said(planted())
    swept = make_experiment(["de", "sv"], ["pair"], text=(0.25, 1.0), relative=lambda *_: 0.02)
    assert "From 25% of the text to 100% of the text the relative difference of pairs falls in 2 of 2" in said(swept)


def test_too_few_pairs_are_no_correlation():
    result = make_experiment(["de", "ko", "sv"], ["pair"])
    assert "With 3 pairs of languages no rank correlation is judged, as 5 are the least" in said(result)
    assert "rank correlation +" not in said(result)
    assert "predictor" not in terminal_report(result)
    assert set(prediction_rows(result)["says"]) == {"not judged"}


def test_it_is_said_plainly_whether_the_angle_predicts_the_harm():
    base = make_experiment(CODES[:5], ["pair"])
    nothing = predicted(base, conflict=(-0.55, -0.85, 0.02, NAN), overlap=(-0.62, -0.9, -0.1, NAN))
    text = said(nothing)
    assert "The angle between gradients (corrected cosine) at 10% of the training does not predict the final" in text
    assert "rank correlation -0.55 (95% interval -0.85 to +0.02) over 20 directions of 10 pairs" in text
    assert "an interval that holds 0. That is no better than the overlap of the texts (-0.62)." in text
    assert "It is one number a pair and cannot tell which direction loses more." in text
    assert "The overlap of the texts in byte 3-grams, a baseline that needs no training, predicts the final" in text
    found = said(predicted(base, conflict=(-0.9, -0.95, -0.8, NAN), overlap=(-0.2, -0.6, 0.3, NAN)))
    assert "predicts the final difference here (the lower, the more harm)" in found
    assert "That is better than the overlap of the texts (-0.20), as the intervals are apart." in found
    close = said(predicted(base, conflict=(-0.7, -0.9, -0.3, NAN), overlap=(-0.6, -0.8, -0.1, NAN)))
    assert "not shown to be better than the overlap of the texts (-0.60), as the intervals overlap" in close
    against = said(predicted(base, conflict=(0.7, 0.3, 0.9, NAN)))
    assert "goes with the final difference against what was expected (the more, the more harm)" in against


def test_directions_are_told_only_beyond_chance():
    base = make_experiment(CODES[:5], ["pair"])
    half = predicted(base, early_delta=(0.85, 0.61, 0.94, 0.6))
    assert "it tells right in 6 of 10 pairs, which is not shown to differ from chance" in said(half)
    most = predicted(base, early_delta=(0.85, 0.61, 0.94, 1.0))
    assert "it tells right in 10 of 10 pairs, more often than chance" in said(most)
    assert _by_chance(9, 10) == pytest.approx(22 / 1024)
    assert _by_chance(5, 10) == 1.0


def test_without_gradients_only_what_is_known_is_correlated():
    result = make_experiment(CODES[:5], ["pair"], conflict=False)
    text = said(result)
    assert "could not be correlated with the final difference" in text
    assert "nan" not in text


def test_short_runs_say_what_they_predict_and_on_what_assumption():
    result = make_experiment(["de", "sv"], ["pair"], scout=(90, 300), relative=lambda *_: 0.1)
    assert findings(result)[0] == (
        "At full length, 3,000 updates, short runs predict for pairs, of 2 comparisons, a relative difference above 0 "
        "in 2, most in de with sv, +10.0% (95% interval +7.0% to +13.0%). These intervals hold each by itself."
    )
    assert findings(result)[1].startswith("Short runs of 300 updates, pairs: interference in 2 of 2")
    text = said(result)
    assert "a straight line over the logarithm of the length is an assumption" in text
    assert "90 to 300 updates per language, of 3,000" in text
    open_ = make_experiment(["de", "sv"], ["pair"], scout=(90, 300), relative=lambda *_: 0.01)
    assert "no relative difference whose interval is clear of 0, in 2 comparisons" in findings(open_)[0]


def test_what_is_open_has_the_size_that_seeds_could_resolve():
    text = said(make_experiment(["de", "sv"], ["pair"], relative=lambda *_: 0.001, half_width=0.023))
    assert "open in all 2 comparisons: the intervals leave room for differences from -2.2% to +2.4%" in text
    assert "With 3 seeds the intervals reach 2.3% to either side in the median" in text
    one = said(make_experiment(["de", "sv"], ["pair"], one_seed=True))
    assert "Without an interval, and so without a verdict, are 2 (one seed says nothing about another" in one


def test_the_design_is_named_as_it_was():
    text = said(planted())
    for words in ("a language embedding at every position", "joint updates", "learning rate 0.01", "bytes as tokens"):
        assert words in text
    other = {"signal": "tag", "joint": False, "temperature": 2.0, "tokenizer": "bpe", "vocabulary": 512}
    text = said(planted(settings=other))
    for words in ("tag as the first token alone", "alternating updates", "temperature 2", "BPE of 512 tokens"):
        assert words in text


def test_the_caveats_are_always_there():
    for result in (planted(), make_experiment(["de", "sv"], curves=False), make_experiment(["de"], ["half"])):
        text = said(result)
        assert "The design of an experiment decides the sign" in text
        assert "A start-up plateau that a mixture leaves earlier" in text
        assert "says little about models a thousand times as large" in text
    assert "check the curves. Between the first and the last moment" in said(planted())
    assert "Without curves that cannot be checked" in said(planted(curves=False))


def test_numbers_that_are_not_there_are_not_made_up():
    result = make_experiment(["de", "sv"], failed=["de"])
    assert "nan" not in said(result) + terminal_report(result)
    nothing = make_experiment(["de", "sv"], ["pair"], failed=["de", "sv"])
    assert "as there are no numbers" in findings(nothing)[0]
    empty = {name: table.iloc[:0] for name, table in planted().tables.items()}
    assert "No mixture was compared" in findings(dataclasses.replace(planted(), tables=empty))[0]
    assert "No mixture was compared" in terminal_report(dataclasses.replace(planted(), tables=empty))


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize(
    "result",
    [
        planted(),
        make_experiment(["de", "sv"], ["pair"]),
        make_experiment(HOSTILE, warnings=["\x1b[31mwarning " * 9]),
        make_experiment(HOSTILE, widths=(8, 16), text=(0.25, 1.0)),
        make_experiment(CODES[:12]),
        make_experiment(HOSTILE, scout=(90, 300)),
        make_experiment([f"{'long' * 9}{i}" for i in range(4)], ["triple"], half_width=0.3),
        make_experiment(["de", "sv", "ru"], one_seed=True),
    ],
)
def test_terminal_lines_fit_and_have_no_control_characters(result, width):
    text = terminal_report(result, width)
    for line in text.splitlines():
        assert cell_len(line) <= width
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf") and c not in "\u200c\u200d"]
    assert "nan" not in text
    rows = [line for line in text.splitlines() if line.endswith(("interference", "transfer", "undetermined"))]
    rows = [line for line in rows if "%" in line]
    assert 0 < len(rows) <= 30
    # Names are cut, numbers and verdicts never.
    assert not any("…" in line[-38:] for line in rows)


def test_the_terminal_has_the_strongest_rows_and_says_how_many_more_there_are():
    result = make_experiment(CODES[:12])
    text = terminal_report(result)
    assert "30 of 168 rows" in text
    assert "138 more" in text
    shown = [line for line in text.splitlines() if line.endswith(("interference", "transfer")) and "%" in line]
    assert len(shown) == 30
    sizes = result.tables["deltas"]["relative"].abs().sort_values(ascending=False)
    least = min(abs(float(line.split("%")[0].split()[-1])) / 100 for line in shown)
    assert least == pytest.approx(sizes.iloc[29], abs=6e-4)
    line = next(line for line in terminal_report(planted()).splitlines() if line.startswith("de+sv  "))
    assert line.split() == ["de+sv", "de", "+0.060", "+3.0%", "[+1.5,", "+4.5]", "<0.001", "interference"]
