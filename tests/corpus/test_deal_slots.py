"""Slots: what belongs together stays together, in all languages, whatever they are called."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfere.corpus import Corpus, Deal, Document, corpus_from_texts, deal_slots
from interfere.errors import InputError, RunError

LANGUAGES = ("aa", "bb", "cc")


def every_slot(deal: Deal, language: str) -> list[tuple[Document, ...]]:
    """A language's slots, with the calibration slot as the last."""
    return [*deal.slots[language], deal.calibration[language]]


def places(deal: Deal, language: str) -> dict[str, int]:
    """Text → the slot that it is in."""
    return {document.text: k for k, slot in enumerate(every_slot(deal, language)) for document in slot}


def in_order(deal: Deal, language: str) -> list[list[str]]:
    return [[document.text for document in slot] for slot in every_slot(deal, language)]


def corpus_of(rows: dict[str, list[tuple[str, str | None, str | None]]]) -> Corpus:
    """A corpus of (text, id, source) rows."""
    return corpus_from_texts(
        {name: [Document(text, n, i, s) for n, (text, i, s) in enumerate(values, 1)] for name, values in rows.items()}
    )


def aligned(count: int, languages: Sequence[str] = LANGUAGES) -> Corpus:
    return corpus_from_texts({name: [f"{name} {n}" for n in range(count)] for name in languages})


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """Languages that share some texts, ids and sources, and have enough that is independent for 5 slots."""
    has_ids = draw(st.booleans())
    rows = {}
    for language in draw(st.permutations(LANGUAGES))[: draw(st.integers(1, 3))]:
        numbers = draw(st.lists(st.integers(0, 60), unique=True, min_size=3, max_size=25))
        own = [(f"{language} own {n}", f"{language}-{n}" if has_ids else None, None) for n in range(5)]
        shared = [
            (
                f"text {n}" if draw(st.integers(0, 4)) == 0 else f"{language} {n}",
                str(n) if has_ids else None,
                draw(st.sampled_from([None, None, "s1", "s2", "s3"])),
            )
            for n in numbers
        ]
        rows[language] = own + shared
    return corpus_of(rows)


@given(corpus=corpora(), seed=st.integers(0, 99))
def test_every_document_is_in_one_slot_and_what_belongs_together_in_the_same(corpus: Corpus, seed: int) -> None:
    deal = deal_slots(corpus, 4, seed)
    owner: dict[tuple[str, str], int] = {}
    for language, documents in corpus.documents.items():
        slots = every_slot(deal, language)
        assert len(slots) == 5
        assert all(slots)
        dealt = [document for slot in slots for document in slot]
        assert len(dealt) == len(documents)
        assert set(dealt) == set(documents)
        for k, slot in enumerate(slots):
            for document in slot:
                for kind in ("text", "id", "source"):
                    value = getattr(document, kind)
                    if value is not None:
                        assert owner.setdefault((kind, value), k) == k


@given(corpus=corpora(), seed=st.integers(0, 99), data=st.data())
def test_names_and_order_of_languages_and_lines_have_no_part_in_it(
    corpus: Corpus, seed: int, data: st.DataObject
) -> None:
    # Without counts of lines nothing is matched by line number, which the order of lines would change.
    corpus = Corpus(corpus.documents)
    deal = deal_slots(corpus, 4, seed)
    renamed = dict(zip(corpus.documents, data.draw(st.permutations(["x", "y", "z"])), strict=False))
    shuffled = {new: data.draw(st.permutations(corpus.documents[old])) for old, new in renamed.items()}
    other = deal_slots(Corpus(dict(sorted(shuffled.items()))), 4, seed)
    assert all(in_order(other, new) == in_order(deal, old) for old, new in renamed.items())
    assert deal_slots(corpus, 4, seed) == deal


