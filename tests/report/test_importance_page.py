import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from interfere.report import findings, safe_text, write_run
from interfere.report._html import FIGURES, html_report
from interfere.report._importance_glossary import SETTINGS
from interfere.results import Result, load_result, write_result
from interfere.settings import ImportanceSettings
from interfere.statistics import (
    Damage,
    UnitGroup,
    ablation_tables,
    choose,
    overlap_table,
    own_units_table,
    profile_table,
    shares,
)
from tests.report._importance import make_importance
from tests.report._page import Reader, without_data
from tests.report._results import CODES

HOSTILE = ["<script>alert(1)</script>", "=cmd", "العربية", "日本語", "z" * 60, "a\u202eb", '"><img src=x>', "core"]
PLAIN = ["setting", "value", "what it is", "what"]  # columns of the tables of settings and versions


def read(result):
    page = html_report(result, [])
    return page, Reader(page)


def words(reader):
    return " ".join(" ".join(reader.text("main")).split()).replace("−", "-").replace("\u00a0", " ")


def from_statistics(chunks=8):
    """A result whose tables the analysis' own functions have made, of random scores."""
    rng = np.random.default_rng(0)
    groups = [UnitGroup("encoder.0", "mlp", "neuron", 0, 40), UnitGroup("encoder.1", "mlp", "neuron", 40, 40)]
    groups += [UnitGroup("encoder.0", "mlp", "block", 80, 1), UnitGroup("encoder.1", "mlp", "block", 81, 1)]
    languages = ["de", "en", "fr"]
    scores = rng.gamma(2.0, size=(3, 1, 82)) * rng.gamma(50.0, size=(3, chunks, 82))
    values = shares(scores, groups)
    chosen = choose(values, groups, 0.1, ("neuron",))
    own, counts = own_units_table(values, groups, chosen, languages, "taylor", logs=True)
    loss = rng.normal(3, 0.01, size=(8, 3, chunks // 2))
    tables = {
        "layers": profile_table(scores, groups, languages, "taylor"),
        "overlap": overlap_table(values, groups, languages, "taylor", 0.1),
        "own_units": own[own["own"]],
        "own_counts": counts,
    }
    tables["ablation"], tables["specificity"] = ablation_tables(
        Damage(base=loss[0], core=loss[1], own=loss[2:5] + 0.3 * np.eye(3)[:, :, None], random=loss[5:8]), languages
    )
    return Result(
        kind="importance",
        languages=languages,
        tables=tables,
        model={"id": "m"},
        data={},
        settings={"methods": ["taylor"], "chunks": chunks},
        environment={},
    )


def test_results_made_by_hand_have_the_columns_of_real_ones():
    real, made = from_statistics(), make_importance(["de", "en", "fr"])
    for name, table in real.tables.items():
        assert set(made.tables[name].columns) == set(table.columns), name


@pytest.mark.parametrize("chunks", [2, 4, 6, 8])
def test_what_the_analysis_makes_can_be_reported(chunks):
    page, reader = read(from_statistics(chunks))
    assert "nan" not in without_data(page).lower()
    assert ("There are no intervals" in words(reader)) == (chunks < 8)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    bad = "<b>x</b>\x1b[0m"
    result = make_importance(
        HOSTILE,
        layers=["encoder.0", "<u>layer</u>"],
        methods=["<i>method</i>", "taylor"],
        model_id=f"org/{bad}",
        failed=["=cmd"],
        warnings=[f"{HOSTILE[0]} was cut", "العربية was cut"],
    )
    for facts in result.data.values():
        facts.update(origin=bad, skipped={bad: 2}, cut=1, unused=3, sha256=bad, bytes=5, documents_given=9)
    result = dataclasses.replace(result, command=f"interfere {bad}", settings={**result.settings, bad: [bad]})
    page, reader = read(result)
    return result, page, reader


def test_names_from_elsewhere_come_out_literally(hostile):
    result, page, reader = hostile
    for language in result.languages:
        assert safe_text(language) in reader.text("bdi")
    assert "<u>layer</u>" in reader.text("bdi")
    assert not {"b", "u", "i", "script", "img"} & {tag for tag, _ in reader.tags}
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert "".join(reader.text("h1")) == "Importance by language in org/<b>x</b>�[0m"
    assert "<bdi>العربية</bdi> was cut" in page
    assert any("<script>alert(1)</script> was cut" in t for t in reader.text("li"))
    assert not re.search(r"url\(|@import", page)


def test_every_table_has_a_caption_and_headers(hostile):
    *_, reader = hostile
    assert len(reader.tables) >= 15
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))


def test_every_column_is_explained():
    result = make_importance(["de", "en", "fr"])
    _, reader = read(result)
    explained = {*reader.text("dfn"), *result.languages}
    for table in reader.tables:
        if not set(table["head"]) <= set(PLAIN):
            assert set(table["head"]) <= explained


