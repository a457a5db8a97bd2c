"""Text infilling and translation: what the encoder reads, what the decoder predicts, and with which language codes."""

from __future__ import annotations

import pytest
import torch
from transformers import MBartTokenizer, NllbTokenizer

from interfere import GradientSettings, analyze_gradients
from interfere.checkpoint import checkpoint_from_model
from interfere.corpus import Document, corpus_from_texts
from interfere.errors import InputError
from interfere.evaluation import evaluate
from interfere.objectives import collate, make_objective, split_source
from interfere.settings import EvaluationSettings
from tests.objectives.reference import documents, flat_gradient, relative, tiny_checkpoint
from tests.tiny import tiny_model, tiny_tokenizer

WORDS = ("▁the", "▁river", "▁runs", "▁der", "▁Fluss", "▁fließt", "▁la", "▁rivière", "▁coule")
ENGLISH, GERMAN, FRENCH = (Document(text, 1) for text in ("the river runs", "der Fluss fließt", "la rivière coule"))
TEXTS = {
    "en": [f"the river runs {'river ' * n}slowly" for n in range(8)],
    "de": [f"der Fluss fließt {'Fluss ' * n}langsam" for n in range(8)],
    "fr": [f"la rivière coule {'rivière ' * n}doucement" for n in range(8)],
}


def mbart():
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(token, 0.0) for token in special] + [("▁", -9.0)] + [(word, -1.0) for word in WORDS]
    return MBartTokenizer(vocab=pieces)


def nllb():
    return NllbTokenizer()


def model_for(tokenizer, **config):
    return checkpoint_from_model(
        tiny_model("mbart", vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=0, eos_token_id=2, **config),
        tokenizer,
    )


def translation(tokenizer, corpus, source, **config):
    checkpoint = model_for(tokenizer, **config)
    others, sources = split_source(corpus, source)
    return checkpoint, others, make_objective("translation", checkpoint, sources=sources)


def test_mbart_gets_the_code_of_each_language_after_its_texts():
    tokenizer = mbart()
    checkpoint = model_for(tokenizer)
    assert checkpoint.objective == "text-infilling"
    objective = make_objective("auto", checkpoint)
    for document, code in ((GERMAN, "de_DE"), (ENGLISH, "en_XX"), (FRENCH, "fr_XX")):
        (example,) = objective.encode(document, code[:2])
        end = tokenizer.convert_tokens_to_ids(["</s>", code])
        assert list(example.labels[-2:]) == list(example.input_ids[-2:]) == end
        words = tokenizer.convert_tokens_to_ids(["▁" + word for word in document.text.split()])
        assert list(example.labels[:-2]) == words
        assert example.input_ids.count(tokenizer.mask_token_id) == 1
        # As mBART was trained: the decoder starts from the code of the language.
        given = objective.inputs(checkpoint.model, collate([example], 1))["decoder_input_ids"]
        assert given[0].tolist() == [end[1], *words, end[0]]


@pytest.mark.parametrize(("make", "names"), [(mbart, ("en_XX", "de_DE")), (nllb, ("eng_Latn", "deu_Latn"))])
def test_translation_has_the_codes_that_the_tokenizer_itself_gives(make, names):
    tokenizer = make()
    corpus = corpus_from_texts({names[0]: [ENGLISH.text], names[1]: [GERMAN.text], names[1][:2] + "x_Latn": ["x"]})
    _, others, objective = translation(tokenizer, corpus, names[0])
    (example,) = objective.encode(others.documents[names[1]][0], names[1])
    fresh = make()
    fresh.src_lang, fresh.tgt_lang = names
    expected = fresh(ENGLISH.text, text_target=GERMAN.text)
    assert list(example.input_ids) == expected["input_ids"]
    assert list(example.labels) == expected["labels"]
    assert tokenizer.convert_tokens_to_ids(names[1]) in example.labels
    assert tokenizer.convert_tokens_to_ids(names[0]) in example.input_ids


def test_a_language_without_a_code_is_named_with_those_that_there_are():
    objective = make_objective("auto", model_for(mbart()))
    with pytest.raises(InputError, match=r"language 'xx' is none that the model knows .* de_DE"):
        objective.encode(GERMAN, "xx")


