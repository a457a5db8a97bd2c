from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from interfere.report import write_figures
from interfere.report._trajectory_cosines import cosines_figure
from interfere.report._trajectory_figures import trajectory_figures
from interfere.report._trajectory_marks import Steps, apart
from interfere.report._trajectory_panels import verdicts_figure
from interfere.report._trajectory_tables import pair_rows
from interfere.report._trajectory_words import brief_step
from tests.report._trajectory import make_trajectory

TEN = ("ar", "de", "en", "es", "fr", "ja", "ko", "ru", "uk", "zh")
POWERS = (0, 1, 2, 4, 8, 16, 64, 256, 1000, 10_000, 50_000, 143_000)


def written(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("languages", [("de", "en"), TEN], ids=["2", "10"])
@pytest.mark.parametrize("steps", [(700,), (0, 500), POWERS], ids=["1", "2", "12"])
def test_all_are_drawn_and_said(languages: tuple[str, ...], steps: tuple[int, ...]) -> None:
    drawn = list(trajectory_figures(make_trajectory(languages, steps)))
    assert [each.kind for each in drawn] == ["cosines", "verdicts", "languages"]
    for each in drawn:
        assert each.title
        assert "nan" not in each.alt
        width, height = each.figure.get_size_inches()
        assert 4 < width < 16
        assert 2 < height < 12


def test_lines_are_the_numbers() -> None:
    result = make_trajectory(("de", "en", "ru"), (0, 500, 1000))
    corrected, raw = cosines_figure(result, "euclidean").axes
    for ax, column in ((corrected, "corrected"), (raw, "cosine")):
        drawn = {tuple(round(float(v), 6) for v in line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 3}
        for _, own in pair_rows(result, "euclidean").groupby(["a", "b"]):
            assert tuple(own[column].round(6)) in drawn


def test_few_pairs_are_all_named_and_of_many_the_lowest_and_those_that_changed_most() -> None:
    few = make_trajectory(("de", "en", "ru"))
    assert len(apart(few, pair_rows(few, "euclidean"), "euclidean")) == 3
    many = make_trajectory(TEN, (0, 1000))
    keys = apart(many, pair_rows(many, "euclidean"), "euclidean")
    assert len(keys) == 6
    assert keys[0] == ("ar", "de")  # it falls furthest
    assert "6 of 45 pairs are named" in written(cosines_figure(many, "euclidean"))


def test_steps_that_crowd_are_drawn_by_their_logarithm() -> None:
    assert Steps.of(POWERS).logarithmic
    assert not Steps.of(tuple(range(0, 5000, 500))).logarithmic
    assert not Steps.of((7,)).logarithmic
    at = Steps.of(POWERS).at(POWERS)
    assert all(a < b for a, b in itertools.pairwise(at))


@pytest.mark.parametrize(
    ("step", "name"), [(0, "0"), (500, "500"), (1000, "1k"), (1500, "1,500"), (14_300, "14.3k"), (2_000_000, "2M")]
)
def test_steps_at_an_axis(step: int, name: str) -> None:
    assert brief_step(step) == name


def test_bars_add_up_to_all_pairs() -> None:
    figure = verdicts_figure(make_trajectory(TEN, (0, 500, 1000), undetermined=(500,)), "euclidean")
    heights = [0.0, 0.0, 0.0]
    for container in figure.axes[0].containers:
        for i, bar in enumerate(container):
            heights[i] += bar.get_height()
    assert heights == [45, 45, 45]


def test_names_are_harmless(tmp_path: Path) -> None:
    result = make_trajectory(
        ("$x^2$", "<script>alert(1)</script>", "a\x1b[31mb"), (0, 10), model_id="$\\frac{" * 20, metrics=("../../m",)
    )
    drawings = write_figures(result, tmp_path / "f")
    assert {drawing.png.parent for drawing in drawings} == {tmp_path / "f"}
    for drawing in drawings:
        text = drawing.svg.read_text()
        assert "<script" not in text
        assert "\x1b" not in text + drawing.alt + drawing.title
