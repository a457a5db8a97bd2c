"""What is said, printed, drawn and written of a comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from interfere import compare_results, load_result
from interfere.report import findings, terminal_report, write_run
from tests.comparison.results import gradient_vectors, gradients, importance, some_deltas, unit_scores
from tests.report._page import Reader, without_data

HOSTILE = ["<script>alert(1)</script>", "=cmd|'/C calc'!A0", "\x1b[31mred\u202e", "de"]


def compared(kind="gradients", names=None):
    if kind == "gradients":
        after = gradient_vectors(0).copy()
        after[:, 2] += 2.0 * after[:, 1].mean(axis=1, keepdims=True)
        loss = 3 + 0.2 * np.random.default_rng(0).standard_normal((3, 16))
        return compare_results(
            gradients(gradient_vectors(0), loss=loss),
            gradients(after, loss=loss + np.array([0.1, -0.1, 0.0])[:, None], model_id="second"),
            names=names,
        )
    if kind == "importance":
        return compare_results(
            importance(unit_scores(0)), importance(unit_scores(0, drift=0.4), model_id="second"), names=names
        )
    return compare_results(some_deltas(), some_deltas(drift=0.2, model_id="second"), names=names)


def hostile():
    languages = sorted(HOSTILE)
    a, b = (
        gradients(gradient_vectors(seed, 4), languages, ["<img src=x>", "encoder.1"], model_id="<b>model</b>")
        for seed in (0, 1)
    )
    return compare_results(a, replace(b, model={**b.model, "id": "\x1b]0;x\x07<i>"}), names=("<u>a</u>", "b\x1b[2J"))


KINDS = ["gradients", "importance", "deltas"]


def test_findings_name_what_changed_with_its_interval_and_direction():
    said = findings(compared())
    assert said[0].startswith("The corrected cosine is higher (more alike) in ")
    assert "en · ru" in said[0]
    assert "95% interval" in said[0]
    loss = next(s for s in said if "loss of a predicted token is" in s)
    assert "higher (worse) in 1 and lower (better) in 1 of 3 languages" in loss
    assert "Most: de " in loss
    assert "same in 1 (surely within ±0.01)" in loss


def test_nothing_changed_is_said_only_where_it_is_sure():
    run = gradients(gradient_vectors(0))
    same = findings(compare_results(run, run))
    assert same[0].startswith("The corrected cosine has not changed in all 3 pairs of languages (surely within ±0.05)")
    few = gradient_vectors(0, slots=4)
    noisy = gradient_vectors(0, slots=4, drift=0.2)
    open_ = findings(compare_results(gradients(few), gradients(noisy, model_id="second")))
    assert "could not be shown to have changed" in open_[0]


def test_a_changed_verdict_is_called_no_change_by_itself():
    run = gradients(gradient_vectors(0))
    other = replace(run, tables={**run.tables, "pairs": run.pairs.assign(verdict="conflict")})
    said = next(s for s in findings(compare_results(other, run)) if "verdicts are" in s)
    assert "no such change is shown" in said
    assert "no change by itself" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [80, 120])
def test_lines_fit_the_terminal(kind, width):
    report = terminal_report(compared(kind), width)
    assert max(map(cell_len, report.splitlines())) <= width
    assert "What changed" in report


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_directory_is_whole_and_its_page_sound(kind, tmp_path):
    write_run(compared(kind, ("runs/old", "runs/new")), tmp_path)
    page = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    text = " ".join(page.text())
    assert "runs/old" in text
    assert "runs/new" in text
    explained = {words for inside, words in page.words if "dt" in inside}
    for table in page.tables:
        if "largest differences" in table["caption"]:
            columns = {"difference", "95% interval", "verdict", "why undetermined"}
            assert columns <= set(table["head"])
            assert columns <= {w.strip() for words in explained for w in words.split(",")} | explained
    assert list((tmp_path / "figures").glob("*.png"))
    assert load_result(tmp_path).kind == "comparison"


def test_hostile_names_are_harmless(tmp_path):
    result = hostile()
    write_run(result, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    read = Reader(page)
    assert not {"u", "i", "b"} & {tag for tag, _ in read.tags}
    assert not [values for tag, values in read.tags if tag == "img" and values.get("src") == "x"]
    assert not [values for tag, values in read.tags if tag == "script" and values]
    for shown in (without_data(page), terminal_report(result), *findings(result)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    cells = (tmp_path / "changes.csv").read_text(encoding="utf-8")
    assert ",=cmd" not in cells


def test_a_comparison_without_any_interval_can_be_written(tmp_path):
    vectors = gradient_vectors(0, slots=3)
    result = compare_results(gradients(vectors), gradients(gradient_vectors(1, slots=3), model_id="second"))
    assert set(result.tables["changes"]["verdict"]) == {"undetermined"}
    write_run(result, tmp_path)
    assert "4 are needed for an interval" in (tmp_path / "changes.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_thirty_languages_in_twenty_five_layers(tmp_path):
    languages = [f"l{i:02d}" for i in range(30)]
    groups = [f"encoder.{i}" for i in range(24)]
    a, b = (gradients(gradient_vectors(s, 30, 24, 8), languages, groups, model_id=str(s)) for s in (0, 1))
    write_run(compare_results(a, b), tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 10_000_000
