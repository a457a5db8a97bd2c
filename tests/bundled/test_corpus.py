"""What the package brings: as the cards say."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.assets import AssetUnavailableError
from benchmarks.bundled.check_corpus import Check, check_corpus
from interfere import bundled_corpus, read_corpus
from interfere.bundled import corpus_directory

LANGUAGES = ("ar", "de", "en", "es", "fr", "ja", "ko", "ru", "uk", "zh")


def test_entries_are_aligned_and_none_is_dropped() -> None:
    corpus = bundled_corpus()
    assert tuple(corpus.languages) == LANGUAGES
    ids = [document.id for document in corpus.documents["en"]]
    assert len(ids) == len(set(ids)) == 150
    assert all([document.id for document in corpus.documents[name]] == ids for name in LANGUAGES)
    assert not any(corpus.skipped.values())
    genres = Counter(str(name).split("-")[0] for name in ids)
    assert genres == {"everyday": 50, "encyclopaedic": 50, "narrative": 50}


def test_entries_are_one_or_two_sentences_on_one_line() -> None:
    for document in bundled_corpus().documents["en"]:
        assert "\n" not in document.text
        assert 20 <= len(document.text.split()) <= 60


def test_it_is_what_is_read_where_no_data_is_named() -> None:
    chosen = read_corpus(None, ["uk", "en"])
    assert tuple(chosen.languages) == ("en", "uk")
    assert chosen.documents["uk"] == bundled_corpus().documents["uk"]
    # The folder can be given like any other, and is then named as one.
    by_path = read_corpus(corpus_directory())
    assert by_path.documents == bundled_corpus().documents
    assert by_path.origin["uk"] == str(corpus_directory() / "uk.jsonl")
    assert bundled_corpus().origin["uk"] == "bundled corpus: uk.jsonl"


def test_a_check_says_what_is_out_of_bounds() -> None:
    good = Check(150, 9000, 0.99, 1.0, 0, 0, 0.9, 0.2)
    assert good.wrong() == []
    bad = Check(100, 9000, 0.9, 0.99, 1, 2, 0.95, 0.4)
    assert len(bad.wrong()) == 7


@pytest.mark.checkpoint
def test_every_language_keeps_the_bounds_of_the_docs() -> None:
    try:
        checks = check_corpus()
    except AssetUnavailableError as error:
        pytest.skip(str(error))
    assert {language: check.wrong() for language, check in checks.items()} == {language: [] for language in LANGUAGES}
