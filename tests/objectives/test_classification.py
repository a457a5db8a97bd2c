"""Losses of labels, and their gradients, against the loss that transformers computes from one text alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interfere.checkpoint import Checkpoint, checkpoint_from_model
from interfere.corpus import Corpus, Document
from interfere.engine import Chunk, Microbatches, only_gradients_of, whole_gradient
from interfere.errors import InputError, RunError
from interfere.objectives import IGNORE, collate, make_objective, require_known_labels
from tests.tiny import MODELS, TEXTS, VOCABULARY, tiny_model, tiny_tokenizer

NAMES = {0: "sport", 1: "law", 2: "code"}
LABELS: dict[str, Any] = {"id2label": NAMES, "label2id": {label: i for i, label in NAMES.items()}}

# class → family of MODELS whose config it has, and entries that differ.
TEXT_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "BertForSequenceClassification": ("bert", {}),
    "XLMRobertaForSequenceClassification": ("xlm-r", {}),
    "DebertaV2ForSequenceClassification": ("deberta-v2", {}),
    "GPT2ForSequenceClassification": ("gpt2", {}),
    "LlamaForSequenceClassification": ("llama", {}),
    "Gemma3TextForSequenceClassification": ("gemma3", {}),
    "BloomForSequenceClassification": ("bloom", {}),
    "T5ForSequenceClassification": ("t5", {}),
    "MBartForSequenceClassification": ("mbart", {}),
}
WORD_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "BertForTokenClassification": ("bert", {}),
    "DebertaV2ForTokenClassification": ("deberta-v2", {}),
    "GPT2ForTokenClassification": ("gpt2", {}),
    "LlamaForTokenClassification": ("llama", {}),
    "T5ForTokenClassification": ("t5", {}),
}
TEXTS_OF_ALL_LENGTHS = [TEXTS["en"][1], TEXTS["hi"][0], "Hund", TEXTS["zh"][2], TEXTS["ru"][1] + " " + TEXTS["ru"][0]]


def checkpoint_of(name: str, **config: Any) -> Checkpoint:
    kind, own = (TEXT_MODELS | WORD_MODELS)[name]
    entries = {"vocab_size": VOCABULARY} | MODELS[kind][2] | LABELS | own | config
    return checkpoint_from_model(tiny_model(name, **entries), tiny_tokenizer(MODELS[kind][1]), id=name)


def texts() -> list[Document]:
    names = list(NAMES.values())
    return [Document(each, line, labels=(names[line % 3],)) for line, each in enumerate(TEXTS_OF_ALL_LENGTHS, 1)]


def sentences() -> list[Document]:
    names = list(NAMES.values())
    out = []
    for line, each in enumerate(TEXTS_OF_ALL_LENGTHS, 1):
        words = tuple(each.split())
        labels = tuple(names[(line + i) % 3] for i in range(len(words)))
        out.append(Document(" ".join(words), line, labels=labels, words=words))
    return out


def own_gradients(checkpoint: Checkpoint, documents: list[Document]) -> tuple[float, dict[str, torch.Tensor]]:
    """The summed loss of texts, each read alone by the model itself, with the labels that are its own argument."""
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    numbers = {label: number for number, label in NAMES.items()}
    model.zero_grad()
    total = 0.0
    for document in documents:
        count = 1
        if document.words:
            # As the usual training of such models prepares its sentences.
            encoded = tokenizer([list(document.words)], is_split_into_words=True, return_tensors="pt")
            inputs = {"input_ids": encoded["input_ids"]}
            labels = torch.full_like(inputs["input_ids"], IGNORE)
            for word, label in enumerate(document.labels):
                labels[0, encoded.word_ids().index(word)] = numbers[label]
            count = len(document.words)
        else:
            inputs = {"input_ids": tokenizer(document.text, return_tensors="pt")["input_ids"]}
            labels = torch.tensor([numbers[document.labels[0]]])
        loss = model(**inputs, labels=labels).loss * count
        loss.backward()
        total += float(loss.detach())
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return total, found


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("name", [*TEXT_MODELS, *WORD_MODELS])
def test_loss_and_gradient_are_the_models_own_whatever_the_batch(name, batch_size):
    checkpoint = checkpoint_of(name)
    documents = sentences() if name in WORD_MODELS else texts()
    expected_loss, expected = own_gradients(checkpoint, documents)
    objective = make_objective("auto", checkpoint)
    examples = tuple(e for document in documents for e in objective.encode(document, "en"))
    assert len(examples) == len(documents)
    chunk = Chunk("en", 0, examples, len(examples), 0, 0)
    before = checkpoint.model.config.to_dict()
    every = [name for name, _ in checkpoint.model.named_parameters()]
    with only_gradients_of(checkpoint.model, every) as parameters:
        found = whole_gradient(checkpoint.model, objective, chunk, parameters, Microbatches(batch_size))
    assert found.predictions == sum(len(document.labels) for document in documents)
    assert found.loss == pytest.approx(expected_loss, rel=1e-5)
    whole = torch.cat([each.flatten() for each in expected.values()])
    own = torch.cat([found.gradients[key].flatten() for key in expected])
    assert float(whole.norm()) > 1e-3
    assert float((own - whole).norm() / whole.norm()) < 1e-5
    assert checkpoint.model.config.to_dict() == before


def test_padding_that_a_text_ends_with_is_read_as_text():
    """A decoder without a padding token pools at the last token of a text, even where that is any other's padding."""
    checkpoint = checkpoint_of("GPT2ForSequenceClassification")
    objective = make_objective("auto", checkpoint)
    eos = checkpoint.tokenizer.eos_token
    documents = [Document(f"Hund {eos}", 1, labels=("law",)), Document(TEXTS["en"][1], 2, labels=("law",))]
    expected, _ = own_gradients(checkpoint, documents)
    with torch.no_grad():
        batch = collate([objective.encode(each, "en")[0] for each in documents], objective.pad_id)
        assert float(objective.loss(checkpoint.model, batch).total) == pytest.approx(expected, rel=1e-5)


