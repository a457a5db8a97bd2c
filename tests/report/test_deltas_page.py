import dataclasses
import re

import numpy as np
import pytest

from interfere.report import findings, safe_text, write_run
from interfere.report._deltas_glossary import READING, SETTINGS
from interfere.report._html import FIGURES, html_report
from interfere.results import load_result, write_result
from interfere.settings import EvaluationSettings
from tests.report._page import Reader, without_data
from tests.report._results import CODES
from tests.report.test_deltas_results import make_deltas

HOSTILE = ["<script>alert(1)</script>", "=cmd", "العربية", "日本語", "z" * 60, "a\u202eb", '"><img src=x>']
PLAIN = ["setting", "value", "what it is", "what"]  # columns of the tables of settings and versions


def read(result):
    page = html_report(result, [])
    return page, Reader(page)


def words(reader):
    return " ".join(" ".join(reader.text("main")).split()).replace("−", "-").replace("\u00a0", " ")


def number(shown):
    return float(shown.strip("%").replace("−", "-"))


@pytest.fixture(scope="module")
def hostile():
    bad = "<b>x</b>\x1b[0m"
    result = make_deltas(
        HOSTILE,
        models=[*HOSTILE[:2], HOSTILE[2]],
        model_id=f"org/{bad}",
        failed=["=cmd"],
        sizes=[1e6, 1e7],
        warnings=[f"{HOSTILE[0]} was lost", "العربية was lost"],
    )
    for facts in result.data.values():
        facts.update(origin=bad, skipped={bad: 2}, cut=1, unused=3, sha256=bad, bytes=5, documents_given=9)
    deltas = result.tables["deltas"].assign(reason=bad)
    tables = {**result.tables, "deltas": deltas, "models": result.tables["models"].assign(weights_sha256=bad)}
    settings = {**result.settings, bad: [bad]}
    result = dataclasses.replace(result, command=f"interfere {bad}", settings=settings, tables=tables)
    return result, *read(result)


def test_names_from_elsewhere_come_out_literally(hostile):
    result, page, reader = hostile
    for language in result.languages:
        assert safe_text(language) in reader.text("bdi")
    assert not {"b", "script"} & {tag for tag, _ in reader.tags}
    assert "img" not in {tag for tag, _ in reader.tags}
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert "<bdi>العربية</bdi> was lost" in page
    assert not re.search(r"url\(|@import|https?://", page.replace("https://arxiv.org", ""))


def test_the_title_names_the_model_or_counts_them():
    assert "".join(read(make_deltas(["de"], model_id="a/<b>"))[1].text("h1")) == "a/<b> against monolingual models"
    several = read(make_deltas(["de"], models=["a", "b"]))[1]
    assert "".join(several.text("h1")) == "2 multilingual models against monolingual ones"


def test_every_table_has_a_caption_and_headers(hostile):
    *_, reader = hostile
    assert len(reader.tables) >= 7
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))


def test_every_column_setting_and_figure_is_explained():
    _, reader = read(make_deltas(["de", "en"], models=["a", "b"], sizes=[1e6, 1e7]))
    explained = set(reader.text("dfn"))
    for table in reader.tables:
        if not set(table["head"]) <= set(PLAIN):
            assert set(table["head"]) <= explained
    assert {"windows", "masked passes", "whole word", "lost bytes", "worth", "Δ", "q", "undetermined"} <= explained
    assert {field.name for field in dataclasses.fields(EvaluationSettings)} <= set(SETTINGS)
    assert set(READING) == {"deltas", "quality", "curve", "worth"}


def test_findings_and_warnings_are_all_there_before_the_tables():
    result = make_deltas(
        ["ar", "de", "en", "fr"], failed=["fr"], few=["ar"], sizes=[1e6, 1e7], warnings=["The tokenizer loses de."]
    )
    page, reader = read(result)
    shown = words(reader)
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in shown
    assert page.index("What was found") < page.index("What is not determined") < page.index("<table")
    assert "nan" not in without_data(page).lower()


def test_verdicts_are_counted_for_each_model():
    relative = {"bi": 0.05, "all": -0.05}
    result = make_deltas(["de", "en", "fr"], models=["bi", "all"], relative=lambda m, a: relative[m], few=["fr"])
    page, _ = read(result)
    counted = re.findall(r"<strong>(\d+) <span>(\w+)</span>", page)
    assert counted == [
        ("2", "worse"), ("0", "better"), ("1", "undetermined"), ("0", "worse"), ("2", "better"), ("1", "undetermined"),
    ]  # fmt: skip


