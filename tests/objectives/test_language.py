"""Models that want to be told the language are told it, row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interfere import GradientSettings, analyze_gradients
from interfere.checkpoint import checkpoint_from_model
from interfere.corpus import Document
from interfere.errors import InputError
from interfere.objectives import IGNORE, collate, make_objective, targets_only
from tests.checkpoint.tables import UNSEEN
from tests.text import some_text
from tests.tiny import tiny_model, tiny_tokenizer


def xmod():
    config = UNSEEN["XmodForMaskedLM"][0]
    return checkpoint_from_model(tiny_model("XmodForMaskedLM", **config), tiny_tokenizer("roberta"))


def xlm():
    config = UNSEEN["XLMWithLMHeadModel"][0] | {"lang2id": {"de": 2, "en": 1}, "use_lang_emb": True}
    return checkpoint_from_model(tiny_model("XLMWithLMHeadModel", **config), tiny_tokenizer("bert"))


def rows(checkpoint):
    objective = make_objective("auto", checkpoint)
    text = Document("The river runs slowly through the old village.", 1)
    return objective, [objective.encode(text, language)[0] for language in ("de", "en")]


@pytest.mark.parametrize(("make", "told"), [(xmod, ({"lang_ids": [0]}, {"lang_ids": [1]})), (xlm, None)])
@pytest.mark.parametrize("fast", [False, True])
def test_each_row_is_read_in_its_own_language(make, told, fast):
    checkpoint = make()
    objective, examples = rows(checkpoint)
    loss = targets_only(objective, checkpoint.model) if fast else objective
    sums = loss.loss(checkpoint.model, collate(examples, objective.pad_id))
    found = []
    for place, example in enumerate(examples):
        ids, labels = torch.tensor([example.input_ids]), torch.tensor([example.labels])
        extra = {"langs": torch.full_like(ids, (2, 1)[place])}
        if told is not None:
            extra = {name: torch.tensor(value) for name, value in told[place].items()}
        with torch.no_grad():
            own = checkpoint.model(input_ids=ids, labels=labels, **extra).loss * int((labels != IGNORE).sum())
        assert float(sums.per_document[place]) == pytest.approx(float(own), rel=1e-5)
        found.append(float(own))
    # The two read the same tokens: only the language tells them apart.
    assert abs(found[0] - found[1]) > 1e-3


def test_only_the_adapters_of_a_language_have_a_gradient_in_it():
    texts = {language: some_text(language, 10) for language in ("de", "en")}
    result = analyze_gradients(xmod(), texts, settings=GradientSettings(chunks=2, granularity="tensor", gram="exact"))
    grams = dict(zip(result.array_groups["tensor"], result.arrays["euclidean/tensor"], strict=True))
    for name, gram in grams.items():
        energy = np.einsum("lklk->l", gram)
        if ".adapter_modules." in name and "key.bias" not in name:
            own = 0 if "de_DE" in name else 1
            assert energy[own] > 0
            assert energy[1 - own] == 0


def test_a_language_that_the_model_does_not_know():
    texts = {language: some_text(language, 10) for language in ("de", "hi")}
    with pytest.raises(
        InputError, match=r"language 'hi' is none that the model knows by this name; it knows de_DE, en_XX"
    ):
        analyze_gradients(xmod(), texts, settings=GradientSettings(chunks=2))
