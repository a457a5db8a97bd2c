"""Experts of a mixture: what a language never reached has no importance of 0 there, but none that is known."""

from __future__ import annotations

import numpy as np
import pytest

from interfere import ImportanceSettings, Result, analyze_gradients, analyze_importance, unit_scores
from interfere.checkpoint import checkpoint_from_model, find_experts, map_parameters
from interfere.settings import GradientSettings
from tests.experts import tiny_mixture
from tests.text import some_text

TEXTS = {language: some_text(language, 14, seed=1, words=(2, 5)) for language in ("de", "zh")}
READING = {"chunks": 6, "tokens_per_chunk": 4}


def score(kind: str) -> Result:
    settings = ImportanceSettings(methods=("taylor", "fisher"), **READING)
    return analyze_importance(checkpoint_from_model(*tiny_mixture(kind)), TEXTS, settings=settings)


@pytest.mark.parametrize("kind", ["switch", "mixtral"])
def test_the_same_experts_are_reached_as_by_gradients(kind: str) -> None:
    of_gradients = analyze_gradients(
        checkpoint_from_model(*tiny_mixture(kind)), TEXTS, settings=GradientSettings(batch_size=1, **READING)
    )
    assert score(kind).tables["experts"].equals(of_gradients.tables["experts"])


def test_tensors_of_experts_are_scored_over_the_chunks_that_reached_them() -> None:
    result = score("switch")
    model, _ = tiny_mixture("switch")
    infos = map_parameters(model)
    seen = result.tables["experts"].set_index(["layer", "expert", "language"])["chunks_seen"]
    places = {row["name"]: row["start"] for row in result.tables["units"].to_dict(orient="records") if row["name"]}
    routed = set()
    for expert in find_experts(model, infos):
        for name in expert.spans:
            routed.add(name)
            for row, language in enumerate(result.languages):
                scores = result.arrays["fisher"][row, :, places[name]]
                assert np.isfinite(scores).sum() == seen[expert.layer, expert.name, language]
                assert (scores[np.isfinite(scores)] > 0).all()
    assert set(seen) > {0}
    table = unit_scores(result, "fisher", kind="tensor").set_index(["language", "unit", "split"])["score"]
    for name in infos:
        if name not in places:
            continue
        for row, language in enumerate(result.languages):
            scores = result.arrays["fisher"][row, :, places[name]]
            known = scores[np.isfinite(scores)]
            assert name in routed or len(known) == READING["chunks"]
            expected = known.mean() if len(known) else np.nan
            np.testing.assert_allclose(table[language, name, "all"], expected, rtol=1e-12)
    assert table.isna().any()


def test_nothing_else_changes_for_experts_that_are_unseen() -> None:
    tables = score("switch").tables
    for name in ("layers", "overlap"):
        assert tables[name].select_dtypes("number").notna().any(axis=None)
    assert tables["layers"]["share"].notna().all()
