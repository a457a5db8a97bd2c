"""Labels of documents: reading them, and what depends on them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from interfere.corpus import Corpus, Document, deal_slots, language_sha256, read_corpus
from interfere.errors import InputError
from tests.tasks.toy import write_rows

TEXT, WORDS = "text-classification", "token-classification"


def folder_of(tmp_path: Path, **rows: list[dict[str, object]]) -> Path:
    for language, own in rows.items():
        write_rows(tmp_path / "data" / f"{language}.jsonl", own)
    return tmp_path / "data"


def test_texts_and_sentences_keep_their_labels(tmp_path):
    texts = folder_of(
        tmp_path, de=[{"text": " Hund ", "label": "tier", "id": 7, "source": "s"}, {"text": "x", "label": 3}]
    )
    first, second = read_corpus(texts, task=TEXT).documents["de"]
    assert first == Document("Hund", 1, "7", "s", ("tier",))
    assert second.labels == ("3",)
    sentences = folder_of(tmp_path / "s", en=[{"tokens": ["New York", "is"], "labels": ["NOUN", 1]}])
    (document,) = read_corpus(sentences, task=WORDS).documents["en"]
    assert (document.text, document.words, document.labels) == ("New York is", ("New York", "is"), ("NOUN", "1"))


def test_one_file_of_all_languages_and_a_packed_one_say_the_same(tmp_path):
    rows = [
        {"language": name, "text": f"{name} {i}", "label": "ab"[i % 2]} for name in ("code", "law") for i in range(4)
    ]
    mixed = read_corpus(write_rows(tmp_path / "all.jsonl", rows), task=TEXT)
    (tmp_path / "packed").mkdir()
    for name in ("code", "law"):
        own = "".join(json.dumps(row) + "\n" for row in rows if row["language"] == name)
        (tmp_path / "packed" / f"{name}.jsonl.gz").write_bytes(gzip.compress(own.encode()))
    packed = read_corpus(tmp_path / "packed", task=TEXT)
    for name in ("code", "law"):
        assert [(d.text, d.labels) for d in mixed.documents[name]] == [
            (d.text, d.labels) for d in packed.documents[name]
        ]


def test_labels_are_a_part_of_what_the_data_is(tmp_path):
    def digest(label: str) -> str:
        return language_sha256(Corpus({"de": (Document("Hund", 1, labels=(label,)),)}), "de")

    plain = language_sha256(Corpus({"de": (Document("Hund", 1),)}), "de")
    assert len({digest("a"), digest("b"), plain}) == 3
    assert digest("a") == digest("a")


def test_a_text_with_two_labels_stays_and_stays_together(tmp_path):
    rows = [{"text": f"text {i}", "label": label} for i in range(12) for label in ("a", "b", "b")]
    corpus = read_corpus(folder_of(tmp_path, de=rows, en=rows[::-1]), task=TEXT)
    assert corpus.skipped["de"] == {"repeats an earlier document": 12}
    assert len(corpus.documents["de"]) == 24
    deal = deal_slots(corpus, 3, 0)
    for de, en in zip(deal.slots["de"], deal.slots["en"], strict=True):
        assert {d.text for d in de} == {d.text for d in en}
        assert len(de) == 2 * len({d.text for d in de})
        # Neither the order of lines nor the language decides which of two labels comes first.
        assert [(d.text, d.labels) for d in de] == [(d.text, d.labels) for d in en]


@pytest.mark.parametrize(
    ("task", "row", "said"),
    [
        (TEXT, {"text": "x"}, 'no "label"'),
        (TEXT, {"text": "x", "label": None}, '"label" must be a string or a whole number, not null'),
        (TEXT, {"text": "x", "label": 0.5}, "no whole number"),
        (TEXT, {"tokens": ["x"], "labels": ["a"]}, 'no "text"'),
        (TEXT, {"text": "x", "label": "a", "source": 3}, '"source" must be a string'),
        (WORDS, {"tokens": ["x", "y"], "labels": ["a"]}, '2 "tokens" and 1 "labels"'),
        (WORDS, {"tokens": ["x"], "labels": [True]}, '"labels"\\[0\\] must be a string'),
        (WORDS, {"tokens": [""], "labels": ["a"]}, "is empty"),
        (WORDS, {"text": "x", "label": "a"}, 'no "tokens"'),
        (None, {"tokens": ["x"], "labels": ["a"]}, "--objective token-classification"),
    ],
)
def test_a_row_that_is_not_labelled_is_refused_with_its_place(tmp_path, task, row, said):
    good = {"text": "one", "label": "a", "tokens": ["one"], "labels": ["a"]}
    with pytest.raises(InputError, match=rf"de.jsonl, line 2 \(language 'de'\).*{said}"):
        read_corpus(folder_of(tmp_path, de=[good, row]), task=task)


def test_text_without_labels_is_refused(tmp_path):
    (tmp_path / "de.txt").write_text("Hund\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"de.txt .* has no labels, which text-classification needs: give de.jsonl"):
        read_corpus(tmp_path, task=TEXT)
    with pytest.raises(InputError, match=r"bundled corpus: .*no labels for text-classification"):
        read_corpus(None, ["de", "en"], task=TEXT)
    with pytest.raises(InputError, match=r"hf:some/name: labels are read from .jsonl files"):
        read_corpus("hf:some/name", task=TEXT)
    with pytest.raises(InputError, match="no labels for token-classification"):
        read_corpus({"de": [Document("Hund", 1, labels=("a",))]}, task=WORDS)


def test_an_id_has_one_set_of_labels(tmp_path):
    rows = [{"text": "x", "label": label, "id": "1"} for label in "ab"]
    with pytest.raises(InputError, match=r"line 2 .* same text with other labels, in line 1"):
        read_corpus(folder_of(tmp_path, de=rows), task=TEXT)


def test_labels_are_not_looked_at_unless_they_are_asked_for(tmp_path):
    rows = [{"text": "x", "label": None}, {"text": "x", "label": 3}]
    corpus = read_corpus(folder_of(tmp_path, de=rows))
    assert corpus.documents["de"] == (Document("x", 1),)
