"""Two runs compared: what is in the tables, and which runs are refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from interfere import InputError, compare_results, load_result
from interfere.comparison import CHANGE_COLUMNS, KEY_COLUMNS, VERDICT_CHANGE_COLUMNS
from interfere.results import write_result
from tests.comparison.results import (
    deltas,
    gradient_vectors,
    gradients,
    importance,
    some_deltas,
    unit_scores,
)

BEFORE = gradient_vectors(0)
AFTER = gradient_vectors(0, drift=0.6)


def runs(**after):
    return gradients(BEFORE, model_id="first"), gradients(AFTER, model_id="second", **after)


def both(kind):
    if kind == "gradients":
        return runs()
    if kind == "importance":
        return importance(unit_scores(0)), importance(unit_scores(0, drift=0.4), model_id="second")
    return some_deltas(), some_deltas(drift=0.2, model_id="second")


KINDS = ["gradients", "importance", "deltas"]


def rows(result, quantity, **where):
    table = result.tables["changes"]
    table = table[table["quantity"] == quantity]
    for key, value in where.items():
        table = table[table[key] == value]
    return table


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_those_of_the_two_runs(kind):
    a, b = both(kind)
    result = compare_results(a, b)
    for quantity in set(result.tables["changes"]["quantity"]):
        changes = rows(result, quantity)
        table = changes["table"].iloc[0]
        keys = [key for key in KEY_COLUMNS if changes[key].notna().all()]
        for run, side in ((a, "before"), (b, "after")):
            joined = changes.merge(run.tables[table][[*keys, quantity]], on=keys)
            assert len(joined) == len(changes) > 0
            np.testing.assert_allclose(joined[side].astype(float), joined[quantity].astype(float), rtol=1e-9)
        after, before = changes["after"].astype(float), changes["before"].astype(float)
        expected = np.log(after / before) if quantity == "norm" else after - before
        np.testing.assert_allclose(changes["difference"].astype(float), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_has_not_changed_since_itself(kind):
    a, _ = both(kind)
    result = compare_results(a, a)
    changes = result.tables["changes"]
    assert (changes[["difference", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert set(changes["verdict"]) == {"same"}
    assert result.tables["verdict_changes"].empty
    assert any("same weights" in warning for warning in result.warnings)


@pytest.mark.parametrize("kind", KINDS)
def test_tables_have_their_columns_and_come_back_from_disk(kind, tmp_path):
    result = compare_results(*both(kind))
    assert tuple(result.tables["changes"].columns) == CHANGE_COLUMNS
    assert tuple(result.tables["verdict_changes"].columns) == VERDICT_CHANGE_COLUMNS
    write_result(result, tmp_path)
    loaded = load_result(tmp_path)
    assert loaded.kind == "comparison"
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(*(t.astype(object).where(t.notna(), None) for t in (loaded.tables[name], table)))


@pytest.mark.parametrize("kind", KINDS)
def test_runs_from_disk_compare_as_they_did_before(kind, tmp_path):
    pair = both(kind)
    for run, name in zip(pair, "ab", strict=True):
        (tmp_path / name).mkdir()
        write_result(run, tmp_path / name)
    loaded = compare_results(load_result(tmp_path / "a"), load_result(tmp_path / "b"))
    pd.testing.assert_frame_equal(loaded.tables["changes"], compare_results(*pair).tables["changes"], check_dtype=False)


def test_a_planted_change_is_found_where_it_is_and_nowhere_else():
    # Language ru turns towards en in encoder.1; all else stays as it is.
    after = BEFORE.copy()
    after[1, 2] += 1.5 * BEFORE[1, 1].mean(axis=0)
    result = compare_results(gradients(BEFORE), gradients(after, model_id="second"))
    layers = rows(result, "corrected")
    verdict = {(r["a"], r["b"], r["group"]): r["verdict"] for r in layers.to_dict("records")}
    assert verdict["en", "ru", "encoder.1"] == "higher"
    assert verdict["en", "ru", "body"] == "higher"
    assert {v for k, v in verdict.items() if k[2] == "encoder.0"} == {"same"}
    assert verdict["de", "en", "encoder.1"] == "same"


def test_loss_is_paired_slot_by_slot():
    rng = np.random.default_rng(3)
    hard = 3 + rng.standard_normal((3, 16))
    a = gradients(BEFORE, loss=hard)
    b = gradients(AFTER, loss=hard + 0.1 + 0.001 * rng.standard_normal((3, 16)), model_id="second")
    found = rows(compare_results(a, b), "loss")
    assert set(found["verdict"]) == {"higher"}
    np.testing.assert_allclose(found["difference"], 0.1, atol=0.005)
    assert (found["ci_high"] - found["ci_low"]).max() < 0.01  # slots alone differ by 1


def test_other_languages_are_named_and_left_out():
    a = gradients(BEFORE)
    b = gradients(gradient_vectors(5), ["de", "en", "uk"], model_id="second")
    result = compare_results(a, b)
    assert list(result.languages) == ["de", "en"]
    assert set(rows(result, "loss")["language"]) == {"de", "en"}
    told = " ".join(result.warnings)
    assert "first run has ru" in told
    assert "second run has uk" in told
    # What languages have in common is of the common ones in both.
    alone = compare_results(gradients(BEFORE[:, :2], ["de", "en"]), gradients(gradient_vectors(5)[:, :2], ["de", "en"]))
    np.testing.assert_allclose(
        rows(result, "common_share")["before"].astype(float), rows(alone, "common_share")["before"].astype(float)
    )


def test_layers_of_one_run_only_are_named_and_left_out():
    a, b = gradients(BEFORE), gradients(gradient_vectors(0, groups=3), groups=["encoder.0", "encoder.1", "encoder.2"])
    result = compare_results(a, replace(b, model={**b.model, "parameters": 30}))
    assert set(rows(result, "corrected")["group"]) == {"body", "encoder.0", "encoder.1"}
    told = " ".join(result.warnings)
    assert "encoder.2" in told
    assert "number of parameters" in told


def test_a_language_without_gradients_is_undetermined_and_spoils_nothing():
    b = gradients(AFTER, failed={"ru": "its loss is not finite"}, model_id="second")
    result = compare_results(gradients(BEFORE), b)
    found = rows(result, "corrected")
    of_ru = found[found["b"] == "ru"]
    assert set(of_ru["verdict"]) == {"undetermined"}
    assert of_ru["reason"].str.contains("ru has no gradients in the second run").all()
    assert found.loc[found["b"] != "ru", "ci_low"].notna().all()


def test_noise_in_either_run_leaves_ratios_open_with_the_reason():
    noise = np.random.default_rng(1).standard_normal(BEFORE.shape)
    result = compare_results(gradients(BEFORE), gradients(noise, model_id="second"))
    found = rows(result, "corrected", group="body")
    assert set(found["verdict"]) == {"undetermined"}
    assert found["reason"].str.contains("noise in the second run").all()
    assert found["p_value"].isna().all()


def test_sketches_widen_intervals():
    exact, sketched = (
        compare_results(
            gradients(BEFORE, sketch_size=size, settings={"gram": gram}),
            gradients(AFTER, sketch_size=size, settings={"gram": gram}, model_id="second"),
        ).tables["changes"]
        for size, gram in ((np.inf, "exact"), (2000.0, "sketch"))
    )
    of_grams = exact["quantity"] != "loss"
    wide, narrow = ((t["ci_high"] - t["ci_low"])[of_grams] for t in (sketched, exact))
    assert (wide > narrow).all()


def test_verdicts_that_changed_are_listed_with_whether_the_difference_is_shown():
    a, _ = runs()
    pairs = a.pairs.assign(verdict=["conflict"] * 3 + list(a.pairs["verdict"][3:]))
    same = replace(a, tables={**a.tables, "pairs": pairs})
    result = compare_results(same, a)
    moved = result.tables["verdict_changes"]
    changed = int((pairs["verdict"] != a.pairs["verdict"]).sum())
    assert len(moved) == changed > 0
    assert not moved["shown"].any()
    assert set(moved["before"]) == {"conflict"}


def test_q_values_are_of_one_quantity_over_the_whole_or_its_parts():
    from scipy.stats import false_discovery_control

    result = compare_results(*runs())
    body = rows(result, "corrected", group="body")
    np.testing.assert_allclose(
        body["q_value"].astype(float), false_discovery_control(body["p_value"].astype(float).to_numpy())
    )


def test_documents_of_one_source_count_as_one():
    rng = np.random.default_rng(2)
    linked = np.repeat(np.arange(10), 4)
    costs = {name: [100 + rng.standard_normal(40), 90 + rng.standard_normal(40)] for name in ("first", "second")}

    def changes(whole: bool) -> pd.DataFrame:
        a, b = (
            deltas(
                {
                    model: {"de": np.bincount(linked, own) if whole else own}
                    for model, own in zip(("multilingual", "de"), both, strict=True)
                },
                sizes={"de": np.full(10, 200.0) if whole else np.full(40, 50.0)},
                sources=None if whole else {"de": linked},
                model_id=name,
            )
            for name, both in costs.items()
        )
        return compare_results(a, b).tables["changes"]

    pd.testing.assert_frame_equal(changes(whole=False), changes(whole=True))


def test_worse_than_the_baseline_is_found_in_the_language_that_is():
    result = compare_results(some_deltas(), some_deltas(drift=0.2, model_id="second"))
    found = rows(result, "bits_per_byte", model="multilingual").set_index("language")
    assert found.loc["de", "verdict"] == "higher"
    assert found.loc["de", "ci_low"] == pytest.approx(0.2, abs=1e-6)
    assert set(found.loc[["en", "ru"], "verdict"]) == {"same"}


def change_text(run):
    return replace(run, data={k: {**v, "sha256": "0" * 64} for k, v in run.data.items()})


def change_chunks(column, value):
    def change(run):
        return replace(run, tables={**run.tables, "chunks": run.chunks.assign(**{column: value})})

    return change


def change_settings(**settings):
    return lambda run: replace(run, settings={**run.settings, **settings})


REFUSED = [
    ("gradients", change_text, "other text in de, en and ru"),
    ("gradients", lambda run: replace(run, data={}), "not recorded which text"),
    ("gradients", change_settings(objective="causal-lm"), "objective is masked-lm in the first and causal-lm"),
    ("gradients", change_settings(scope="all"), "--scope is body in the first and all in the second"),
    ("gradients", change_settings(chunks=8), "--chunks is 16 in the first and 8"),
    ("gradients", change_settings(seed=1), "--seed is 0"),
    ("gradients", change_settings(max_length=32), "--max-length"),
    ("gradients", change_settings(mask_passes=2), "--mask-passes"),
    ("gradients", change_settings(granularity="module"), "--granularity"),
    ("gradients", change_settings(metrics=["adam"]), "no metrics in common"),
    ("gradients", change_chunks("lines", "1 2 3"), "slots hold other documents of de, en and ru"),
    ("gradients", change_chunks("tokens", 1), "tokenizers cut the same documents"),
    ("gradients", lambda run: replace(run, arrays={}), "lost its arrays"),
    ("gradients", lambda run: replace(run, languages=["xx"]), "0 languages in common and need 2"),
    (
        "gradients",
        lambda run: replace(run, kind="importance"),
        "one is of kind gradients, the other of kind importance",
    ),
    ("importance", change_settings(top=0.2), "--top"),
    ("importance", change_settings(methods=["taylor"]), "no methods in common"),
    ("deltas", change_settings(documents=10), "--documents"),
    ("deltas", change_settings(whole_word=True), "--whole-word"),
    ("deltas", change_text, "other text"),
]


@pytest.mark.parametrize(("kind", "change", "why"), REFUSED)
def test_what_cannot_be_compared_is_refused_with_why(kind, change, why):
    a, b = both(kind)
    with pytest.raises(InputError, match=why):
        compare_results(a, change(b))


def test_all_reasons_are_given_at_once():
    a, b = runs()
    with pytest.raises(InputError) as caught:
        compare_results(a, change_text(change_settings(scope="all", seed=3)(b)), names=("old", "new"))
    message = str(caught.value)
    assert message.startswith("old and new cannot be compared: ")
    assert all(part in message for part in ("other text", "--scope", "--seed"))


@pytest.mark.parametrize("kind", ["tasks", "experiment", "trajectory", "comparison"])
def test_kinds_without_honest_intervals_are_refused_with_what_to_do(kind):
    run = replace(gradients(BEFORE), kind=kind)
    with pytest.raises(InputError, match=f"they are of kind {kind}: "):
        compare_results(run, run)


def test_a_table_that_is_missing_is_no_traceback():
    a, b = runs()
    with pytest.raises(InputError, match="one lacks what runs of kind gradients have"):
        compare_results(a, replace(b, tables={"chunks": b.chunks}))


def test_settings_that_do_not_forbid_comparing_are_warned_of():
    a, b = runs(settings={"dtype": "bfloat16", "batch_size": 4})
    result = compare_results(a, b)
    assert any(warning.startswith("--dtype is float32") for warning in result.warnings)
    assert result.settings["differences"] == {"dtype": ["float32", "bfloat16"]}


def test_heads_that_were_trained_for_the_runs_are_warned_of():
    def heads(*trained):
        a, b = (
            replace(run, model=run.model | ({} if head is None else {"head": head}))
            for run, head in zip(runs(), trained, strict=True)
        )
        return [warning for warning in compare_results(a, b).warnings if "--head train" in warning]

    one, two = {"sha256": "1", "steps": 20}, {"sha256": "2", "steps": 40}
    assert not heads(None, None) + heads(one, one)
    assert heads(one, two)[0].startswith("Each run is under a head that was trained for it, in 20 and 40 steps")
    assert heads(None, two)[0].startswith("The second run is under a head")
    assert "steps" not in heads(one, {"sha256": "3", "steps": 20})[0]


def test_metrics_of_each_checkpoints_own_gradients_are_warned_of():
    a, b = (gradients(v, metrics=["euclidean", "adam"]) for v in (BEFORE, AFTER))
    assert any("adam takes its weights" in warning for warning in compare_results(a, b).warnings)


def test_comparing_needs_no_pytorch(tmp_path):
    for run, name in zip(runs(), "ab", strict=True):
        (tmp_path / name).mkdir()
        write_result(run, tmp_path / name)
    code = (
        "import sys, interfere; a, b = (interfere.load_result(p) for p in sys.argv[1:]); "
        "interfere.compare_results(a, b); assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a"), str(tmp_path / "b")], check=True)