def test_the_terms_are_explained():
    _, reader = read(make_importance(["de", "en"]))
    terms = {"taylor", "fisher", "share", "ceiling", "half a", "half b", "own unit", "core", "mean ablation"}
    assert terms | {"specificity", "damage", "beyond random", "prune confidence"} <= set(reader.text("dfn"))


def test_only_the_methods_of_the_run_are_explained():
    _, reader = read(make_importance(["de", "en"], methods=["activation"]))
    assert "activation" in reader.text("dfn")
    assert not {"taylor", "fisher", "gates"} & set(reader.text("dfn"))


def test_every_setting_is_explained():
    assert {field.name for field in dataclasses.fields(ImportanceSettings)} <= set(SETTINGS)


def test_findings_and_warnings_are_all_there_before_the_tables():
    result = make_importance(["ar", "de", "en", "fr"], warnings=["Text of de is short."], chunks=6, failed=["fr"])
    page, reader = read(result)
    shown = words(reader)
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in shown
    assert page.index("What was found") < page.index("What is not determined") < page.index("<table")


def test_the_tables_have_the_results_numbers():
    rng = np.random.default_rng(0)
    result = make_importance(["ar", "de", "en"], own=lambda i: (2, 4, 6)[i])
    table = result.tables["specificity"]
    for column in ("own_damage", "others_damage", "specificity", "ci_low", "ci_high", "p_value", "q_value"):
        table[column] = rng.uniform(0.01, 0.9, len(table))
    damage = result.tables["ablation"]
    damage["damage"] = rng.normal(size=len(damage))
    _, reader = read(result)

    def number(shown):
        return float(shown.strip("()").replace("−", "-"))

    rows = next(t for t in reader.tables if "specificity" in t["head"])["rows"]
    assert [number(row[3]) for row in rows] == sorted((number(row[3]) for row in rows), reverse=True)
    for row in rows:
        real = table[table["language"] == row[0]].iloc[0]
        shown = [*row[1:4], *row[4].split(" to "), *row[5:7]]
        columns = ["own_damage", "others_damage", "specificity", "ci_low", "ci_high", "p_value", "q_value"]
        assert [number(s) for s in shown] == pytest.approx([real[c] for c in columns], abs=0.00051)
        assert row[7] == real["verdict"]

    matrix = reader.table("removed")
    assert [row[0] for row in matrix["rows"]] == ["ar", "de", "en", "core", "random"]
    real = damage.pivot(index="removed", columns="language", values="damage")
    sure = damage.assign(
        sure=(damage["beyond_low"] > 0) | (damage["beyond_high"] < 0) | (damage["removed"] == "random")
    )
    sure = sure.pivot(index="removed", columns="language", values="sure")
    for row in matrix["rows"]:
        for language, shown in zip(matrix["head"][1:], row[1:], strict=True):
            assert number(shown) == pytest.approx(real.loc[row[0], language], abs=0.00051)
            assert shown.startswith("(") == (not sure.loc[row[0], language])

    counts = next(t for t in reader.tables if "picked again" in t["head"])["rows"]
    assert counts == [
        ["ar", "neuron", "6", "2", "0.1", "4", "0.6"],
        ["de", "neuron", "6", "4", "0.2", "4", "0.6"],
        ["en", "neuron", "6", "6", "0.3", "4", "0.6"],
    ]


def test_layers_have_their_extremes_and_every_share():
    def share(language, layer, kind):
        return 4.0 if (language, layer) == ("en", "encoder.1") else 1.0

    _, reader = read(make_importance(["de", "en"], share=share))
    rows = next(t for t in reader.tables if "mean share" in t["head"])["rows"]
    row = next(r for r in rows if r[:2] == ["encoder.1", "neurons"])
    assert row[2:] == ["64", "65.0%", "de 50.0% (49.0% to 51.0%)", "en 80.0% (79.0% to 81.0%)", "30.0%"]
    full = next(t for t in reader.tables if t["head"] == ["layer", "kind", "de", "en"])["rows"]
    assert next(r for r in full if r[:2] == ["encoder.1", "neurons"])[2:] == ["50.0% ± 1.0", "80.0% ± 1.0"]


def test_overlaps_stand_next_to_their_ceiling():
    _, reader = read(make_importance(["de", "en", "fr"], rank=lambda a, b: 0.76 if {a, b} == {"de", "fr"} else 0.38))
    rows = reader.table("pair")["rows"]
    assert rows[0][:5] == ["de · fr", "0.76", "0.74 to 0.78", "0.95", "80%"]
    assert {row[4] for row in rows[1:]} == {"40%"}


