"""One file with the rows of all languages."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from interfere.corpus import Document, deal_slots, read_corpus, require_languages
from interfere.errors import InputError
from tests.corpus.corpus_files import jsonl, refusal, texts, write

ROWS: list[dict[str, Any]] = [
    {"language": "en", "text": " One ", "id": "1", "source": "a"},
    {"language": "de", "text": "Eins", "id": "1", "other": [2]},
    {"text": "Zwei", "language": "de", "id": None},
    {"lang": "en", "text": "Two"},
]


def test_every_row_goes_to_the_language_that_it_names(tmp_path: Path) -> None:
    path = write(tmp_path, all__jsonl=jsonl(*ROWS)) / "all.jsonl"
    corpus = read_corpus(path)
    assert corpus.documents == {
        "de": (Document("Eins", 2, "1"), Document("Zwei", 3)),
        "en": (Document("One", 1, "1", "a"), Document("Two", 4)),
    }
    assert corpus.origin == {"de": str(path), "en": str(path)}
    assert corpus.skipped == {"de": {}, "en": {}}
    require_languages(corpus)
    assert read_corpus(str(path)) == corpus


@pytest.mark.parametrize("name", ["all.jsonl", "ALL.JSONL", "all.jsonl.gz"])
def test_it_may_be_zipped_and_have_a_byte_order_mark(tmp_path: Path, name: str) -> None:
    data = b"\xef\xbb\xbf" + jsonl(*ROWS).replace("\n", "\r\n").encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert texts(read_corpus(path), "de") == ["Eins", "Zwei"]


def test_one_file_is_read_as_a_file_for_each_language_is(tmp_path: Path) -> None:
    rows = {
        "de": [{"text": "a", "id": "1"}, {"text": " "}, {"text": "b"}, {"text": " a ", "id": "1"}],
        "en": [{"text": "c"}, {"text": "c"}, {"text": "a", "id": "1", "source": " "}],
    }
    write(tmp_path, **{f"{language}__jsonl": jsonl(*own) for language, own in rows.items()})
    mixed = [{"language": language} | row for language, own in rows.items() for row in own]
    (tmp_path / "one").mkdir()
    one, many = read_corpus(write(tmp_path / "one", all__jsonl=jsonl(*mixed)) / "all.jsonl"), read_corpus(tmp_path)
    assert one.skipped == many.skipped
    assert one.skipped["de"] == {"blank": 1, "repeats an earlier document": 1}
    for language in rows:
        kept = [(document.text, document.id, document.source) for document in one.documents[language]]
        assert kept == [(document.text, document.id, document.source) for document in many.documents[language]]
    assert [document.line for document in one.documents["en"]] == [5, 7]


def test_lines_of_one_file_never_align_languages_and_ids_do(tmp_path: Path) -> None:
    # Equally many lines in each language, in turn: as two files these would be aligned by line.
    rows = [{"language": language, "text": f"{language} {n}"} for n in range(12) for language in ("de", "en")]
    path = write(tmp_path, all__jsonl=jsonl(*rows)) / "all.jsonl"
    corpus = read_corpus(path)
    assert corpus.lines == {}
    assert read_corpus(corpus, ["en", "de"]).lines == {}
    assert deal_slots(corpus, 4, seed=0).alignment == "content"
    named = [row | {"id": row["text"].split()[1]} for row in rows]
    deal = deal_slots(read_corpus(write(tmp_path, all__jsonl=jsonl(*named)) / "all.jsonl"), 4, seed=0)
    assert deal.alignment == "id"
    for de, en in zip(deal.slots["de"], deal.slots["en"], strict=True):
        assert [document.id for document in de] == [document.id for document in en]


def test_languages_choose_rows_and_of_others_only_the_language_is_read(tmp_path: Path) -> None:
    others = [{"language": "fr", "text": None}, {"language": "../x", "text": "x"}, {"language": "es"}]
    path = write(tmp_path, all__jsonl=jsonl(*others, *ROWS)) / "all.jsonl"
    assert read_corpus(path, ["en", "de", "en"]).languages == ("de", "en")
    assert read_corpus(path, ["de"]).documents["de"][0].line == 5
    message = refusal(path, ["pt_br"])
    assert f"{path} has no language 'pt_br'; it has ../x, de, en, es, fr" in message
    assert "must be a list" in refusal(path, "de")
    assert refusal(path, []) == "No language was asked for."


def test_blank_lines_belong_to_no_language_and_count_as_lines(tmp_path: Path) -> None:
    path = write(tmp_path, all__jsonl="\n" + jsonl(ROWS[0]) + " \n" + jsonl(ROWS[1])) / "all.jsonl"
    corpus = read_corpus(path)
    assert [corpus.documents[language][0].line for language in ("en", "de")] == [2, 4]
    assert corpus.skipped == {"de": {}, "en": {}}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "a", "id": "7"}', ', line 3: the object has no "language"; its keys are id, text.'),
        ('{"language": null, "lang": "de", "text": "a"}', ', line 3: "language" must be a string, not null.'),
        ('{"lang": ["de"], "text": "a"}', ', line 3: "lang" must be a string, not a list.'),
        ('{"language": " ", "text": "a"}', ', line 3: "language" is empty'),
        ('{"language": "../x", "text": "a"}', ", line 3: '../x' cannot be the name of a language"),
        ('{"language": "de"', ", line 3: not JSON: Expecting ',' delimiter, at column 18."),
        ("7", ", line 3: a number is no document"),
        ('{"language": "de"}', ", line 3 (language 'de'): the object has no \"text\"; its keys are language."),
        ('{"language": "de", "text": 1}', ", line 3 (language 'de'): \"text\" must be a string, not a number."),
        ('{"language": "de", "text": "a", "id": 1}', ", line 3 (language 'de'): \"id\" must be a string"),
        ('{"language": "de", "text": "b", "id": "1"}', ", line 3 (language 'de'): id '1' already belongs to another"),
        ('{"language": "de", "text": "\\ud800"}', ", line 3 (language 'de'): half of a surrogate pair"),
    ],
)
def test_rows_that_will_not_do(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path, all__jsonl=jsonl(*ROWS[:2]) + line + "\n") / "all.jsonl"
    message = refusal(path)
    assert message.startswith(f"{path}{reason}")
    assert message.isprintable()


def test_equal_ids_in_two_languages_are_translations_and_no_mistake(tmp_path: Path) -> None:
    rows = [{"language": language, "text": language, "id": "1"} for language in ("de", "en")]
    assert read_corpus(write(tmp_path, all__jsonl=jsonl(*rows)) / "all.jsonl").languages == ("de", "en")


@pytest.mark.parametrize(("content", "reason"), [("", "it is empty"), (" \n\n", "only blank lines (2)")])
def test_a_file_without_rows(tmp_path: Path, content: str, reason: str) -> None:
    path = write(tmp_path, all__jsonl=content) / "all.jsonl"
    assert refusal(path) == f"{path} has no documents: {reason}."


def test_a_language_without_text(tmp_path: Path) -> None:
    path = write(tmp_path, all__jsonl=jsonl(*ROWS, {"language": "fr", "text": ""})) / "all.jsonl"
    assert refusal(path) == f"{path} (language 'fr') has no documents: only blank lines (1)."


def test_bytes_that_cannot_be_read_name_the_file_and_no_language(tmp_path: Path) -> None:
    path = write(tmp_path, all__jsonl=jsonl(ROWS[0]).encode() + b'{"text": "\xf6"}\n') / "all.jsonl"
    assert f"{path} is not UTF-8: byte 0xf6" in refusal(path)
    path = write(tmp_path, all__jsonl__gz=b"no gzip") / "all.jsonl.gz"
    assert f"{path} is not a whole gzip file" in refusal(path)


# Files that are something else


@pytest.mark.parametrize("name", ["de.txt", "de.csv", "de.jsonl", "de.jsonl.gz"])
def test_the_file_of_one_language_is_told_both_ways_to_use_it(tmp_path: Path, name: str) -> None:
    data = jsonl({"text": "a", "id": "1"}).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    message = refusal(path)
    assert message.startswith(f"{path} is a file")
    assert "give the directory that holds one file a language" in message
    assert '{"language": "de", "text": "…"}' in message
    rows = ".jsonl" in name
    assert ("its first row, in line 1, names no language (its keys are id, text)" in message) == rows
    # What it proposes works.
    proposed = Path(message.rsplit("as ", 1)[1].removesuffix("."))
    assert proposed.name == (name if rows else "de.txt")
    proposed.parent.mkdir()
    path.rename(proposed)
    assert read_corpus(proposed.parent).languages == ("de",)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    message = refusal(path)
    assert message.startswith(f"There is no {path}; give a directory")
    assert '{"language": "de", "text": "…"}' in message


def test_a_directory_may_have_a_name_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").mkdir()
    assert read_corpus(write(tmp_path / "all.jsonl", de__txt="x")).languages == ("de",)


def test_a_mixed_file_in_a_directory_is_to_be_given_itself(tmp_path: Path) -> None:
    write(tmp_path, texts__jsonl=jsonl(*ROWS))
    path = tmp_path / "texts.jsonl"
    message = refusal(tmp_path)
    assert message.startswith(f"{path}, line 2 (language 'texts'): this row names the language 'de', and line 1 names")
    assert f"give the file itself as --data: {path}." in message
    assert read_corpus(path).languages == ("de", "en")


def test_a_file_of_one_language_may_repeat_its_name_in_every_row(tmp_path: Path) -> None:
    for own in ({"language": "de"}, {"lang": "deu"}, {"language": None}, {"language": 7}):
        write(tmp_path, de__jsonl=jsonl({"text": "a"} | own, {"text": "b"}, {"text": "c"} | own))
        assert texts(read_corpus(tmp_path), "de") == ["a", "b", "c"]


def test_one_language_of_a_mixed_file_cannot_be_compared(tmp_path: Path) -> None:
    path = write(tmp_path, all__jsonl=jsonl(*ROWS)) / "all.jsonl"
    with pytest.raises(InputError, match=r"has 1 language \(de\).*rows"):
        require_languages(read_corpus(path, ["de"]))