def test_the_tables_have_the_results_numbers():
    result = make_deltas(["ar", "de", "en"], sizes=[1e6, 1e7], relative=lambda m, a: {"ar": 0.05}.get(a, 0.1))
    table = result.tables["deltas"].set_index("language")
    quality = result.tables["quality"]
    _, reader = read(result)
    rows = next(t for t in reader.tables if "Δ" in t["head"])["rows"]
    assert [row[0] for row in rows] == ["de", "en", "ar"]
    for row in rows:
        real = table.loc[row[0]]
        of = quality[quality["language"] == row[0]].set_index("model")["bits_per_byte"]
        assert number(row[1]) == pytest.approx(of["multilingual"], abs=5e-5)
        assert number(row[2]) == pytest.approx(of[real["monolingual"]], abs=5e-5)
        shown = [number(s) for s in (row[3], *row[4].split(" to "))]
        assert shown == pytest.approx([real[c] for c in ("delta", "ci_low", "ci_high")], abs=5e-5)
        shown = [number(s) / 100 for s in (row[5], *row[6].split(" to "))]
        expected = [real[c] for c in ("relative", "relative_ci_low", "relative_ci_high")]
        assert shown == pytest.approx(expected, abs=5e-4)
        assert row[9] == real["verdict"]
    every = next(t for t in reader.tables if "bits per token" in t["head"])["rows"]
    assert len(every) == len(quality)
    assert {row[2] for row in every} == {"multilingual", "monolingual"}
    models = next(t for t in reader.tables if "vocabulary" in t["head"])
    assert len(models["rows"]) == len(result.tables["models"])
    assert [row[3] for row in models["rows"] if row[0] == "de@1e+06"] == ["1 MB"]


def test_worth_has_the_side_where_it_lies_beyond():
    worth = {
        ("multilingual", "de"): {"text": np.nan, "ci_low": 0.0, "ci_high": 0.0, "beyond": "less"},
        ("multilingual", "en"): {"text": np.nan, "ci_low": 8e6, "ci_high": np.nan, "beyond": "more"},
        ("multilingual", "fr"): {"text": 2.5e6, "ci_low": 1.5e6, "ci_high": 4e6, "beyond": ""},
    }
    _, reader = read(make_deltas(["de", "en", "fr"], sizes=[1e6, 1e7], worth=worth))
    rows = {row[0]: row[1:] for row in next(t for t in reader.tables if "worth" in t["head"])["rows"]}
    assert rows["de"] == ["less than the least", "less than the least", "1 MB", "10 MB"]
    assert rows["en"] == ["more than the most", "8 MB to more than the most", "1 MB", "10 MB"]
    assert rows["fr"] == ["2.5 MB", "1.5 MB to 4 MB", "1 MB", "10 MB"]


def test_without_sizes_there_is_nothing_about_worth():
    page, reader = read(make_deltas(["de", "en"]))
    assert not any("worth" in t["head"] for t in reader.tables)
    assert "worth.csv" not in page
    assert "training text" not in next(t for t in reader.tables if "vocabulary" in t["head"])["head"]


def test_a_failed_language_has_dashes_and_its_reason():
    page, reader = read(make_deltas(["de", "en"], failed=["en"]))
    row = next(t for t in reader.tables if "Δ" in t["head"])["rows"][-1]
    assert row[:9] == ["en", *["–"] * 8]
    assert row[9] == "undetermined"
    assert "too short" in row[-1]
    assert "nan" not in without_data(page).lower()


def test_a_stored_result_gives_the_same_page(tmp_path):
    result = make_deltas(["de", "en", "fr"], models=["a", "b"], failed=["fr"], sizes=[1e6, 1e7])
    write_result(result, tmp_path)
    assert html_report(load_result(tmp_path), []) == html_report(result, [])


def test_a_run_is_written_with_figures_in_its_page(tmp_path):
    write_run(make_deltas(["de", "en"], models=["a", "b"], sizes=[1e6, 1e7]), tmp_path)
    reader = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    images = [values for tag, values in reader.tags if tag == "img"]
    assert len(images) == 4
    assert all(values["alt"] and values["src"].startswith("data:image/svg+xml") for values in images)
    assert "Each row is a language, the worst first" in " ".join(reader.text("figcaption"))
    assert {"deltas.csv", "quality.csv", "models.csv", "worth.csv"} <= {p.name for p in tmp_path.iterdir()}


def test_thirty_languages_stay_below_five_megabytes():
    result = make_deltas([f"{code}_Latn" for code in CODES[:30]], models=["a", "b", "c"], sizes=[1e6, 1e7])
    page, reader = read(result)
    assert len(page.encode()) + FIGURES * 4 / 3 < 5_000_000
    assert len(next(t for t in reader.tables if "Δ" in t["head"])["rows"]) == 90
