"""Which language reached which expert: the figure, its words and the table of the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from interfere import make_report
from interfere.checkpoint import Expert
from interfere.report._expert_tables import least_shared, overlap_table
from interfere.report._experts import MAX_PANELS, experts_alt, experts_figure
from interfere.report._figure import Heatmaps
from interfere.report._gradients_figures import gradients_figures
from interfere.report._gradients_page import gradients_page
from interfere.results import Result
from interfere.runs import expert_overlap_table, expert_table
from tests.report._results import make_result

HOSTILE = ["<script>alert(1)</script>", "$x_1$", "en"]


def with_experts(languages: list[str], layers: int = 2, experts: int = 4, chunks: int = 8, seed: int = 0) -> Result:
    """A result by hand, of a model in which the first expert of each layer is the first language's alone."""
    result = make_result(languages, groups=[f"decoder.{i}/expert.0" for i in range(layers)], granularity="expert")
    found = [Expert(f"decoder.{i}", str(e), e, {}) for i in range(layers) for e in range(experts)]
    rng = np.random.default_rng(seed)
    seen = rng.random((len(found), len(languages), chunks)) < rng.random((len(found), len(languages), 1))
    seen[::experts, 1:] = False
    seen[::experts, 0] = True
    names = list(result.languages)
    tables = {"experts": expert_table(found, seen, names), "expert_overlap": expert_overlap_table(found, seen, names)}
    return replace(result, tables={**result.tables, **tables})


def test_cells_say_what_the_table_has() -> None:
    result = with_experts(["de", "en", "ru"])
    figure = experts_figure(result)
    assert isinstance(figure, Heatmaps)
    table = result.tables["experts"].set_index(["layer", "language", "expert"])
    assert [grid.cells.name for grid in figure.grids] == ["decoder.0", "decoder.1"]
    for grid in figure.grids:
        for row, language in enumerate(grid.cells.rows):
            for column, name in enumerate(grid.cells.columns):
                count = table.loc[(grid.cells.name, language, name.removeprefix("expert "))]["chunks_seen"]
                expected = f"{count / 8:.0%} of chunks" if count else "not reached"
                assert grid.cells.texts[row][column] == expected


def test_the_words_count_what_nobody_reached() -> None:
    result = with_experts(["de", "en", "ru"])
    none = int((result.tables["experts"]["chunks_seen"] == 0).sum())
    assert none >= 4
    assert f"{none} of 24 combinations" in experts_alt(result, "euclidean")
    assert "8 experts in 2 mixtures" in experts_alt(result, "euclidean")


def test_of_many_mixtures_those_that_share_least_are_drawn() -> None:
    result = with_experts(["de", "en"], layers=MAX_PANELS + 5)
    shown = least_shared(result, MAX_PANELS)
    overlap = result.tables["expert_overlap"].set_index("layer")["chunk_jaccard"]
    assert len(shown) == MAX_PANELS
    assert overlap[shown].max() <= overlap.drop(shown).min()
    assert shown == [layer for layer in overlap.index if layer in shown]
    assert len(experts_figure(result).grids) == MAX_PANELS


def test_overlaps_are_those_of_sets() -> None:
    result = with_experts(["de", "en", "ru"], layers=1, experts=6, seed=3)
    table = result.tables["experts"]
    reached = {
        language: set(rows.loc[rows["chunks_seen"] > 0, "expert"]) for language, rows in table.groupby("language")
    }
    for _, row in result.tables["expert_overlap"].iterrows():
        a, b = reached[row["a"]], reached[row["b"]]
        assert row["jaccard"] == pytest.approx(len(a & b) / len(a | b))
        assert (row["reached_a"], row["reached_b"], row["both"]) == (len(a), len(b), len(a & b))
    shown = overlap_table(result, "").rows
    values = [float(str(row.cells[2]).rstrip("%")) for row in shown]
    assert values == sorted(values)
    assert len(shown) == 3


def test_a_page_has_them_and_names_are_harmless() -> None:
    result = with_experts(HOSTILE)
    page = make_report([result])
    assert "Experts that each language reached" in page
    assert "weighted by chunks" in page
    assert "<script>alert(1)" not in page
    kinds = [drawn.kind for drawn in gradients_figures(result)]
    assert kinds.count("experts") == 1
    plain = make_result(["de", "en"])
    assert "experts" not in [drawn.kind for drawn in gradients_figures(plain)]
    assert gradients_page(plain, []) is not None


def test_what_is_unseen_is_counted_apart() -> None:
    result = with_experts(["de", "en", "ru"])
    pairs = result.pairs.copy()
    own = pairs["group"] == "decoder.0/expert.0"
    pairs.loc[own, "verdict"] = "undetermined"
    pairs.loc[own, "reason"] = "unseen: ru reached it in 0 of 8 chunks; 4 are needed"
    pairs.loc[own, "corrected"] = np.nan
    page = make_report([replace(result, tables={**result.tables, "pairs": pairs})])
    assert "of these unseen" in page
    assert "of these unseen" not in make_report([make_result(["de", "en"])])
    assert pd.isna(pairs.loc[own, "corrected"]).all()