def test_several_passes_hide_disjoint_spans():
    checkpoint = tiny_checkpoint("mbart")
    objective = make_objective("auto", checkpoint, mask_passes=4)
    document = documents()[0]
    ids = checkpoint.tokenizer(document.text)["input_ids"]
    examples = objective.encode(document, "en")
    assert len(examples) == 4
    lengths = [len(ids) - len(example.input_ids) for example in examples]
    assert all(list(example.labels) == ids for example in examples)
    # A span of n tokens makes the input n − 1 shorter.
    assert sum(lengths) > 0
    assert len({example.input_ids for example in examples}) == 4


def test_what_is_translated_is_found_by_line_and_by_id():
    corpus = corpus_from_texts(TEXTS)
    others, sources = split_source(corpus, "en")
    assert others.languages == ("de", "fr")
    assert sources.by == "line"
    for document in others.documents["fr"]:
        assert sources.of(document).text == TEXTS["en"][document.line - 1]
    assert sources.of(Document("nothing", 99)) is None


@pytest.mark.parametrize(
    ("source", "texts", "words"),
    [
        (None, TEXTS, "--source-language"),
        ("ru", TEXTS, "no such language"),
        ("en", TEXTS | {"de": TEXTS["de"][:5]}, "aligned text"),
    ],
)
def test_text_that_cannot_be_translated(source, texts, words):
    with pytest.raises(InputError, match=words):
        split_source(corpus_from_texts(texts), source)


def test_a_source_language_is_for_translation_alone():
    checkpoint = tiny_checkpoint("mbart")
    with pytest.raises(InputError, match="--source-language is for --objective translation"):
        analyze_gradients(checkpoint, TEXTS, settings=GradientSettings(chunks=2, source_language="en"))


def test_gradients_of_translation_are_those_of_the_models_own_loss(tmp_path):
    tokenizer = tiny_tokenizer("roberta", without=("mask",))
    checkpoint = checkpoint_from_model(tiny_model("mbart"), tokenizer)
    assert checkpoint.objective == "translation"
    settings = GradientSettings(chunks=2, source_language="en", scope="all", gram="exact")
    result = analyze_gradients(checkpoint, TEXTS, settings=settings)
    assert result.languages == ["de", "fr"]
    gram = result.arrays["euclidean/layer"].sum(axis=0)
    lines = result.tables["chunks"].set_index(["language", "slot"])["lines"]
    vectors = {}
    for row, language in enumerate(result.languages):
        for slot in range(2):
            total, count = torch.zeros(1), 0
            for line in map(int, lines[language, slot].split()):
                inputs = tokenizer(TEXTS["en"][line - 1], return_tensors="pt")
                labels = tokenizer(TEXTS[language][line - 1], return_tensors="pt")["input_ids"]
                checkpoint.model.zero_grad(set_to_none=True)
                loss = checkpoint.model(input_ids=inputs["input_ids"], labels=labels).loss * labels.shape[1]
                loss.backward()
                total, count = total + flat_gradient(checkpoint.model), count + labels.shape[1]
            vectors[row, slot] = total / count
    for (a, k), x in vectors.items():
        for (b, m), y in vectors.items():
            assert gram[a, k, b, m] == pytest.approx(float(x @ y), abs=2e-5 * float(x.norm() * y.norm()))
    assert relative(vectors[0, 0], vectors[1, 0]) > 0.01


def test_bits_of_a_translation_are_the_decoders(tmp_path):
    tokenizer = tiny_tokenizer("roberta", without=("mask",))
    checkpoint = checkpoint_from_model(tiny_model("mbart"), tokenizer)
    corpus = corpus_from_texts(TEXTS)
    found = evaluate(checkpoint, corpus, corpus.documents, EvaluationSettings(source_language="en"), tmp_path)
    assert set(found.quality) == {"de", "fr"}
    for language, quality in found.quality.items():
        for line, text in enumerate(TEXTS[language]):
            inputs = tokenizer(TEXTS["en"][line], return_tensors="pt")["input_ids"]
            labels = tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                loss = float(checkpoint.model(input_ids=inputs, labels=labels).loss) * labels.shape[1]
            assert quality.bits[line] * 0.6931471805599453 == pytest.approx(loss, rel=1e-5)
            assert quality.bytes[line] == len(text.encode())