def test_labels_without_names_are_matched_by_number():
    checkpoint = checkpoint_of("BertForSequenceClassification", id2label=None, label2id=None, num_labels=3)
    objective = make_objective("auto", checkpoint)
    by_number = objective.encode(Document("Hund", 1, labels=("2",)), "de")
    assert by_number[0].labels == objective.encode(Document("Hund", 1, labels=("LABEL_2",)), "de")[0].labels == (2,)
    with pytest.raises(InputError, match=r"label 'law' is none .* whole numbers from 0 to 2"):
        objective.encode(Document("Hund", 1, labels=("law",)), "de")


def test_an_unknown_label_is_refused_with_its_place_and_what_the_model_has():
    checkpoint = checkpoint_of("BertForSequenceClassification")
    objective = make_objective("auto", checkpoint)
    corpus = Corpus({"de": (Document("Hund", 7, labels=("sports",)),)}, origin={"de": "data/de.jsonl"})
    with pytest.raises(InputError, match=r"^data/de.jsonl, line 7 .*'sports'.*it has code, law, sport$"):
        require_known_labels(corpus, objective)
    with pytest.raises(InputError, match=r"'1' is none .* write labels by name"):
        objective.encode(Document("Hund", 1, labels=("1",)), "de")


def test_labels_that_are_called_by_numbers_have_names():
    stars = {"id2label": {0: "1", 1: "2", 2: "3"}, "label2id": {"1": 0, "2": 1, "3": 2}}
    objective = make_objective("auto", checkpoint_of("BertForSequenceClassification", **stars))
    assert objective.encode(Document("Hund", 1, labels=("1",)), "de")[0].labels == (0,)
    with pytest.raises(InputError, match=r"'5' is none .*; it has 1, 2, 3$"):
        objective.encode(Document("Hund", 1, labels=("5",)), "de")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"problem_type": "regression"}, "regression"),
        ({"problem_type": "multi_label_classification"}, "multi label classification"),
        ({"id2label": {0: "score"}, "label2id": {"score": 0}}, "one label"),
    ],
)
def test_heads_that_do_not_give_one_label_are_refused(config, said):
    with pytest.raises(RunError, match=said):
        make_objective("auto", checkpoint_of("BertForSequenceClassification", **config))


def test_a_text_with_a_second_end_token_is_refused_where_the_model_pools_there():
    objective = make_objective("auto", checkpoint_of("T5ForSequenceClassification"))
    with pytest.raises(RunError, match="line 3: the text holds '</s>'"):
        objective.encode(Document("Hund </s> Haus", 3, labels=("law",)), "de")


def test_words_that_were_cut_off_are_not_predicted():
    checkpoint = checkpoint_of("BertForTokenClassification")
    objective = make_objective("auto", checkpoint, max_length=12)
    words = tuple(TEXTS["en"][1].split())
    document = Document(" ".join(words), 1, labels=("law",) * len(words), words=words)
    (example,) = objective.encode(document, "en")
    read = sum(label != IGNORE for label in example.labels)
    assert example.cut
    assert len(example.input_ids) == 12
    assert 0 < read == example.predictions < len(words)
    assert example.covered_bytes == len(" ".join(words[:read]).encode())
