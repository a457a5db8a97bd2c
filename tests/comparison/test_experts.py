"""Two runs of a mixture of experts: groups whose experts were not all reached are named and left out."""

from __future__ import annotations

import numpy as np

from interfere import GradientSettings, Result, analyze_gradients, compare_results
from interfere.checkpoint import checkpoint_from_model
from tests.experts import tiny_mixture
from tests.text import some_text

TEXTS = {language: some_text(language, 14, seed=1, words=(2, 5)) for language in ("de", "zh")}


def run(seed: int, granularity: str) -> Result:
    settings = GradientSettings(chunks=6, tokens_per_chunk=10, granularity=granularity)  # type: ignore[arg-type]
    return analyze_gradients(checkpoint_from_model(*tiny_mixture("mixtral", seed=seed)), TEXTS, settings=settings)


def test_what_some_chunk_did_not_reach_is_not_compared() -> None:
    one, two = run(0, "expert"), run(1, "expert")
    changes = compare_results(one, two)
    everywhere = [
        set((group := f"{layer}/expert.{expert}") and [group])
        for (layer, expert), rows in one.tables["experts"].groupby(["layer", "expert"])
        if (rows["chunks_seen"] == 6).all()
        and (two.tables["experts"].query("layer == @layer and expert == @expert")["chunks_seen"] == 6).all()
    ]
    expected = set().union(*everywhere)
    compared = {group for group in changes.tables["changes"]["group"].dropna() if "/expert" in group}
    assert compared == expected
    (warning,) = [text for text in changes.warnings if "groups of experts" in text]
    assert warning.startswith(f"{12 - len(expected)} groups of experts are not compared")


def test_layers_and_a_run_with_itself() -> None:
    result = run(0, "layer")
    table = compare_results(result, run(0, "layer")).tables["changes"]
    assert {"decoder.0", "decoder.1"} <= set(table["group"].dropna())
    np.testing.assert_allclose(table["difference"].dropna().astype(float), 0.0, atol=1e-9)
