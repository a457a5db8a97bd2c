import base64
import dataclasses
import io
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread, imsave

from interfere.report import Drawing, findings, languages_figure, layers_figure, safe_text, write_figures
from interfere.report._figure import save
from interfere.report._glossary import SETTINGS
from interfere.report._html import html_report
from interfere.results import load_result, write_result
from interfere.settings import GradientSettings
from tests.report._page import Reader, without_data
from tests.report._results import CODES, constant, families, layers, make_result

HOSTILE = ["<script>alert(1)</script>", "=cmd", "العربية", "日本語", "z" * 60, "a\u202eb", '"><img src=x>', "&amp;"]
NAN = float("nan")
PLAIN = ["setting", "value", "what it is", "what"]  # columns of the tables of settings and versions


def drawings_of(result, folder):
    """Small stand-ins for the figures."""
    out = []
    imsave(folder / "figure.png", np.zeros((8, 8, 3)))
    (folder / "figure.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for metric in result.settings["metrics"]:
        for kind in ("languages", "layers", "transfer", "strength"):
            title, alt = f"Picture of {kind}, {safe_text(metric)}", 'Red, "blue" & <grey>.'
            out.append(Drawing(kind, metric, title, alt, folder / "figure.png", folder / "figure.svg"))
    return out


def a_page(tmp_path, languages=("ar", "de", "en", "ru"), *arguments, **options):
    result = make_result(languages, *arguments, **options)
    page = html_report(result, drawings_of(result, tmp_path))
    return result, page, Reader(page)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    bad = "<b>x</b>\x1b[0m"
    result = make_result(
        HOSTILE,
        families(undetermined=0.4),
        ["encoder.0", "<u>layer</u>"],
        ["euclidean", "<i>metric</i>"],
        model_id=f"org/{bad}",
        reason=f"the signal of {HOSTILE[0]} is lost",
        warnings=[f"{HOSTILE[0]} was cut", "العربية was cut"],
    )
    for facts in result.data.values():
        facts.update(origin=bad, skipped={bad: 2}, cut=1, unused=3, sha256=bad, bytes=5, documents_given=9)
    result = dataclasses.replace(
        result,
        command=f"interfere gradients --model {bad}",
        environment={bad: bad, "date": bad},
        settings={**result.settings, bad: [bad, {bad: bad}], "mixture": dict.fromkeys(HOSTILE, 1.0)},
    )
    page = html_report(result, drawings_of(result, folder))
    return result, page, Reader(page)


def test_the_page_needs_nothing_but_itself(hostile):
    _, page, reader = hostile
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in reader.tags}
    for _, values in reader.tags:
        assert not any(name.startswith("on") for name in values)
        for name in ("src", "href", "srcset", "data", "action", "poster", "background", "style"):
            if name in values:
                assert values[name].startswith(("data:image/", "data:text/csv", "data:application/gzip", "#"))
    assert reader.own == 1
    assert not re.search(r"url\(|@import|https?:", without_data(page))
    policy = next(v["content"] for t, v in reader.tags if v.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_names_from_elsewhere_come_out_literally(hostile):
    result, page, reader = hostile
    for language in result.languages:
        assert safe_text(language) in reader.text("bdi")
    assert "<b>x</b>�[0m" in " ".join(reader.text("code"))
    assert "<u>layer</u>" in reader.text("bdi")
    assert not {"b", "u", "i", "script"} & {tag for tag, _ in reader.tags}
    assert not any(c in page for c in "\x1b\u202e\x00")
    assert any("<script>alert(1)</script> was cut" in t for t in reader.text("li"))
    assert "".join(reader.text("h1")) == "Gradient conflict in org/<b>x</b>�[0m"
    assert "<bdi>العربية</bdi> was cut" in page
    assert {v["alt"] for t, v in reader.tags if t == "img"} == {'Red, "blue" & <grey>.'}


def test_structure(hostile):
    _, page, reader = hostile
    assert page.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in reader.tags
    ids = [values["id"] for _, values in reader.tags if "id" in values]
    assert len(ids) == len(set(ids))
    anchors = {v["href"][1:] for tag, v in reader.tags if tag == "a" and v["href"].startswith("#")}
    assert anchors <= set(ids)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(values.get("alt") for tag, values in reader.tags if tag == "img")


def test_every_table_has_a_caption_and_headers(hostile):
    *_, reader = hostile
    assert len(reader.tables) >= 9
    for table in reader.tables:
        assert table["caption"]
        assert all(len(row) == len(table["head"]) for row in table["rows"])
        scopes = [values.get("scope") for tag, values in table["cells"] if tag == "th"]
        assert scopes == ["col"] * len(table["head"]) + ["row"] * len(table["rows"])


@pytest.mark.parametrize("gram", ["exact", "sketch"])
@pytest.mark.parametrize("granularity", ["layer", "module", "tensor"])
def test_every_column_is_explained(tmp_path, hostile, gram, granularity):
    _, _, reader = a_page(tmp_path, gram=gram, granularity=granularity)
    for page in (reader, hostile[2]):
        explained = set(page.text("dfn"))
        for table in page.tables:
            if not set(table["head"]) <= set(PLAIN):
                assert set(table["head"]) <= explained


def test_every_setting_is_explained():
    assert {field.name for field in dataclasses.fields(GradientSettings)} <= set(SETTINGS)


def test_findings_come_first_and_all_are_there(tmp_path):
    result, page, reader = a_page(tmp_path, warnings=["One tensor owns half of the norm."])
    shown = " ".join(" ".join(t for t in reader.text("main")).split()).replace("−", "-")
    for sentence in [*findings(result), *result.warnings]:
        assert " ".join(sentence.split()) in shown
    assert page.index("What was found") < page.index("What is not determined") < page.index("<img")
    assert page.index("<img") < page.index("<table")


def test_the_counts_are_those_of_the_verdicts(tmp_path):
    verdicts = {
        ("ar", "de"): "conflict",
        ("ar", "en"): "conflict",
        ("de", "en"): "neutral",
        ("de", "ru"): "undetermined",
    }

    def value(a, b, group, metric):
        return (-0.3, verdicts[a, b]) if (a, b) in verdicts else (0.4, "aligned")

    _, page, _ = a_page(tmp_path, ("ar", "de", "en", "ru"), value)
    counts = dict(re.findall(r'<li class="(\w+)"><strong>(\d+) ', page))
    assert counts == {"conflict": "2", "aligned": "2", "neutral": "1", "undetermined": "1"}
    assert "<li>ar and de: −0.30 (95% interval" in page


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(-0.9, "aligned"), (-0.9, "undetermined"), (0.0, "neutral"), (NAN, "undetermined"), (NAN, "conflict")],
)
def test_no_conflict_is_claimed_without_the_verdict_and_a_number(tmp_path, value, verdict):
    _, page, reader = a_page(tmp_path, ("de", "en", "fr"), constant(value, verdict))
    assert '<li class="conflict"><strong>0 ' in page
    assert not any("▼" in words for words in reader.text("td"))