@given(count=st.integers(17, 120), seed=st.integers(0, 999))
def test_aligned_lines_are_dealt_evenly_and_at_corresponding_places(count: int, seed: int) -> None:
    deal = deal_slots(aligned(count), 16, seed)
    assert deal.alignment == "line"
    assert deal.units == dict.fromkeys(LANGUAGES, count)
    sizes = [len(slot) for slot in every_slot(deal, "aa")]
    assert max(sizes) - min(sizes) <= 1
    for language in LANGUAGES:
        numbers = [[text.split()[1] for text in slot] for slot in in_order(deal, language)]
        assert numbers == [[text.split()[1] for text in slot] for slot in in_order(deal, "aa")]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_language_is_dealt_evenly_beside_a_large_one(seed: int) -> None:
    large = [(f"large {n}", str(n), None) for n in range(1000)]
    small = [(f"small {n}", str(n), None) for n in range(50)]
    partial = [(f"partial {n}", str(n), None) for n in range(40, 160)]
    deal = deal_slots(corpus_of({"large": large, "small": small, "partial": partial}), 16, seed)
    for language, mean in (("large", 1000 / 17), ("small", 50 / 17), ("partial", 120 / 17)):
        assert all(abs(len(slot) - mean) < 2 for slot in every_slot(deal, language))


def test_the_seed_changes_the_deal() -> None:
    corpus = aligned(100)
    deals = [deal_slots(corpus, 16, seed) for seed in range(5)]
    assert len({str(in_order(deal, "aa")) for deal in deals}) == 5
    assert len({str(sorted(places(deal, "aa").items())) for deal in deals}) == 5


def test_each_slot_is_equally_likely() -> None:
    corpus = aligned(20, ["aa"])
    counts = [0] * 5
    for seed in range(1000):
        counts[places(deal_slots(corpus, 4, seed), "aa")["aa 0"]] += 1
    # Binomial with 1,000 draws and p = 1/5: a standard deviation is 12.6.
    assert all(abs(count - 200) < 60 for count in counts)


def test_a_shuffled_copy_under_another_name_lands_in_the_same_slots() -> None:
    lines = [f"line {n}" for n in range(200)]
    copy = random.Random(3).sample(lines, len(lines))
    deal = deal_slots(corpus_from_texts({"en": lines, "en2": copy, "de": [f"Zeile {n}" for n in range(200)]}), 8, 0)
    assert deal.alignment == "content"
    assert in_order(deal, "en") == in_order(deal, "en2")
    assert deal.units["en"] == 200


def test_a_few_lines_left_untranslated_do_not_undo_the_alignment() -> None:
    german = [f"Zeile {n}" for n in range(100)]
    english = [f"line {n}" for n in range(100)]
    english[5], english[77] = german[77], german[77] + " again"
    deal = deal_slots(corpus_from_texts({"de": german, "en": english}), 8, 0)
    assert deal.alignment == "line"
    assert places(deal, "en")[german[77]] == places(deal, "de")[german[77]] == places(deal, "de")["Zeile 5"]


def test_blank_lines_do_not_shift_the_alignment() -> None:
    german = [f"Zeile {n}" for n in range(60)]
    english = ["" if n % 7 == 0 else f"line {n}" for n in range(60)]
    deal = deal_slots(corpus_from_texts({"de": german, "en": english}), 4, 1)
    assert deal.alignment == "line"
    where = places(deal, "de")
    assert all(k == where[text.replace("line", "Zeile")] for text, k in places(deal, "en").items())


def test_ids_go_before_lines_and_lines_before_content() -> None:
    ids = [(f"aa {n}", str(n), None) for n in range(30)]
    other = [(f"bb {n}", str(n), None) for n in reversed(range(30))]
    deal = deal_slots(corpus_of({"aa": ids, "bb": other}), 4, 0)
    assert deal.alignment == "id"
    assert all(k == places(deal, "aa")[text.replace("bb", "aa")] for text, k in places(deal, "bb").items())
    # One document without an id, and ids that contradict the lines.
    assert deal_slots(corpus_of({"aa": [*ids[:-1], ("aa 29", None, None)], "bb": other}), 4, 0).alignment == "content"
    uneven = corpus_from_texts({"aa": [f"aa {n}" for n in range(30)], "bb": [f"bb {n}" for n in range(31)]})
    assert deal_slots(uneven, 4, 0).alignment == "content"


