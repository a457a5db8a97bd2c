import base64
import gzip
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from interfere import InputError
from interfere.report import Drawing, findings, languages_figure, layers_figure, make_report, safe_text
from interfere.report._figure import save
from interfere.report._html import Source, fitted_html, html_report
from interfere.report._joined import Run, joined_page
from interfere.results import write_result
from tests.report import test_comparison_page as comparisons
from tests.report._importance import make_importance
from tests.report._page import Reader
from tests.report._results import CODES, families, layers, make_result
from tests.report._trajectory import make_trajectory
from tests.report.test_deltas_results import make_deltas
from tests.report.test_experiment_results import make_experiment
from tests.report.test_tasks_results import make_tasks

BAD = "<b>x</b>\x1b[0m"
HOSTILE = ["<script>alert(1)</script>", "=cmd", "العربية", "a\u202eb", '"><img src=x>', "</script><i>"]
REFERENCES = ("src", "href", "srcset", "data", "action", "poster", "background", "style")


def all_kinds(languages, comparison):
    return {
        "trajectory": make_trajectory(languages),
        "comparison": comparison,
        "gradients": make_result(languages, model_id=f"org/{BAD}"),
        "importance": make_importance(languages),
        "deltas": make_deltas(languages),
        "experiment": make_experiment(languages, ["pair", "all"], conflict=False, curves=False),
        "tasks": make_tasks(languages),
    }


def joined(results, title=None):
    """A joined page without figures."""

    def assemble(pages):
        return joined_page([Run(*run, page) for run, page in zip(results.items(), pages, strict=True)], title)

    return fitted_html([Source(name, result, []) for name, result in results.items()], assemble)


@pytest.fixture(scope="module")
def hostile():
    results = {f"{BAD} {name}": result for name, result in all_kinds(HOSTILE, comparisons.hostile()).items()}
    results = {name: replace(result, command=f"interfere {BAD}") for name, result in results.items()}
    page = joined(results, f"Seven {BAD}")
    return results, page, Reader(page)


def headings(reader):
    return [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]


def test_a_joined_page_needs_nothing_but_itself_and_names_come_out_literally(hostile):
    results, page, reader = hostile
    assert reader.own == 1
    assert not {"b", "i", "script", "img", "link", "iframe", "form"} & {tag for tag, _ in reader.tags}
    for _, values in reader.tags:
        assert not any(name.startswith("on") for name in values)
        for name in REFERENCES:
            if name in values:
                assert values[name].startswith(("data:text/csv", "data:application/gzip", "#"))
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert "".join(reader.text("h1")) == "Seven <b>x</b>�[0m"
    for name in (*HOSTILE, *results, f"org/{BAD}"):
        assert safe_text(name) in reader.text("bdi")


def test_structure_of_a_joined_page(hostile):
    results, _, reader = hostile
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))
    links = [values["href"][1:] for tag, values in reader.tags if tag == "a" and values["href"].startswith("#")]
    assert set(links) <= set(ids)
    assert {f"{part}-{n}" for part in ("asked", "findings", "tables", "text", "made") for n in range(1, 6)} <= set(
        links
    )
    levels = headings(reader)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert levels.count(3) >= 5 * len(results)
    assert all(b <= a + 1 for a, b in pairwise(levels))
    order = ["What was asked", "What was found", "Tables", "What was read", "How it was made", "How to read it"]
    assert reader.text("h2") == order
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
        scopes = [values.get("scope") for tag, values in table["cells"] if tag == "th"]
        assert scopes == ["col"] * len(table["head"]) + ["row"] * len(table["rows"])


def test_everything_found_in_every_run_is_said_and_every_column_explained():
    results = all_kinds(["de", "en", "fr"], comparisons.compared())
    reader = Reader(joined(results))
    shown = " ".join(" ".join(reader.text("main")).split()).replace("−", "-").replace("\u00a0", " ")
    for result in results.values():
        for sentence in findings(result):
            assert " ".join(sentence.split()) in shown
    explained = {
        *reader.text("dfn"),
        "run",
        "kind",
        "model",
        "languages",
        "date",
        "what",
        "value",
        "setting",
        "SHA-256 of the weights",
    }
    for table in reader.tables:
        assert set(table["head"]) <= explained | {"what it is", "de", "en", "fr"}, table["caption"]


def test_how_to_read_it_is_said_once_for_runs_of_one_kind():
    two = {"a": make_result(["de", "en"]), "b": make_result(["de", "en", "fr"])}
    words = Reader(joined(two)).text("dfn")
    assert len(words) == len(set(words))
    assert set(Reader(html_report(two["a"], [])).text("dfn")) == set(words)
    page = joined(two)
    assert "2 languages that have nothing in common" in page
    assert "3 languages that have nothing in common" in page
    both = {"a": make_result(["de", "en"]), "b": make_deltas(["de", "en"])}
    assert [h for h in Reader(joined(both)).text("h3") if h in ("Gradients", "Deltas")] == ["Gradients", "Deltas"]


def downloads(reader):
    """File name → its content."""
    out = {}
    for tag, values in reader.tags:
        if tag == "a" and "download" in values:
            kind, data = values["href"].split(",")
            content = base64.b64decode(data)
            out[values["download"].removesuffix(".gz")] = gzip.decompress(content) if "gzip" in kind else content
    return out


