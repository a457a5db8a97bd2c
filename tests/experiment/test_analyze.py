"""From text to deltas, end to end on models that train in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interfere import analyze_deltas, analyze_gradients, load_checkpoint, load_result, run_experiment
from interfere.corpus import Corpus
from interfere.errors import InputError
from interfere.experiment import process_pool
from interfere.results import Result, write_result
from interfere.settings import ExperimentSettings
from tests.experiment.small import small_corpus, small_settings


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return small_corpus(documents=120)


def run(corpus: Corpus, folder: Path, **changed: Any) -> Result:
    settings = small_settings(**{"seeds": 2, "conflict_chunks": 4, "conflict_tokens": 40, **changed})
    return run_experiment(corpus, settings, models=folder / "models", workdir=folder / "work")


@pytest.fixture(scope="module")
def pairs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("pairs")
    return run(corpus, folder, mixtures=("pairs", "all"), pairs=("de-en", "de-ru")), folder


def test_every_mixture_and_language_has_a_row(pairs: tuple[Result, Path]):
    result, _ = pairs
    found = result.tables["deltas"]
    assert list(zip(found["mixture"], found["language"], strict=True)) == [
        ("de+en", "de"), ("de+en", "en"), ("de+ru", "de"), ("de+ru", "ru"),
        ("de+en+ru", "de"), ("de+en+ru", "en"), ("de+en+ru", "ru"),
    ]  # fmt: skip
    assert (found["seeds"] == 2).all()
    assert np.isfinite(found[["delta", "ci_low", "ci_high", "q_value"]].to_numpy(dtype=float)).all()


def test_deltas_are_those_of_the_models_bits_per_byte(pairs: tuple[Result, Path]):
    result, _ = pairs
    quality = result.tables["quality"]
    final = quality[quality["share"] == 1].set_index(["mixture", "language", "seed"])["bits_per_byte"]
    for row in result.tables["deltas"].to_dict("records"):
        each = [
            final[row["mixture"], row["language"], seed] - final[row["language"], row["language"], seed]
            for seed in (0, 1)
        ]
        assert row["delta"] == pytest.approx(np.mean(each), abs=1e-9)
    last = result.tables["curves"].query("share == 1").reset_index(drop=True)
    np.testing.assert_allclose(last["delta"], result.tables["deltas"]["delta"])


def test_conflict_is_recorded_at_every_checkpoint_of_every_mixture(pairs: tuple[Result, Path]):
    result, _ = pairs
    conflict = result.tables["conflict"]
    body = conflict[conflict["group"] == "body"]
    assert len(body) == 2 * (1 + 1 + 3)
    assert (body["seeds"] == 2).all()
    assert set(result.tables["predictors"]["pair"]) == {"de+en", "de+ru"}
    assert list(result.tables["predictions"]["predictor"]) == ["conflict", "transfer", "overlap", "early_delta"]


def test_models_are_ordinary_folders(pairs: tuple[Result, Path]):
    result, folder = pairs
    for name in result.tables["models"]["folder"]:
        assert load_checkpoint(folder / "models" / name).objective == "causal-lm"
    checkpoint = load_checkpoint(folder / "models" / result.tables["models"]["folder"].iloc[-1])
    found = analyze_gradients(checkpoint, small_corpus())
    assert found.languages == ["de", "en", "ru"]
    # Plain text does not tell this model the language, as its training did.
    assert any("--signal none" in warning for warning in found.warnings)


@pytest.mark.parametrize(("signal", "warned"), [("tag", True), ("none", False)])
def test_models_that_want_to_be_told_the_language_say_so(corpus: Corpus, tmp_path: Path, signal: str, warned: bool):
    run(corpus, tmp_path, mixtures=("pairs",), pairs=("de-en",), seeds=1, signal=signal, conflict_chunks=0)
    both, alone = (str(tmp_path / "models" / f"{name}-w8-t1-s0") for name in ("de+en", "de"))
    found = analyze_deltas(both, {"de": alone}, corpus)
    named = [warning.split()[0] for warning in found.warnings if "--signal none" in warning]
    assert named == (["multilingual", "de"] if warned else [])


def test_a_result_comes_back_from_its_files(pairs: tuple[Result, Path], tmp_path: Path):
    write_result(pairs[0], tmp_path)
    again = load_result(tmp_path)
    assert again.kind == "experiment"
    assert list(again.tables) == list(pairs[0].tables)


def test_nothing_is_done_twice_and_the_numbers_stay(
    pairs: tuple[Result, Path], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
):
    result, folder = pairs
    monkeypatch.setattr("interfere.experiment._run_job._train", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr("interfere.experiment._measure.evaluate", lambda *_: pytest.fail("read again"))
    again = run(corpus, folder, mixtures=("pairs", "all"), pairs=("de-en", "de-ru"))
    for name, table in result.tables.items():
        assert again.tables[name].equals(table), name


def test_another_experiment_in_the_same_folder_is_refused(pairs: tuple[Result, Path], corpus: Corpus):
    with pytest.raises(InputError, match="another learning_rate"):
        run(corpus, pairs[1], mixtures=("pairs",), pairs=("de-en",), learning_rate=0.5)


def test_measures_are_not_taken_for_those_of_other_settings(pairs: tuple[Result, Path], corpus: Corpus):
    with pytest.raises(InputError, match="documents"):
        run(corpus, pairs[1], mixtures=("pairs", "all"), pairs=("de-en", "de-ru"), documents=5)


@pytest.mark.parametrize("kind", ["half", "clone"])
def test_controls_compare_a_language_with_itself(kind: str, corpus: Corpus, tmp_path: Path):
    result = run(corpus, tmp_path, mixtures=(kind,), seeds=1)
    assert list(result.tables["deltas"]["mixture"]) == [f"{a}+{a}/{kind}" for a in ("de", "en", "ru")]
    assert list(result.tables["deltas"]["partners"]) == [f"{a}/{kind}" for a in ("de", "en", "ru")]
    assert set(result.tables["deltas"]["reason"]) == {"one seed says nothing about another; train with at least 2"}


def test_short_runs_are_extrapolated(corpus: Corpus, tmp_path: Path):
    result = run(corpus, tmp_path, mixtures=("pairs",), pairs=("de-en",), scout=(0.25, 0.5), updates=24, checkpoints=1)
    assert set(result.tables["deltas"]["updates"]) == {6, 12}
    scout = result.tables["scout"]
    assert list(scout["language"]) == ["de", "en"]
    assert (scout["updates"] == 24).all()
    assert (scout["relative_ci_low"] < scout["relative"]).all()
    assert "curves" not in result.tables


def test_a_run_without_folders_leaves_nothing_but_its_result(corpus: Corpus):
    settings = small_settings(mixtures=("half",), conflict_chunks=0)
    assert len(run_experiment(corpus, settings).tables["deltas"]) == 3


def test_encoders_too(corpus: Corpus, tmp_path: Path):
    result = run(
        corpus, tmp_path, mixtures=("pairs",), pairs=("de-en",), architecture="encoder", tokenizer="bpe", vocabulary=300
    )
    assert result.model["objective"] == "masked-lm"
    assert np.isfinite(result.tables["deltas"]["delta"]).all()


@pytest.mark.slow
def test_processes_give_the_same_numbers(pairs: tuple[Result, Path], corpus: Corpus, tmp_path: Path):
    settings = small_settings(
        seeds=2, conflict_chunks=4, conflict_tokens=40, mixtures=("pairs", "all"), pairs=("de-en", "de-ru")
    )
    with process_pool(2) as pool:
        result = run_experiment(corpus, settings, executor=pool, workdir=tmp_path)
    assert result.tables["deltas"].equals(pairs[0].tables["deltas"])


def test_what_cannot_be_done_is_refused(corpus: Corpus, tmp_path: Path):
    with pytest.raises(InputError, match="--pairs 'de-xx'"):
        run(corpus, tmp_path, mixtures=("pairs",), pairs=("de-xx",))
    with pytest.raises(InputError, match="at least 2 are needed"):
        run_experiment({"de": ["a b c"] * 3}, ExperimentSettings())
