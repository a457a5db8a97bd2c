"""Known units of a trained model are found, removed and, where there are none, not called so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from benchmarks.planted_units._plant import KINDS, LANGUAGES, QUICK, TIMES, Plant, grow
from benchmarks.planted_units._tables import (
    LEVEL,
    auc_rows,
    language_margins,
    measure,
    null_runs,
    plant_table,
    removal_documents,
)
from interfere import Result

RECIPE = replace(QUICK, steps=250, documents=170)


@pytest.fixture(scope="session")
def plant() -> Plant:
    with torch.random.fork_rng():
        return grow(RECIPE)


@pytest.fixture(scope="session")
def result(plant: Plant) -> Result:
    return measure(plant, RECIPE, methods=("taylor", "fisher"), ablate=True, ablation="zero")


def test_planted_units_serve_one_language_and_the_others_all(plant: Plant) -> None:
    table = plant_table(plant, removal_documents(RECIPE)).set_index(["units", "of"])
    for kind in ("heads", "neurons"):
        matrix = table.loc[[(kind, language) for language in LANGUAGES], list(LANGUAGES)].to_numpy()
        own = np.diag(matrix)
        assert own.min() > TIMES * np.abs(matrix - np.diag(own)).max()
    assert table.loc[("heads and neurons", "all"), list(LANGUAGES)].min() > 0.1
    heads = plant.of_kind("head")
    assert not plant.left_out[heads].any()
    assert plant.left_out[plant.of_kind("neuron")].mean() < 0.1


@pytest.mark.parametrize(
    ("method", "kinds"),
    [("taylor", KINDS), pytest.param("fisher", ("neuron",), id="fisher, whose heads are in the docs")],
)
def test_margins_tell_planted_units_from_others(
    plant: Plant, result: Result, method: str, kinds: tuple[str, ...]
) -> None:
    table = pd.DataFrame(auc_rows(plant, method, language_margins(result, method))).set_index("units")
    for kind in kinds:
        assert table.loc[f"{kind}s", "mean"] >= 0.95


def test_removing_a_languages_units_hurts_it_alone(result: Result) -> None:
    matrix = result.tables["ablation"].pivot(index="removed", columns="language", values="damage")
    matrix = matrix.loc[list(LANGUAGES), list(LANGUAGES)].to_numpy()
    own = np.diag(matrix)
    assert (own >= TIMES * np.abs(matrix - np.diag(own)).max(axis=1)).all()
    specific = result.tables["specificity"]
    assert (specific["own_damage"] >= TIMES * specific["others_damage"].clip(lower=0)).all()
    assert (specific["own_damage"] > 0.3).all()


@pytest.mark.parametrize("names", [2, 3])
def test_one_language_under_several_names_has_no_units_of_its_own(plant: Plant, names: int) -> None:
    runs = null_runs(plant, RECIPE, names)
    wrong = runs[runs["own"] > 0].groupby("method")["run"].nunique()
    # More than this many of so few runs happens less than once in a thousand times at the stated rate.
    assert (wrong <= stats.binom.ppf(0.999, RECIPE.null_runs, LEVEL)).all()
    assert (runs.groupby("method")["picked"].min() > 100).all()


def test_a_language_of_its_own_is_not_missed(result: Result) -> None:
    """What the null counts is found in plenty where it is there."""
    counts = result.tables["own_counts"]
    assert (counts.loc[(counts["method"] == "taylor") & (counts["kind"] == "neuron"), "own"] >= 40).all()


@pytest.mark.slow
def test_activation_tells_planted_neurons_that_are_off_at_zero() -> None:
    """A ReLU that gives nothing is not active; a gated neuron, or a GELU, may be."""
    with torch.random.fork_rng():
        plant = grow(RECIPE, "gpt-neox-relu")
    found = measure(plant, RECIPE, methods=("activation",))
    table = pd.DataFrame(auc_rows(plant, "activation", language_margins(found, "activation"))).set_index("units")
    assert table.loc["neurons", "mean"] >= 0.95
