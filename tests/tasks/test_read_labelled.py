"""Reading labelled files: what is read, and how each mistake is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from interfere.errors import InputError
from interfere.tasks import read_labelled
from tests.tasks.toy import sentences, texts, write_rows, write_task

TEXT, TOKEN = "text-classification", "token-classification"

CONLL = """# a comment
-DOCSTART- -X- O

Anna NNP I-PER
Smith NNP I-PER
sleeps VBZ O

# sent_id = 2
in IN O
Rome NNP B-LOC
"""


def test_conll_and_json_lines_give_the_same_items(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"en.{split}.conll").write_bytes(b"\xef\xbb\xbf" + CONLL.replace("\n", "\r\n").encode())
        rows = [
            {"tokens": ["Anna", "Smith", "sleeps"], "labels": ["B-PER", "I-PER", "O"]},
            {"tokens": ["in", "Rome"], "labels": ["O", "B-LOC"]},
        ]
        write_rows(tmp_path / f"de.{split}.jsonl", rows)
    corpus = read_labelled(tmp_path, TOKEN)
    assert corpus.labels == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    for items in (corpus.train, corpus.test):
        assert [(i.words, i.labels) for i in items["en"]] == [(i.words, i.labels) for i in items["de"]]
    assert [item.line for item in corpus.train["en"]] == [4, 9]
    assert corpus.retagged == {"de": 0, "en": 2}
    assert corpus.skipped["en"] == {"comments": 4, "-DOCSTART- marks": 2}


def test_a_hash_inside_a_sentence_is_a_word(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"en.{split}.conll").write_text("in O\n# O\nRome B-LOC\n\nRome B-LOC\n\n#\tO\nRome\tB-LOC\n")
    assert [item.words for item in read_labelled(tmp_path, TOKEN).train["en"]] == [
        ("in", "#", "Rome"),
        ("Rome",),
        ("#", "Rome"),
    ]


def test_number_labels_and_names_are_one_kind(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_rows(tmp_path / f"de.{split}.jsonl", [{"text": "a", "label": 0}, {"text": "b", "label": 1}])
        (tmp_path / f"en.{split}.jsonl.gz").write_bytes(
            gzip.compress(b'{"text": "a", "label": "0"}\n\n{"text": "b", "label": "1"}\n')
        )
    corpus = read_labelled(tmp_path, TEXT)
    assert corpus.labels == ("0", "1")
    assert corpus.skipped["en"] == {"blank": 2}
    assert corpus.overlap[("de", "en")] == 2


def test_one_file_is_split_by_content(tmp_path: Path) -> None:
    rows = [{"text": f"text {n % 300}", "label": n % 2} for n in range(600)]
    write_rows(tmp_path / "en.jsonl", rows)
    corpus = read_labelled(tmp_path, TEXT, seed=3)
    train, test = ({item.words for item in side["en"]} for side in (corpus.train, corpus.test))
    assert len(corpus.train["en"]) + len(corpus.test["en"]) == 600
    assert not train & test
    # A binomial with 300 draws of 0.2: six standard deviations are 42.
    assert 18 < len(test) < 102
    again = write_rows(tmp_path / "other" / "en.jsonl", rows[::-1]).parent
    assert {item.words for item in read_labelled(again, TEXT, seed=3).test["en"]} == test
    assert {item.words for item in read_labelled(again, TEXT, seed=4).test["en"]} != test
    assert "fifth" in corpus.split["en"]


def test_translations_fall_on_the_same_side(tmp_path: Path) -> None:
    for language in ("de", "en"):
        rows = [{"text": f"{language} {n}", "label": n % 2, "id": f"s{n}"} for n in range(100)]
        write_rows(tmp_path / f"{language}.jsonl", rows)
    corpus = read_labelled(tmp_path, TEXT)
    assert {item.id for item in corpus.test["de"]} == {item.id for item in corpus.test["en"]}


def test_files_of_other_languages_and_splits_are_not_opened(tmp_path: Path) -> None:
    write_task(tmp_path, TEXT)
    (tmp_path / "fr.train.jsonl").write_bytes(b"\xff")
    (tmp_path / "de.dev.jsonl").write_bytes(b"\xff")
    corpus = read_labelled(tmp_path, TEXT, ["de"])
    assert corpus.languages == ("de",)
    assert corpus.ignored == ("de.dev.jsonl",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "a"}', ['no "label"', "text"]),
        ('{"label": "a"}', ['no "text"']),
        ('{"text": 3, "label": "a"}', ['"text" must be a string', "number"]),
        ('{"text": "a", "label": 1.5}', ["1.5", "whole number"]),
        ('{"text": "a", "label": true}', ['"label"', "truth value"]),
        ('{"text": "  ", "label": "a"}', ["blank"]),
        ('{"text": "a", "label": ""}', ['"label" is blank']),
        ('{"text": "\\ud800", "label": "a"}', ["surrogate"]),
        ('["a"]', ["object"]),
        ('{"text": ', ["not JSON"]),
    ],
)
def test_a_wrong_text_is_named_by_file_line_and_language(tmp_path: Path, line: str, said: list[str]) -> None:
    write_task(tmp_path, TEXT)
    path = tmp_path / "de.test.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_labelled(tmp_path, TEXT)
    for words in ("de.test.jsonl", "line 25", "'de'", *said):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"tokens": ["a", "b"], "labels": ["O"]}', ["2", "1"]),
        ('{"tokens": "a", "labels": ["O"]}', ['"tokens" must be a list']),
        ('{"tokens": ["a"], "labels": [0]}', ['"labels"[0]', "B-PER"]),
        ('{"tokens": [], "labels": []}', ["empty"]),
        ('{"tokens": [""], "labels": ["O"]}', ['"tokens"[0] is empty']),
        ('{"tokens": ["a"], "labels": ["S-PER"]}', ["'S-PER'", "BIO"]),
        ('{"tokens": ["a"], "labels": ["B-"]}', ["'B-'", "BIO"]),
    ],
)
def test_a_wrong_sentence_is_named_by_file_line_and_language(tmp_path: Path, line: str, said: list[str]) -> None:
    write_task(tmp_path, TOKEN)
    path = tmp_path / "en.train.jsonl"
    path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_labelled(tmp_path, TOKEN)
    for words in ("en.train.jsonl", "line 1", "'en'", *said):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a O\nb\n", ["line 2", "one column"]),
        (b"a O\nb NOUN\n", ["line 2", "'NOUN'"]),
        (b"a O\n\n1 in O\n2 Rome B-LOC\n", ["line 3", "numbers the words"]),
        (b"a O\n\xff O\n", ["line 2", "UTF-8"]),
        (b"\n\n", ["no items"]),
        (b"a O\n\nb O\n", ["all training tags are O"]),
        (b"Rome B-LOC\n", ["1 training item"]),
    ],
)
def test_a_wrong_conll_file_is_named(tmp_path: Path, content: bytes, said: list[str]) -> None:
    (tmp_path / "en.test.conll").write_text("Rome B-LOC\n\nRome B-LOC\n")
    (tmp_path / "en.train.conll").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_labelled(tmp_path, TOKEN)
    for words in ("en.train.conll", "'en'", *said):
        assert words in str(caught.value)


def test_label_sets_that_differ_are_named_with_their_languages(tmp_path: Path) -> None:
    write_task(tmp_path, TEXT)
    path = tmp_path / "de.train.jsonl"
    write_rows(path, [*texts("de", 8), {"text": "x", "label": "middle"}])
    with pytest.raises(InputError, match=r"'middle' is in those of de and not of en"):
        read_labelled(tmp_path, TEXT)
    write_rows(path, texts("de", 8))
    write_rows(tmp_path / "en.test.jsonl", [*texts("en", 8), {"text": "x", "label": "middle"}])
    with pytest.raises(InputError, match=r"en.test.jsonl.*'en'.*'middle'.*line 9.*no training set.*high, low"):
        read_labelled(tmp_path, TEXT)


def test_one_label_alone_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "de.train.jsonl", texts("de", 8)[::2])
    write_rows(tmp_path / "de.test.jsonl", texts("de", 8)[::2])
    with pytest.raises(InputError, match=r"de.train.jsonl.*'low'.*at least 2 labels"):
        read_labelled(tmp_path, TEXT)


def test_a_test_set_without_spans_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "de.train.jsonl", sentences("de", 8))
    write_rows(tmp_path / "de.test.jsonl", [{"tokens": ["a"], "labels": ["O"]}] * 2)
    with pytest.raises(InputError, match=r"de.test.jsonl.*all test tags are O"):
        read_labelled(tmp_path, TOKEN)


def test_spans_may_lack_a_tag_by_chance(tmp_path: Path) -> None:
    write_rows(tmp_path / "de.train.jsonl", [{"tokens": ["a", "b"], "labels": ["B-X", "I-X"]}] * 2)
    write_rows(tmp_path / "en.train.jsonl", [{"tokens": ["a", "b"], "labels": ["B-X", "O"]}] * 2)
    for language in ("de", "en"):
        write_rows(tmp_path / f"{language}.test.jsonl", [{"tokens": ["a"], "labels": ["B-X"]}] * 2)
    assert read_labelled(tmp_path, TOKEN).labels == ("O", "B-X", "I-X")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ["is empty", "LANG.train.jsonl"]),
        (["de.txt"], ["de.txt", "LANG.train.jsonl"]),
        (["de.train.jsonl"], ["'de'", "no test file", "de.test.jsonl"]),
        (["de.test.jsonl"], ["'de'", "no train file", "de.train.jsonl"]),
        (["de.jsonl", "de.test.jsonl"], ["'de'", "de.jsonl", "de.test.jsonl"]),
        (["de.train.jsonl", "de.train.jsonl.gz", "de.test.jsonl"], ["keep one"]),
        (["de.train.conll", "de.test.conll"], ["token-classification"]),
    ],
)
def test_missing_and_doubled_files_are_named(tmp_path: Path, names: list[str], said: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        read_labelled(tmp_path, TEXT)
    for words in said:
        assert words in str(caught.value)


def test_folders_and_languages_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no"):
        read_labelled(tmp_path / "nowhere", TEXT)
    write_task(tmp_path, TEXT)
    with pytest.raises(InputError, match="is a file"):
        read_labelled(tmp_path / "de.test.jsonl", TEXT)
    with pytest.raises(InputError, match=r"no language 'fr'.*de, en"):
        read_labelled(tmp_path, TEXT, ["fr"])