def test_the_tables_have_the_results_numbers(tmp_path):
    rng = np.random.default_rng(0)
    result = make_result(("ar", "de", "en", "ru"), families(undetermined=0.5), layers(3))
    pairs, own, groups = result.tables["pairs"], result.tables["self"], result.tables["groups"]
    for column in ("transfer_ab", "transfer_ba", "p_value", "q_value"):
        pairs[column] = rng.uniform(0.01, 2, len(pairs))
    groups["common_share"] = rng.uniform(0, 1, len(groups))
    reader = Reader(html_report(result, []))

    body = pairs[pairs["group"] == "body"].set_index(["a", "b"])
    rows = reader.table("pair")["rows"]
    assert len(rows) == len(body)
    corrected = []
    for cells in rows:
        pair, raw, fixed, interval, p, q, verdict, forth, back, centred, reason, tokens = cells
        row = body.loc[tuple(pair.split(" · "))]
        shown = [raw, fixed, *interval.split(" to "), p, q, forth, back, centred]
        columns = [
            "cosine",
            "corrected",
            "ci_low",
            "ci_high",
            "p_value",
            "q_value",
            "transfer_ab",
            "transfer_ba",
            "centred",
        ]
        assert [float(s.replace("−", "-")) for s in shown] == pytest.approx([row[c] for c in columns], abs=0.0051)
        assert verdict.split()[-1] == row["verdict"]
        assert reason == row["reason"]
        assert tokens == ("13,000" if row["verdict"] == "undetermined" else "")
        corrected.append(row["corrected"])
    assert corrected == sorted(corrected)

    for cells in reader.table("language")["rows"]:
        row = own[(own["group"] == "body") & (own["language"] == cells[0])].iloc[0]
        assert float(cells[1]) == pytest.approx(row["self_similarity"], abs=0.0051)
        assert float(cells[3]) == pytest.approx(row["norm"], rel=0.005)
        assert cells[5:] == ["16,384", "480"]

    listed = reader.table("layer")
    assert [row[0] for row in listed["rows"]] == ["body (all of it)", *layers(3)]
    for cells in listed["rows"]:
        of_group = pairs[pairs["group"] == cells[0].split()[0]]
        verdicts = ["conflict", "aligned", "neutral", "undetermined"]
        assert [int(c) for c in cells[2:6]] == [int((of_group["verdict"] == v).sum()) for v in verdicts]
        lowest = of_group.loc[of_group[of_group["verdict"] != "undetermined"]["corrected"].idxmin()]
        assert cells[6].split()[:3] == [lowest["a"], "·", lowest["b"]]
        share = groups.set_index("group").loc[cells[0].split()[0], "common_share"]
        assert float(cells[7]) == pytest.approx(share, abs=0.0051)