def test_files_within_the_page_are_those_of_the_run(tmp_path):
    results = {
        "g": make_result(["=cmd", "@x", "de"]),
        "i": make_importance(["=cmd", "de"]),
        "t": make_tasks(["de", "+x"]),
    }
    found = downloads(Reader(joined(results)))
    for name, result in results.items():
        (tmp_path / name).mkdir()
        write_result(result, tmp_path / name)
        for file in (tmp_path / name).glob("*.csv"):
            assert found.pop(f"{name}-{file.name}") == file.read_bytes()
        assert not re.search(rb"(^|,)\"?[=@]", found.get("g-pairs.csv", b""))
    assert found == {}


def stand_ins(result, folder, metrics):
    drawn = {n: f(result) for n, f in (("languages", languages_figure), ("layers", layers_figure))}
    files = {n: save(figure, folder, n) for n, figure in drawn.items()}
    return [Drawing(n, m, n, n, *files[n], drawn[n].grids) for m in metrics for n in ("languages", "layers") * 2]


def of(sources):
    def assemble(pages):
        return joined_page([Run(s.name, s.result, p) for s, p in zip(sources, pages, strict=True)])

    return fitted_html(sources, assemble)


@pytest.mark.slow
def test_thirty_languages_and_other_runs_stay_below_five_megabytes_with_all_rows_and_figures(tmp_path):
    metrics = ["euclidean", "adam"]
    large = make_result([f"{c}_Latn" for c in CODES[:30]], families(), layers(24), metrics)
    drawings = stand_ins(large, tmp_path, metrics)
    small = Source("small", make_deltas(["de", "en"]), [])
    page = of([Source("large", large, drawings), small])
    assert len(page.encode()) < 5_000_000
    reader = Reader(page)
    assert sum(tag == "img" for tag, _ in reader.tags) == len(drawings)
    assert len(reader.table("pair")["rows"]) == 435
    assert len(reader.data) >= 4
    assert "small-deltas.csv" in downloads(reader)


def test_of_more_than_fits_the_least_is_left_out_and_the_page_says_what(tmp_path, monkeypatch):
    metrics = ["euclidean"]
    result = make_result(CODES[:12], families(), layers(3), metrics)
    drawings = stand_ins(result, tmp_path, metrics)
    runs = [Source(name, result, drawings) for name in ("a", "b")]

    def page(limit):
        monkeypatch.setattr("interfere.report._html.PAGE", limit)
        out = of(runs)
        assert len(out.encode()) <= limit
        return Reader(out)

    whole = page(5_000_000)
    assert len(whole.table("pair")["rows"]) == 66
    sizes = len(whole.tags)
    # Less and less room: figures become coarser first, then rows go, and figures last.
    kinds = [{v["src"][:14] for tag, v in r.tags if tag == "img"} for r in (whole, page(1_200_000))]
    assert kinds[0] == {"data:image/svg"}
    assert "data:image/png" in kinds[1]
    little = page(420_000)
    assert len(little.tags) < sizes
    table = little.table("pair")
    assert f"the first {len(table['rows'])} of 66 rows" in table["caption"]
    assert any("Too large for this page" in words for words in little.text("p"))
    shown = sum(tag == "img" for tag, _ in little.tags)
    silent = [words for words in little.text("figcaption") if "do not tell their values" in words]
    assert silent
    assert shown == len(little.data) + len(silent)
    gone = [words for words in little.text("p") if "figure was left out" in words]
    assert shown + len(gone) == 2 * len(drawings)
    monkeypatch.setattr("interfere.report._html.PAGE", 30_000)
    with pytest.raises(InputError, match="join fewer"):
        of(runs)


def test_a_single_run_is_its_own_page_with_what_was_asked(tmp_path):
    result = make_deltas(["de", "en"])
    write_result(replace(result, command="interfere deltas …"), tmp_path)
    reader = Reader(make_report([tmp_path]))
    assert reader.text("h2")[:2] == ["What was asked", "What was found"]
    assert "interfere deltas …" in reader.text("pre")
    assert not any(tag == "h4" for tag, _ in reader.tags)
    assert "deltas.csv" in downloads(reader)
    assert "".join(Reader(make_report({"x": result}, title="<i>T</i>")).text("h1")) == "<i>T</i>"


def test_runs_are_named_by_their_folders_as_far_as_these_tell_them_apart(tmp_path):
    paths = [tmp_path / place for place in ("a/x/run", "b/x/run", "b/x/other")]
    for path in paths:
        path.mkdir(parents=True)
        write_result(make_deltas(["de", "en"]), path)
    text = make_report([*paths, make_deltas(["de", "en"])], "markdown")
    assert re.findall("^### (.*)$", text, re.M) == ["a/x/run", "b/x/run", "other", "deltas 4"]


def test_what_is_wrong_is_said(tmp_path):
    write_result(make_deltas(["de", "en"]), tmp_path)
    cases = [
        ([], "html", "no runs"),
        ("run", "html", "give a list"),
        ([tmp_path, tmp_path / "results.json"], "html", "named twice"),
        ([tmp_path / "nothing"], "html", "not a run directory"),
        ([tmp_path], "pdf", "'pdf'"),
    ]
    for runs, form, message in cases:
        with pytest.raises(InputError, match=message):
            make_report(runs, form)
    broken = make_result(["de", "en"])
    broken = replace(broken, tables={**broken.tables, "pairs": broken.tables["pairs"].drop(columns="verdict")})
    for form in ("html", "markdown", "latex"):
        with pytest.raises(InputError, match=r"^bad: no report of kind gradients.*verdict"):
            make_report({"bad": broken}, form)


def test_a_link_to_a_run_is_the_run_itself(tmp_path):
    write_result(make_deltas(["de", "en"]), tmp_path)
    link = Path(f"{tmp_path}-link")
    link.symlink_to(tmp_path)
    with pytest.raises(InputError, match="named twice"):
        make_report([tmp_path, link])
