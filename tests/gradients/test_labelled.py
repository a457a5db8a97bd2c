"""Gradients of labelled tasks: planted agreement and conflict, and what a result says of them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from interfere.checkpoint import Checkpoint, checkpoint_from_model
from interfere.corpus import Document
from interfere.errors import InputError
from interfere.gradients import analyze_gradients
from interfere.importance import analyze_importance
from interfere.report import findings
from interfere.settings import GradientSettings, ImportanceSettings
from tests.tasks.toy import VOCABULARY as VOCABULARIES
from tests.tiny import MODELS, VOCABULARY, tiny_model, tiny_tokenizer

SETTINGS = GradientSettings(chunks=6)
TEXT, WORDS = "text-classification", "token-classification"
TWO = {TEXT: ("low", "high"), WORDS: ("NOUN", "VERB")}


def checkpoint_of(task: str, kind: str = "bert") -> Checkpoint:
    """A model that is undecided between its labels, so that a label's gradient is the opposite of the other one's."""
    start = {"bert": "Bert", "gpt2": "GPT2"}[kind]
    name = f"{start}For{'Sequence' if task == TEXT else 'Token'}Classification"
    labels = {"id2label": dict(enumerate(TWO[task])), "label2id": {label: i for i, label in enumerate(TWO[task])}}
    model = tiny_model(name, **({"vocab_size": VOCABULARY} | MODELS[kind][2] | labels))
    head = model.score if kind == "gpt2" and task == TEXT else model.classifier
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(1e-3)
    return checkpoint_from_model(model, tiny_tokenizer(MODELS[kind][1]))


def documents(task: str, seed: int, *, swapped: bool = False) -> list[Document]:
    """Texts of four words, one label in six the other one: what the labels ask for is in every chunk the same."""
    source = random.Random(seed)
    out = []
    for line in range(1, 151):
        words = tuple(source.choices(VOCABULARIES["de"], k=4))
        labels = tuple(TWO[task][(source.random() < 1 / 6) != swapped] for _ in words)
        if task == TEXT:
            out.append(Document(" ".join(words), line, labels=labels[:1]))
        else:
            out.append(Document(" ".join(words), line, labels=labels, words=words))
    return out


@pytest.mark.parametrize(("task", "kind"), [(TEXT, "bert"), (TEXT, "gpt2"), (WORDS, "bert")])
def test_swapped_labels_oppose_and_the_same_labels_agree(task, kind):
    data = {
        "plain": documents(task, 1),
        "same": documents(task, 1),
        "swapped": documents(task, 1, swapped=True),
    }
    result = analyze_gradients(checkpoint_of(task, kind), data, "auto", SETTINGS)
    assert result.model["objective"] == task
    pairs = result.pairs.query("group == 'body'").set_index(["a", "b"])
    for pair, expected in {("plain", "same"): 1, ("plain", "swapped"): -1, ("same", "swapped"): -1}.items():
        assert pairs.loc[pair, "corrected"] == pytest.approx(expected, abs=0.02)
        assert pairs.loc[pair, "verdict"] == ("aligned" if expected > 0 else "conflict")


def test_batches_do_not_change_the_result_and_predictions_are_labels():
    data = {"a": documents(WORDS, 1), "b": documents(WORDS, 2)}
    one, many = (
        analyze_gradients(checkpoint_of(WORDS), data, WORDS, replace(SETTINGS, batch_size=size)) for size in (1, 7)
    )
    np.testing.assert_allclose(one.pairs["corrected"], many.pairs["corrected"], rtol=1e-4)
    table = one.tables["chunks"]
    assert (table["tokens"] == 4 * table["documents"]).all()
    assert one.settings["loss_path"] == "plain"
    assert not any("predicted tokens" in sentence for sentence in [*one.warnings, *findings(one)])
    assert one.pairs["transfer_bytes_ab"].isna().all()
    assert one.pairs["transfer_ab"].notna().any()


def test_a_chunk_takes_as_many_texts_as_it_may_have_labels():
    data = {"a": documents(TEXT, 1), "b": documents(TEXT, 2)}
    result = analyze_gradients(checkpoint_of(TEXT), data, settings=replace(SETTINGS, tokens_per_chunk=9))
    assert (result.tables["chunks"]["tokens"] == 9).all()
    assert (result.tables["chunks"]["documents"] == 9).all()


def test_the_head_is_a_group_of_its_own():
    data = {"a": documents(TEXT, 1), "b": documents(TEXT, 2)}
    result = analyze_gradients(checkpoint_of(TEXT), data, settings=replace(SETTINGS, scope="all"))
    assert {"body", "head", "embeddings"} <= set(result.pairs["group"])
    heads = result.tables["tensors"].query("layer == 'head'")["tensor"]
    assert set(heads) == {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}


def test_a_resume_with_other_labels_is_refused(tmp_path):
    checkpoint = checkpoint_of(TEXT)
    analyze_gradients(
        checkpoint, {"a": documents(TEXT, 1), "b": documents(TEXT, 2)}, settings=SETTINGS, workdir=tmp_path
    )
    swapped = {"a": documents(TEXT, 1), "b": documents(TEXT, 2, swapped=True)}
    with pytest.raises(InputError, match=r"another data\.b;"):
        analyze_gradients(checkpoint, swapped, settings=SETTINGS, workdir=tmp_path)


@pytest.mark.parametrize(("task", "kind"), [(TEXT, "bert"), (TEXT, "gpt2"), (WORDS, "bert")])
def test_importance_of_labels_does_not_depend_on_batches(task, kind):
    data = {"a": documents(task, 1)[:60], "b": documents(task, 2)[:60]}
    settings = ImportanceSettings(chunks=4, methods=("taylor", "fisher"), top=0.5, ablate=True, draws=2)
    one, many = (
        analyze_importance(checkpoint_of(task, kind), data, "auto", replace(settings, batch_size=size))
        for size in (1, 8)
    )
    for name in ("layers", "specificity"):
        numbers = one.tables[name].select_dtypes("number")
        np.testing.assert_allclose(numbers, many.tables[name][numbers.columns], rtol=1e-2, atol=1e-6)
    assert np.isfinite(one.tables["specificity"]["own_damage"]).all()


def test_text_without_labels_is_refused_before_anything_is_read(tmp_path: Path):
    (tmp_path / "de.txt").write_text("Hund\n")
    with pytest.raises(InputError, match=r"de\.txt .* has no labels"):
        analyze_gradients(checkpoint_of(TEXT), tmp_path)
