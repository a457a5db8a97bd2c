from __future__ import annotations

import pytest

from interfere import Document, RunError
from interfere.corpus import Corpus, corpus_from_texts
from interfere.experiment import split_text
from interfere.experiment._text import LITTLE_TEXT
from tests.experiment.small import small_corpus


def _aligned() -> Corpus:
    """Documents of 40 ids, 25 of them in two languages, from sources of two documents each."""
    texts = {
        language: [
            Document(f"text {number} in {language}", line, id=f"d{number}", source=f"s{number // 2}")
            for line, number in enumerate(numbers, start=1)
        ]
        for language, numbers in {"aa": range(25), "bb": range(40), "cc": range(10, 40)}.items()
    }
    return corpus_from_texts(texts)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_what_is_held_out_is_trained_on_in_no_language(seed: int, share: float) -> None:
    corpus = _aligned()
    split = split_text(corpus, share, seed)
    for name in ("id", "source", "text"):
        trained, held = (
            {getattr(document, name) for documents in side.documents.values() for document in documents}
            for side in (split.train, split.held_out)
        )
        assert not trained & held
    for language in corpus.languages:
        both = split.train.documents[language] + split.held_out.documents[language]
        assert sorted(d.line for d in both) == sorted(d.line for d in corpus.documents[language])
        held = len(split.held_out.documents[language])
        assert held == pytest.approx(share * len(both), abs=3)
        assert held >= 1


def test_translations_stand_at_corresponding_places() -> None:
    split = split_text(_aligned(), 0.1, 0)
    order = {name: [d.id for d in documents] for name, documents in split.train.documents.items()}
    shared = set(order["aa"]) & set(order["bb"])
    assert [each for each in order["aa"] if each in shared] == [each for each in order["bb"] if each in shared]


def test_the_seed_decides() -> None:
    held = [{d.line for d in split_text(small_corpus(), 0.1, seed).held_out.documents["de"]} for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]


def test_too_few_documents_are_refused() -> None:
    corpus = corpus_from_texts({"de": [f"Satz {n}" for n in range(30)], "sv": ["en", "två", "tre"]})
    with pytest.raises(RunError, match=r"--held-out.*'sv' has the fewest documents, 3"):
        split_text(corpus, 0.1, 0)


def test_little_text_is_warned_about_and_enough_is_not() -> None:
    much = [f"Satz {n} " + "x" * 1000 for n in range(LITTLE_TEXT // 900)]
    split = split_text(corpus_from_texts({"de": much, "sv": [f"mening {n}" for n in range(50)]}), 0.1, 0)
    (warning,) = split.warnings
    assert warning.startswith("sv has")
