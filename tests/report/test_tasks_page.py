import dataclasses
import re

import numpy as np
import pytest
from matplotlib.image import imread

from interfere.report import findings, safe_text, write_figures
from interfere.report._html import html_report
from interfere.report._tasks_figures import differences_figure, score_scale, scores_figure
from interfere.report._tasks_glossary import READING, SETTINGS
from interfere.results import load_result, write_result
from interfere.settings import TaskSettings
from tests.report._drawn import assert_tidy, framed, hatched, labels, legend
from tests.report._page import Reader, without_data
from tests.report._results import CODES
from tests.report.test_tasks_findings import HOSTILE, plant
from tests.report.test_tasks_results import make_tasks

PLAIN = {"setting", "value", "what it is", "what"}  # columns of the tables of settings and versions


def read(result, drawings=()):
    page = html_report(result, drawings)
    return page, Reader(page)


def written(figure, panel=0):
    """(row's label, column's label) → the number in the cell."""
    rows, columns = labels(figure, "y", panel), labels(figure, "x", panel)
    out = {}
    for words in figure.axes[2 * panel].texts:
        x, y = words.get_position()
        if not words.get_text().startswith("±"):
            out[rows[int(y)], columns[int(x)]] = words.get_text()
    return out


@pytest.fixture(scope="module")
def three():
    within = {"de": 0.9, "en": 0.7, "fr": 0.81}
    return make_tasks(["de", "en", "fr"], score=plant(within, {("de", "en"): 0.35, ("fr", "en"): 0.32}), alone=["fr"])


def test_cells_have_the_scores_and_what_is_not_above_the_baseline_is_hatched(three):
    figure = scores_figure(three, "multilingual")
    cells = written(figure)
    assert cells["de", "de"] == ".90"
    assert cells["de", "en"] == "(.35)"
    assert cells["en", "de"] == ".50"
    assert hatched(figure) == 2
    assert framed(figure) == 3
    mono = written(figure, 1)
    assert labels(figure, "y", 1) == ["de", "en"]
    assert mono["en", "en"] == ".80"
    assert mono["en", "fr"] == "(.33)"
    halves = {t.get_text() for t in figure.axes[0].texts} - set(cells.values())
    assert halves == {"±.03"}
    assert_tidy(figure)


def test_cells_have_differences_framed_by_verdict(three):
    figure = differences_figure(three, "multilingual")
    assert labels(figure, "y") == ["de", "en"]
    cells = written(figure)
    assert cells["de", "de"] == "+.10"
    assert cells["en", "en"] == "−.10"
    assert cells["de", "en"] == "(+.02)"
    assert hatched(figure) == 1
    assert framed(figure) == 5
    assert any("worse" in entry for entry in legend(figure))
    assert_tidy(figure)


@pytest.mark.parametrize("languages", [["de"], CODES[:12], HOSTILE])
def test_figures_stay_tidy(languages):
    result = make_tasks(languages)
    assert_tidy(scores_figure(result, "multilingual"))
    assert_tidy(differences_figure(result, "multilingual"))


def test_a_figure_without_intervals_or_models_is_drawn():
    one = scores_figure(make_tasks(["de", "en"], seeds=1), "multilingual")
    assert not any("±" in t.get_text() for t in [*one.axes[0].texts, *one.texts])
    assert any("1 fine-tuning each · no intervals" in t.get_text() for t in one.texts)
    assert hatched(one) == 4
    assert_tidy(scores_figure(make_tasks(["de", "en"], models=[]), None))


def test_colours_span_enough_for_small_differences_to_look_small():
    for values in ([0.81, 0.82], [0.0], [1.0], [], [0.1, 0.97]):
        scale, ticks = score_scale(np.array(values))
        assert scale.norm.vmax - scale.norm.vmin >= 0.3 - 1e-9
        assert all(scale.norm.vmin - 1e-9 <= each <= scale.norm.vmax + 1e-9 for each in [*values, *ticks])


def test_figures_are_those_that_the_tables_have(tmp_path, three):
    drawings = write_figures(three, tmp_path / "one")
    assert [d.png.name for d in drawings] == ["scores.png", "deltas.png"]
    again = write_figures(three, tmp_path / "again")
    for drawing, other in zip(drawings, again, strict=True):
        assert imread(drawing.png)[..., :3].std() > 0.01
        assert drawing.svg.read_bytes() == other.svg.read_bytes()
    alt = {d.kind: d.alt for d in drawings}
    assert (
        "The multilingual model: within a language 0.700 (en) to 0.900 (de); zero-shot 0.320 to 0.500" in alt["scores"]
    )
    assert "Within a language: 1 better, 1 worse and 0 undetermined; from -0.100 (en) to +0.100 (de)." in alt["deltas"]
    two = write_figures(make_tasks(["de"], models=["a/b", "c"], alone=["de"]), tmp_path / "two")
    assert [d.png.name for d in two] == ["scores-a_b.png", "scores-c.png"]