def test_what_is_unknown_has_a_dash(tmp_path):
    _, page, reader = a_page(tmp_path, ("de", "en"), constant(NAN, "undetermined"), rho=lambda i: NAN)
    assert "nan" not in without_data(page).lower()
    assert reader.table("pair")["rows"][0][1:4] == ["–"] * 3


def test_values_out_of_range_are_clipped_and_the_page_says_so(tmp_path):
    _, page, reader = a_page(tmp_path, ("de", "en"), constant(1.7, "aligned"))
    assert reader.table("pair")["rows"][0][2:4] == ["1.00", "1.00 to 1.00"]
    assert "Cosines beyond −1 and 1" in page
    assert "Cosines beyond" not in a_page(tmp_path, ("de", "en"), constant(0.7, "aligned"))[1]


def test_other_metrics_are_folded_away(tmp_path):
    _, _, reader = a_page(tmp_path, metrics=["euclidean", "adam", "per-tensor"])
    assert len(reader.text("summary")) == 4
    assert sum(tag == "img" for tag, _ in reader.tags) == 12
    assert sum(t["head"][0] == "pair" for t in reader.tables) == 3


@pytest.mark.parametrize("languages", [("de", "en"), HOSTILE])
def test_a_stored_result_gives_the_same_page(tmp_path, languages):
    result = make_result([name for name in languages if name.isprintable()], settle=NAN)
    write_result(result, tmp_path)
    assert html_report(load_result(tmp_path), []) == html_report(result, [])


def test_a_result_without_parts_is_a_page(tmp_path):
    _, _, reader = a_page(tmp_path, ("de", "en"), groups=[])
    assert [t["head"][0] for t in reader.tables][:2] == ["pair", "language"]


def test_figures_are_embedded_as_they_are(tmp_path):
    result = make_result(["de", "en"])
    drawings = write_figures(result, tmp_path)
    reader = Reader(html_report(result, drawings))
    sources = [values["src"] for tag, values in reader.tags if tag == "img"]
    assert len(sources) == len(drawings) == 4
    for source, drawing in zip(sources, drawings, strict=True):
        kind, data = source.split(",")
        assert kind == "data:image/svg+xml;base64"
        assert base64.b64decode(data) == drawing.svg.read_bytes()


@pytest.mark.slow
def test_forty_languages_and_three_metrics_stay_below_five_megabytes(tmp_path):
    metrics = ["euclidean", "adam", "per-tensor"]
    names = [f"{code}_Latn" for code in CODES]
    reason = "neither surely different from 0 nor surely within ±0.05"
    result = make_result(names, families(), layers(24), metrics, reason=reason)
    # Two kinds and one metric are drawn and stand in for the others, which are no larger.
    drawn = {"m": save(languages_figure(result), tmp_path, "m"), "l": save(layers_figure(result), tmp_path, "l")}
    kinds = (("languages", "m"), ("layers", "l"), ("transfer", "m"), ("strength", "l"))
    drawings = [Drawing(kind, metric, kind, kind, *drawn[like]) for metric in metrics for kind, like in kinds]
    page = html_report(result, drawings)
    assert len(page.encode()) < 5_000_000
    reader = Reader(page)
    assert len(reader.table("pair")["rows"]) == 780

    images = [values for tag, values in reader.tags if tag == "img"]
    assert len(images) == 12
    for values, drawing in zip(images, drawings, strict=True):
        if values["src"].startswith("data:image/png") and drawing.kind == "languages":
            few = imread(io.BytesIO(base64.b64decode(values["src"].split(",")[1])))[..., :3]
            # No colour of a scale may turn into another one, however few pixels have it.
            assert np.abs(few - imread(drawing.png)[..., :3]).max() < 0.1
            return
    raise AssertionError("none was made smaller")


def test_the_page_is_not_imported_with_the_package():
    code = "import sys, interfere, interfere.report; sys.exit('jinja2' in sys.modules or 'markupsafe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
