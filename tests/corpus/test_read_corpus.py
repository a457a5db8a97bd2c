"""Reading files and texts: what counts as a document."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfere.corpus import Corpus, Document, corpus_from_texts, language_sha256, read_corpus
from interfere.corpus._lines import read_lines
from tests.corpus.corpus_files import DE, EN, jsonl, refusal, texts, write


def test_text_files_give_one_document_a_line(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path, en__txt=EN, de__txt=DE))
    assert corpus.languages == ("de", "en")
    assert corpus.documents["de"] == (Document("Ein Satz.", 1), Document("Noch ein Satz.", 2))
    assert corpus.lines == {"de": 2, "en": 2}
    assert corpus.origin["de"] == str(tmp_path / "de.txt")
    assert corpus.skipped == {"de": {}, "en": {}}


def test_json_lines_keep_id_and_source_and_may_be_zipped(tmp_path: Path) -> None:
    rows = jsonl({"text": " Eins ", "id": "1", "source": "a"}, {"text": "Zwei", "id": None, "other": [1]})
    write(tmp_path, de__jsonl=rows, en__jsonl__gz=gzip.compress(rows.encode()))
    corpus = read_corpus(str(tmp_path))
    assert corpus.documents["de"] == (Document("Eins", 1, "1", "a"), Document("Zwei", 2))
    assert corpus.documents["en"] == corpus.documents["de"]


def test_blank_ids_and_sources_count_as_none(tmp_path: Path) -> None:
    rows = jsonl({"text": "a", "id": "", "source": " "}, {"text": "b", "id": "", "source": ""})
    assert read_corpus(write(tmp_path, de__jsonl=rows)).documents["de"] == (Document("a", 1), Document("b", 2))


def test_blank_lines_keep_their_number_and_are_counted(tmp_path: Path) -> None:
    write(tmp_path, de__txt="eins\n\n \t\nvier\n\n", en__jsonl=jsonl({"text": "one"}) + "\n" + jsonl({"text": " "}))
    corpus = read_corpus(tmp_path)
    assert [document.line for document in corpus.documents["de"]] == [1, 4]
    assert corpus.skipped == {"de": {"blank": 3}, "en": {"blank": 2}}
    assert corpus.lines == {"de": 5, "en": 3}


def test_repeats_within_a_language_are_left_out_and_counted(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path, de__txt="a\nb\n a \na\n", en__txt="a\n"))
    assert texts(corpus, "de") == ["a", "b"]
    assert corpus.skipped["de"] == {"repeats an earlier document": 2}
    assert texts(corpus, "en") == ["a"]


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    odd = "a\rb", "c\u2028d", "e\x85f", "g\x0ch", "i\x0bj", "k\x1cl", "m\x00n"
    corpus = read_corpus(write(tmp_path, de__txt="\n".join(odd), en__txt="\r\n".join(odd) + "\r\n"))
    assert texts(corpus, "de") == list(odd)
    assert corpus.documents["de"] == corpus.documents["en"]
    assert corpus.lines == {"de": 7, "en": 7}


@given(lines=st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), min_size=1))
def test_lines_survive_any_text(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "de.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\n" for line in lines).encode())
    assert read_lines(path, "de") == [line.removesuffix("\r") for line in lines]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    row = b"\xef\xbb\xbf" + jsonl({"text": "eins"}).encode()
    corpus = read_corpus(write(tmp_path, de__txt=b"\xef\xbb\xbfeins\n", en__jsonl=row))
    assert texts(corpus, "de") == texts(corpus, "en") == ["eins"]


def test_very_long_lines_are_documents(tmp_path: Path) -> None:
    long = "wort " * 40_000 + "ende"
    assert texts(read_corpus(write(tmp_path, de__txt=f"{long}\nkurz\n")), "de") == [long, "kurz"]


def test_hidden_files_folders_and_other_suffixes_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, de__txt=DE, __en__txt=EN, README__md="#", fr__csv="x")
    (tmp_path / "es.txt").mkdir()
    assert read_corpus(tmp_path).languages == ("de",)


def test_languages_choose_files_and_others_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path, de__txt=DE, en__txt=EN, fr__txt=b"\xff", es__txt="", es__jsonl="")
    (tmp_path / "-x.txt").write_text("x")
    assert read_corpus(tmp_path, ["en", "de", "en"]).languages == ("de", "en")


def test_a_name_may_be_any_label(tmp_path: Path) -> None:
    (tmp_path / "<b>.txt").write_text("x")
    (tmp_path / "zh-Hant (Tw).TXT").write_text("x")
    assert read_corpus(tmp_path).languages == ("<b>", "zh-Hant (Tw)")


# Texts in memory


def test_texts_in_memory_are_read_as_files_are(tmp_path: Path) -> None:
    values = {"en": ["one", "", "two", "one"], "de": ["eins", "zwei", " drei ", "vier"]}
    written = write(tmp_path, **{f"{name}__txt": "\n".join(lines) + "\n" for name, lines in values.items()})
    read, made = read_corpus(written), read_corpus(values)
    assert (read.documents, read.skipped, read.lines) == (made.documents, made.skipped, made.lines)
    assert made == corpus_from_texts(values)
    assert read_corpus(values, ["de"]) == read_corpus(made, ["de"])


def test_documents_in_memory_keep_what_they_say() -> None:
    document = Document("eins", 7, "i", "s")
    corpus = corpus_from_texts({"de": [document]})
    assert corpus.documents["de"] == (document,)
    assert corpus.lines["de"] == 7


def test_texts_that_are_no_texts() -> None:
    assert "is one string" in refusal({"de": "eins"})
    assert "text 2 (language 'de'): int is neither" in refusal({"de": ["eins", 2]})
    assert "has no documents" in refusal({"de": []})
    assert "a language name must be a string, not int" in refusal({1: ["eins"]})


# Digests


def test_a_digest_depends_on_texts_ids_sources_and_their_order_only() -> None:
    def digest(*documents: Document, name: str = "de") -> str:
        return language_sha256(Corpus({name: documents}), name)

    a, b = Document("a", 1, "i", "s"), Document("b", 2)
    changed = [(b, a), (a,), (Document("a", 1, None, "i"), b), (Document("a", 1, "s", "i"), b), (Document("ab", 1),)]
    assert len({digest(a, b), *(digest(*documents) for documents in changed)}) == len(changed) + 1
    assert digest(a, b) == digest(Document("a", 9, "i", "s"), b, name="en")


def test_reading_a_corpus_needs_no_heavy_package() -> None:

    heavy = "import sys, interfere.corpus; sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", heavy], check=False).returncode == 0