def test_documents_matched_by_id_stay_where_they_are_when_a_language_is_added() -> None:
    rows = {name: [(f"{name} {n}", str(n), f"page {n // 5}") for n in range(200)] for name in LANGUAGES}
    few = deal_slots(corpus_of({name: rows[name] for name in LANGUAGES[:2]}), 8, 5)
    assert deal_slots(corpus_of(rows), 8, 5).slots["aa"] == few.slots["aa"]


def test_sources_are_not_split_and_a_part_of_a_slot_has_many_of_them() -> None:
    rows = [(f"text {n}", None, f"page {n // 10}") for n in range(400)]
    deal = deal_slots(corpus_of({"aa": rows}), 4, 0)
    pages = [{document.source for document in slot} for slot in every_slot(deal, "aa")]
    assert sum(map(len, pages)) == len(set.union(*pages)) == 40
    assert deal.units["aa"] == 40
    assert all(len({document.source for document in slot[:10]}) >= 4 for slot in every_slot(deal, "aa"))


def test_no_slot_is_left_empty_where_languages_overlap_in_part() -> None:
    """Each of the small languages has hardly more documents than there are slots, some of them shared with the next."""
    for seed in range(30):
        rows = {"large": [(f"large {n}", str(n), None) for n in range(300)]}
        for start in range(0, 25, 5):
            rows[f"small{start}"] = [(f"small{start} {n}", str(n), None) for n in range(start * 2, start * 2 + 22)]
        deal = deal_slots(corpus_of(rows), 16, seed)
        assert all(slot for language in rows for slot in every_slot(deal, language))


def test_slots_that_cannot_be_filled_for_all_languages_at_once() -> None:
    rows = {"aa": ("1", "2"), "bb": ("2", "3"), "cc": ("1", "3")}
    corpus = corpus_of({name: [(f"{name} {i}", i, None) for i in ids] for name, ids in rows.items()})
    with pytest.raises(RunError, match=r"No deal found that gives language '..' text in each of 1 chunks"):
        deal_slots(corpus, 1, 0)


def test_too_little_text_says_who_how_much_and_what_to_do() -> None:
    corpus = corpus_of(
        {"de": [(f"de {n}", None, None) for n in range(9)], "en": [(f"en {n}", None, None) for n in range(17)]}
    )
    with pytest.raises(RunError) as caught:
        deal_slots(corpus, 16, 0)
    message = str(caught.value)
    assert "Language 'de' has 9 documents where 16 chunks and the calibration slot need 17" in message
    assert "--chunks 8 or fewer (at least 4)" in message
    assert caught.value.exit_code == 3
    assert all(deal_slots(corpus, 8, 0).calibration.values())


def test_documents_of_one_source_do_not_count_as_independent() -> None:
    rows = [(f"text {n}", None, f"page {n % 4}") for n in range(100)]
    with pytest.raises(RunError, match=r"'aa' has 100 documents, but only 4 that share no source.*--chunks 4.* need 5"):
        deal_slots(
            corpus_of({"aa": rows, "bb": [(f"b{n}", None, None) for n in range(20)]}),
            16,
            0,
        )


def test_all_languages_that_are_too_small_are_named() -> None:
    with pytest.raises(RunError, match=r"'aa' has 1 document .*too few as well: bb, cc"):
        deal_slots(aligned(1), 16, 0)


@pytest.mark.parametrize("slots", [0, -3])
def test_fewer_than_one_slot(slots: int) -> None:
    with pytest.raises(InputError, match="at least 1"):
        deal_slots(aligned(20), slots, 0)