@pytest.fixture(scope="module")
def hostile():
    bad = "<b>x</b>\x1b[0m"
    result = make_tasks(HOSTILE, models=[f"{bad}m", "العربية m"], model_id=bad, warnings=[f"{HOSTILE[0]} was lost"])
    for facts in result.data.values():
        facts.update(origin=bad, split=bad, skipped={bad: 2}, retagged=3, test_sha256=bad, train_sha256=bad)
    deltas = result.tables["task_deltas"].assign(reason=bad)
    settings = {**result.settings, bad: [bad], "task": bad, "metric": bad}
    tables = {**result.tables, "task_deltas": deltas}
    result = dataclasses.replace(result, command=bad, settings=settings, tables=tables)
    return result, *read(result)


def test_names_from_elsewhere_come_out_literally(hostile):
    result, page, reader = hostile
    for language in result.languages:
        assert safe_text(language) in reader.text("bdi")
    assert not {"b", "script", "img"} & {tag for tag, _ in reader.tags}
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert not re.search(r"url\(|@import|https?://", page.replace("https://arxiv.org", ""))


def test_every_table_has_a_caption_and_headers(hostile):
    *_, reader = hostile
    assert len(reader.tables) >= 8
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))


def test_every_column_setting_and_figure_is_explained():
    _, reader = read(make_tasks(["de", "en"], models=["a", "b"]))
    explained = set(reader.text("dfn"))
    for table in reader.tables:
        if not set(table["head"]) <= PLAIN:
            assert set(table["head"]) <= explained
    assert {field.name for field in dataclasses.fields(TaskSettings)} <= set(SETTINGS)
    assert set(READING) == {"scores", "deltas"}


def test_findings_and_warnings_are_all_there_before_the_tables(three):
    result = dataclasses.replace(three, warnings=["The task was hardly learnt."])
    page, reader = read(result)
    shown = " ".join(" ".join(reader.text("main")).split()).replace("−", "-").replace("\u00a0", " ")
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in shown
    assert page.index("What was found") < page.index("What is not determined") < page.index("<table")
    assert re.findall(r"<strong>(\d+) <span>(\w+)</span>", page) == [
        ("1", "better"), ("1", "worse"), ("0", "undetermined"),
    ]  # fmt: skip
    assert "nan" not in without_data(page).lower()


def test_the_tables_have_the_results_numbers(three):
    _, reader = read(three)
    inside, across = [t for t in reader.tables if "Δ" in t["head"]]
    assert inside["rows"][0][:5] == ["de", "0.9000", "0.8000", "+0.1000", "+0.0700 to +0.1300"]
    assert len(across["rows"]) == 4
    assert next(r for r in across["rows"] if r[:2] == ["de", "en"])[:4] == ["de", "en", "0.3500", "0.3300"]
    items = next(t for t in reader.tables if "training items" in t["head"])
    assert items["rows"][0][:5] == ["de", "x.train.jsonl, x.test.jsonl", "files", "800", "200"]
    scores = [t for t in reader.tables if "majority baseline" in t["head"]]
    assert sum(len(t["rows"]) for t in scores) == len(three.tables["task_scores"])


def test_a_stored_result_gives_the_same_page(tmp_path):
    for place, result in enumerate((make_tasks(["de", "en"], models=["a", "b"]), make_tasks(["de"], seeds=1))):
        folder = tmp_path / str(place)
        folder.mkdir()
        write_result(result, folder)
        assert html_report(load_result(folder), []) == html_report(result, [])


@pytest.mark.parametrize("result", [make_tasks(["de"], models=[]), make_tasks(["de", "en"], alone=["de", "en"])])
def test_a_page_without_differences_is_whole(result):
    page, reader = read(result)
    assert not any("Δ" in t["head"] for t in reader.tables)
    assert "nan" not in without_data(page).lower()


def test_thirty_languages_stay_below_five_megabytes():
    page, _ = read(make_tasks([f"{code}_Latn" for code in CODES[:30]], models=["a", "b"], seeds=2))
    assert len(page.encode()) < 2_300_000