def test_only_the_strongest_own_units_are_listed_and_the_rest_is_pointed_to():
    result = make_importance(CODES[:20], own=lambda i: 5)
    _, reader = read(result)
    table = next(t for t in reader.tables if "score a" in t["head"])
    assert len(table["rows"]) == 50
    assert "The 50 of 100 own units by taylor" in table["caption"]
    assert "own_units.csv" in table["caption"]
    # The margins of a language's units fall one by one.
    assert [row[3] for row in table["rows"][:20]] == [str(10 * i) for i in range(20)]
    assert {int(row[3]) % 10 for row in table["rows"]} == {0, 1, 2}
    assert table["rows"][0][4:] == ["0.0311", "0.0122", "0.0288", "0.0133", "<0.001", "0.002"]


def test_without_removal_the_page_says_how_to_get_it():
    page, reader = read(make_importance(["de", "en"], ablate=False, gates=False))
    assert "--ablate" in words(reader)
    assert "nothing removed" in " ".join(reader.text("header"))
    heads = {h for table in reader.tables for h in table["head"]}
    assert not {"specificity", "removed", "keep probability"} & heads
    assert 'class="tally"' not in page
    assert "Run it again with --ablate" not in words(read(make_importance(["de", "en"]))[1])


@pytest.mark.parametrize("chunks", [2, 4, 6])
def test_what_has_no_interval_is_said_and_nan_is_not(chunks):
    page, reader = read(make_importance(["de", "en", "fr"], chunks=chunks))
    said = words(reader)
    assert "nan" not in without_data(page).lower()
    assert (
        f"There are no intervals of {'overlaps' if chunks >= 6 else 'overlaps and' if chunks >= 4 else 'the'}" in said
    )
    assert f"this run has {chunks} (--chunks)" in said
    assert ("its own could not be tested" in said) == (chunks < 6)
    own = next(t for t in reader.tables if "picked again" in t["head"])["rows"]
    assert {row[3] == "–" for row in own} == {chunks < 6}


def test_units_that_were_not_tested_are_not_said_to_be_none():
    said = words(read(make_importance(["de", "en"], chunks=4))[1])
    assert "are a language's own" not in said
    assert "its own could not be tested" in said
    none = words(read(make_importance(["de", "en"], own=lambda i: 0))[1])
    assert "could be shown to be its own" in none
    assert "its own could not be tested" not in none


def test_gates_alone_have_neither_intervals_nor_tests():
    page, reader = read(make_importance(["de", "en"], methods=["gates"]))
    said = words(reader)
    assert "nan" not in without_data(page).lower()
    assert "There are no intervals of the shares of layers and overlaps: gates are trained once on each half" in said
    assert "its own could not be tested: the gates have one score for each half." in said
    assert "need at least" not in said


def test_a_failed_language_has_dashes_and_is_named():
    page, reader = read(make_importance(["de", "en", "fr"], failed=["en"], warnings=["en has no numbers: text."]))
    assert "nan" not in without_data(page).lower()
    assert "There are no scores for 1 language: en." in words(reader)
    row = next(t for t in reader.tables if "specificity" in t["head"])["rows"][-1]
    assert row == ["en", *["–"] * 6, "undetermined"]
    assert next(r for r in reader.table("removed")["rows"] if r[0] == "en")[1:] == ["–"] * 3
    counted = {verdict: int(n) for n, verdict in re.findall(r"<strong>(\d+) <span>([\w ]+)</span>", page)}
    assert counted == {"specific": 2, "not shown": 0, "undetermined": 1}


def test_a_stored_result_gives_the_same_page(tmp_path):
    result = make_importance(["de", "en", "fr"], failed=["fr"], chunks=4)
    write_result(result, tmp_path)
    assert html_report(load_result(tmp_path), []) == html_report(result, [])


def test_a_run_is_written_with_figures_in_its_page(tmp_path):
    write_run(make_importance(["de", "en"], layers=["encoder.0"]), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader(page)
    images = [values for tag, values in reader.tags if tag == "img"]
    assert len(images) == 4
    assert all(values["alt"] and values["src"].startswith("data:image/svg+xml") for values in images)
    captions = " ".join(reader.text("figcaption"))
    assert captions.count("Each row is a language and each column a layer") == 2
    assert "Read from the row to the column" in captions
    assert (tmp_path / "own_units.csv").exists()


def test_forty_languages_stay_below_five_megabytes():
    names = [f"{code}_Latn" for code in CODES[:40]]
    result = make_importance(names, layers=[f"encoder.{i}" for i in range(24)], methods=["taylor"])
    page, reader = read(result)
    # Base64 makes four of three bytes of the figures, which are made to fit.
    assert len(page.encode()) + FIGURES * 4 / 3 < 5_000_000
    assert len(reader.table("pair")["rows"]) == 780
    assert len(reader.table("removed")["rows"]) == 42


def test_tables_without_rows_are_left_out():
    empty = pd.DataFrame()
    result = make_importance(["de", "en"], gates=False)
    tables = {**result.tables, "overlap": empty, "own_units": empty, "own_counts": empty}
    _, reader = read(dataclasses.replace(result, tables=tables))
    assert not any(t["head"][0] == "pair" for t in reader.tables)
    assert "No units were picked" in words(reader)
