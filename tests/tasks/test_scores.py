"""Span F1 and accuracy, against hand-worked examples and an independent computation."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfere.tasks import f1, label_counts, span_counts, spans

TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=12), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O O", set()),
        ("B-X I-X O", {("X", 0, 2)}),
        ("B-X B-X", {("X", 0, 1), ("X", 1, 2)}),
        ("I-X I-X B-X", {("X", 0, 2), ("X", 2, 3)}),
        ("B-X I-Y I-Y", {("X", 0, 1), ("Y", 1, 3)}),
        ("O I-X O I-X", {("X", 1, 2), ("X", 3, 4)}),
        ("B-a-b I-a-b I-a", {("a-b", 0, 2), ("a", 2, 3)}),
    ],
)
def test_spans_by_hand(tags: str, found: set[tuple[str, int, int]]) -> None:
    assert spans(tags.split()) == found


def test_f1_by_hand() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    # The person is cut short: one made up, one missed. The place is right. The organisation has another type.
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O", "B-LOC"]]
    counts = span_counts(gold, predicted)
    assert counts.tolist() == [[1, 1, 1], [0, 1, 1]]
    assert f1(counts) == pytest.approx(2 * 1 / (2 * 1 + 2 + 2))


@given(SENTENCES)
def test_spans_are_those_that_a_regular_expression_finds(sentences: list[list[tuple[str, str]]]) -> None:
    """Another way to the same spans: one character a tag, and runs of them."""
    letter = {"O": "o", "B-X": "X", "I-X": "x", "B-Y": "Y", "I-Y": "y"}
    for sentence in sentences:
        tags = [tag for tag, _ in sentence]
        text = "".join(letter[tag] for tag in tags)
        expected = {(m[0][0].upper(), m.start(), m.end()) for m in re.finditer(r"[Xx]x*|[Yy]y*", text)}
        assert spans(tags) == expected


@given(SENTENCES)
def test_f1_is_symmetric_bounded_and_one_for_equals(sentences: list[list[tuple[str, str]]]) -> None:
    gold = [[tag for tag, _ in sentence] for sentence in sentences]
    predicted = [[tag for _, tag in sentence] for sentence in sentences]
    counts, back = span_counts(gold, predicted), span_counts(predicted, gold)
    np.testing.assert_array_equal(counts, back[:, [0, 2, 1]])
    score, same = float(f1(counts)), float(f1(span_counts(gold, gold)))
    assert np.isnan(score) or 0 <= score <= 1
    assert same == 1 or all(not spans(tags) for tags in gold)
    np.testing.assert_array_equal(
        counts.sum(axis=1) == 0, [not spans(a) | spans(b) for a, b in zip(gold, predicted, strict=True)]
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_accuracy_is_the_share_of_equal_labels(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    assert f1(label_counts(gold, predicted)) == pytest.approx(np.mean([a == b for a, b in pairs]))


def test_tags_of_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="2 gold tags and 1"):
        span_counts([["O", "O"]], [["O"]])
