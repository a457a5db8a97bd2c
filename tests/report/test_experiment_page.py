import dataclasses
import re

import pytest

from interfere.report import findings, safe_text, write_run
from interfere.report._experiment_glossary import READING, SETTINGS
from interfere.report._html import FIGURES, html_report
from interfere.results import load_result, write_result
from interfere.settings import ExperimentSettings
from tests.report._page import Reader, without_data
from tests.report._results import CODES
from tests.report.test_experiment_results import make_experiment

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
    result = make_experiment(HOSTILE, failed=["=cmd"], warnings=[f"{HOSTILE[0]} was lost", "العربية was lost"])
    for facts in result.data.values():
        facts.update(origin=bad, skipped={bad: 2}, unused=3, sha256=bad, documents_given=9)
    tables = {**result.tables, "deltas": result.tables["deltas"].assign(reason=bad)}
    settings = {**result.settings, bad: [bad]}
    result = dataclasses.replace(result, command=f"interfere {bad}", settings=settings, tables=tables)
    return result, *read(result)


def test_names_from_elsewhere_come_out_literally(hostile):
    result, page, reader = hostile
    for language in result.languages:
        assert safe_text(language) in reader.text("bdi")
    assert not {"b", "script", "img"} & {tag for tag, _ in reader.tags}
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert "<bdi>العربية</bdi> was lost" in page
    assert not re.search(r"url\(|@import|https?://", page.replace("https://arxiv.org", ""))


def test_every_table_has_a_caption_and_headers(hostile):
    *_, reader = hostile
    assert len(reader.tables) >= 8
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "result",
    [
        make_experiment(["de", "ko", "sv"], ["half", "pair", "triple"], widths=(8, 16), text=(0.5, 1.0)),
        make_experiment(["de", "sv"], ["pair"], scout=(90, 300)),
    ],
    ids=["full", "scout"],
)
def test_every_column_setting_and_figure_is_explained(result):
    _, reader = read(result)
    explained = set(reader.text("dfn"))
    for table in reader.tables:
        if not set(table["head"]) <= set(PLAIN):
            assert set(table["head"]) <= explained, table["caption"]
    assert {field.name for field in dataclasses.fields(ExperimentSettings)} <= set(SETTINGS)
    kinds = {"matrix", "forest", "curves", "conflict", "predict", "capacity", "amount", "scout"}
    assert set(READING) == kinds


def test_findings_and_warnings_are_all_there_before_the_tables():
    result = make_experiment(CODES[:5], failed=CODES[:1], warnings=["2 seeds say next to nothing."])
    page, reader = read(result)
    shown = words(reader)
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in shown
    assert page.index("What was found") < page.index("What is not determined") < page.index("<table")
    assert "nan" not in without_data(page).lower()


def test_verdicts_are_counted_for_each_kind():
    values = {"half": -0.05, "pair": 0.05}
    result = make_experiment(["de", "en", "fr"], ["half", "pair"], relative=lambda k, *_: values[k])
    counted = re.findall(r"<strong>(\d+) <span>(\w+)</span>", read(result)[0])
    assert counted == [
        ("0", "interference"), ("3", "transfer"), ("0", "undetermined"),
        ("6", "interference"), ("0", "transfer"), ("0", "undetermined"),
    ]  # fmt: skip


def test_the_tables_have_the_results_numbers():
    result = make_experiment(CODES[:5], ["pair"])
    real = result.tables["deltas"].set_index(["language", "partners"])
    _, reader = read(result)
    rows = next(t for t in reader.tables if "Δ" in t["head"])["rows"]
    assert len(rows) == 20
    values = [number(row[5]) for row in rows]
    assert values == sorted(values, reverse=True)
    for row in rows:
        of = real.loc[(row[0], row[2])]
        shown = [number(s) for s in (row[3], *row[4].split(" to "))]
        assert shown == pytest.approx([of[c] for c in ("delta", "ci_low", "ci_high")], abs=5.1e-5)
        assert number(row[5]) / 100 == pytest.approx(of["relative"], abs=5.1e-4)
        assert row[9] == of["verdict"]
    predictions = next(t for t in reader.tables if "rank correlation" in t["head"])["rows"]
    table = result.tables["predictions"]
    assert [number(row[1]) for row in predictions] == pytest.approx(list(table["correlation"]), abs=0.0051)
    assert [row[4] for row in predictions] == ["10"] * 4
    directions = next(t for t in reader.tables if t["head"][0] == "direction")["rows"]
    assert len(directions) == 20
    models = next(t for t in reader.tables if "parameters" in t["head"])["rows"]
    assert sum(int(row[1]) for row in models) == len(result.tables["models"])


def test_of_many_rows_the_strongest_are_kept_and_the_rest_are_named():
    result = make_experiment(CODES[:20], ["pair"], conflict=False, curves=False)
    page, reader = read(result)
    table = next(t for t in reader.tables if "Δ" in t["head"])
    assert len(table["rows"]) == 300
    assert "300 of 380 rows, the others are in deltas.csv" in table["caption"]
    assert len(page.encode()) + FIGURES * 4 / 3 < 5_000_000


def test_short_runs_have_their_own_tables_and_nothing_that_they_do_not_have():
    page, reader = read(make_experiment(["de", "sv"], ["pair"], scout=(90, 300)))
    predicted = next(t for t in reader.tables if "predicted" in t["head"])
    assert len(predicted["rows"]) == 2
    assert predicted["rows"][0][5] == "3,000"
    assert not any("rank correlation" in t["head"] or "raw cosine" in t["head"] for t in reader.tables)
    assert "scout.csv" in page
    assert "conflict.csv" not in page


def test_a_stored_result_gives_the_same_page(tmp_path):
    result = make_experiment(["de", "en", "fr"], failed=["fr"])
    write_result(result, tmp_path)
    assert html_report(load_result(tmp_path), []) == html_report(result, [])


def test_a_run_is_written_with_figures_in_its_page(tmp_path):
    write_run(make_experiment(["de", "en"], widths=(8, 16)), tmp_path)
    reader = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    images = [values for tag, values in reader.tags if tag == "img"]
    assert len(images) == 6
    assert all(values["alt"] and values["src"].startswith("data:image/svg+xml") for values in images)
    assert "Each row is a language that pays" in " ".join(reader.text("figcaption"))
    assert {"deltas.csv", "curves.csv", "conflict.csv", "predictions.csv"} <= {p.name for p in tmp_path.iterdir()}
