"""What every wrong input is told."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from interfere.corpus import corpus_from_texts, read_corpus, require_languages
from interfere.errors import InputError
from tests.corpus.corpus_files import DE, EN, jsonl, refusal, texts, write


def test_no_such_directory(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message
    assert "LANG.txt" in message


def test_a_file_instead_of_a_directory(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, all__txt=DE) / "all.txt")
    assert "is a file; give the directory" in message
    assert "LANG.txt" in message


def test_a_directory_without_language_files(tmp_path: Path) -> None:
    assert "it is empty" in refusal(tmp_path)
    write(tmp_path, de__csv="x")
    (tmp_path / "en").mkdir()
    assert "it holds de.csv, en/" in refusal(tmp_path)


@pytest.mark.parametrize("data", ["", " ", 3])
def test_data_that_is_no_path(data: object) -> None:
    assert "ata" in refusal(data)


def test_an_absent_language_is_named_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, de__txt=DE, pt_BR__txt=EN)
    message = refusal(tmp_path, ["pt_br"])
    assert "'pt_br'" in message
    assert "it has de, pt_BR" in message
    assert "Did you mean pt_BR?" in message


def test_languages_must_be_a_list_of_some(tmp_path: Path) -> None:
    write(tmp_path, de__txt=DE)
    assert "must be a list" in refusal(tmp_path, "de")
    assert "No language was asked for" in refusal(tmp_path, [])


BAD_NAMES = [
    "../x",
    "a/b",
    "a\\b",
    ".",
    "..",
    ".x",
    "-x",
    "",
    " ",
    "a\x1b[31m",
    "a\nb",
    "a\u202eb",
    "a\u2028b",
    "x" * 65,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_do_harm_are_refused_wherever_they_come_from(tmp_path: Path, name: str) -> None:
    message = refusal(write(tmp_path, de__txt=DE), [name])
    assert message.isprintable()
    with pytest.raises(InputError, match="cannot be the name of a language"):
        corpus_from_texts({name: ["x"]})


@pytest.mark.skipif(os.name == "nt", reason="such file names cannot exist there")
@pytest.mark.parametrize(
    "name", [b"-x.txt", b"a\x1b[31m.txt", b"a\nb.txt", b"a\xff.txt", b"a\\b.txt", b"x" * 65 + b".txt"]
)
def test_file_names_that_could_do_harm_are_refused(tmp_path: Path, name: bytes) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    except OSError:
        pytest.skip("the file system refuses the name itself")
    message = refusal(tmp_path)
    assert "cannot be the name of a language" in message
    assert message.isprintable()


def test_two_files_of_one_language(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, de__txt=DE, de__jsonl=jsonl({"text": "x"})))
    assert "'de' has de.jsonl and de.txt" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "it is empty"), ("\n \n\r\n", "only blank lines (3)"), (b"\xef\xbb\xbf", "it is empty")],
)
def test_a_file_without_documents(tmp_path: Path, content: str | bytes, reason: str) -> None:
    message = refusal(write(tmp_path, de__txt=content, en__txt=EN))
    assert "de.txt (language 'de') has no documents" in message
    assert reason in message


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, de__txt=b"\xef\xbb\xbfeins\nzw\xf6lf\n", en__txt=EN))
    assert "de.txt (language 'de') is not UTF-8: byte 0xf6 at offset 10, in line 2" in message
    assert "looks like UTF-16" in refusal(write(tmp_path, de__txt="eins\n".encode("utf-16")))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "a"', "not JSON: Expecting ',' delimiter, at column 13"),
        ("Hallo", "not JSON: Expecting value, at column 1"),
        ('"Hallo"', "a string is no document"),
        ("[1]", "a list is no document"),
        ("{}", 'the object has no "text"; it is empty'),
        ('{"body": "a", "n": 1}', 'the object has no "text"; its keys are body, n'),
        ('{"text": null}', '"text" must be a string, not null'),
        ('{"text": 1.5}', '"text" must be a string, not a number'),
        ('{"text": "a", "id": 7}', '"id" must be a string, not a number'),
        ('{"text": "a", "source": {}}', '"source" must be a string, not an object'),
        ('{"text": "a", "source": true}', '"source" must be a string, not a truth value'),
        ('{"text": "a\\ud800"}', "half of a surrogate pair (U+D800)"),
        ('{"text": "a", "n": ' + "1" * 5000 + "}", "not JSON that can be read"),
        ("[" * 200_000, "not JSON that can be read"),
    ],
)
def test_rows_that_are_no_documents(tmp_path: Path, line: str, reason: str) -> None:
    message = refusal(write(tmp_path, de__jsonl=jsonl({"text": "x"}) + line + "\n"))
    assert f"{tmp_path / 'de.jsonl'}, line 2 (language 'de'): " in message
    assert reason in message


def test_an_id_of_two_texts(tmp_path: Path) -> None:
    row = {"text": "a", "id": "1"}
    message = refusal(write(tmp_path, de__jsonl=jsonl(row, {"text": "b", "id": "2"}, {"text": "c", "id": "1"})))
    assert "line 3 (language 'de'): id '1' already belongs to another text, in line 1" in message
    assert texts(read_corpus(write(tmp_path, de__jsonl=jsonl(row, row))), "de") == ["a"]


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b'{"text": "a"}\n' * 99)[:-9], gzip.compress(b"a" * 99)[:-4] + b"0000"],
    # Compressed data holds the time: as names of tests, processes that collect at different seconds would disagree.
    ids=["not gzip", "cut short", "wrong checksum"],
)
def test_a_damaged_gzip_file(tmp_path: Path, data: bytes) -> None:
    message = refusal(write(tmp_path, de__jsonl__gz=data))
    assert "de.jsonl.gz (language 'de') is not a whole gzip file" in message


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, de__txt=DE)

    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "de.txt (language 'de') cannot be read: Permission denied" in refusal(tmp_path)
    monkeypatch.setattr(Path, "iterdir", deny)
    assert f"{tmp_path} cannot be read: Permission denied" in refusal(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, en__txt=EN)
    (tmp_path / "de.txt").symlink_to(tmp_path / "gone.txt")
    assert "de.txt (language 'de') does not exist" in refusal(tmp_path)


def test_one_language_can_be_read_but_not_compared(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path, de__txt=DE, en__txt=EN))
    require_languages(corpus)
    with pytest.raises(InputError, match=r"has 1 language \(de\), but at least 2 are needed"):
        require_languages(read_corpus(corpus, ["de"]))
