"""Whatever lies in a folder of text is read as it is, or refused in a line."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interfere.corpus import read_corpus
from interfere.tasks import read_labelled
from tests.hard import corpora
from tests.hard.refusals import harmless, result_or_refusal

fuzz = settings(max_examples=int(os.environ.get("FUZZ", "80")), deadline=2000, suppress_health_check=list(HealthCheck))


def _lines(data: bytes) -> list[str]:
    """The lines of a file as its bytes say, by another way than the reader's."""
    pieces = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if pieces[-1] == b"":
        pieces.pop()
    return [(piece[:-1] if piece.endswith(b"\r") else piece).decode() for piece in pieces]


@fuzz
@given(corpora.content)
def test_a_text_file_is_its_lines_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "de.txt").write_bytes(data)
        corpus = result_or_refusal(lambda: read_corpus(folder))
    if corpus is None:
        return
    lines = _lines(data)
    wanted = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    assert [document.text for document in corpus.documents["de"]] == wanted
    assert [lines[document.line - 1].strip() for document in corpus.documents["de"]] == wanted
    assert len(wanted) + sum(corpus.skipped["de"].values()) == corpus.lines["de"] == len(lines)


def _rows(data: bytes) -> list[tuple[str, str | None]]:
    """Text and language of each row of a file that can be read."""
    rows = [json.loads(line) for line in _lines(data) if line.strip()]
    return [(row["text"].strip(), row.get("language", row.get("lang"))) for row in rows]


@fuzz
@given(corpora.content | corpora.zipped(), st.sampled_from([".jsonl", ".jsonl.gz"]), st.booleans())
def test_json_lines_are_their_rows_or_refused(data: bytes, suffix: str, mixed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"de{suffix}")
        file.write_bytes(data)
        corpus = result_or_refusal(lambda: read_corpus(file if mixed else folder))
    if corpus is None:
        return
    plain = gzip.decompress(data) if suffix == ".jsonl.gz" else data
    for language, documents in corpus.documents.items():
        own = [text for text, named in _rows(plain) if not mixed or named == language]
        assert [document.text for document in documents] == list(dict.fromkeys(text for text in own if text))
        blank = 0 if mixed else sum(not line.strip() for line in _lines(plain))
        assert len(documents) + sum(corpus.skipped[language].values()) == len(own) + blank


@fuzz
@given(st.lists(st.tuples(corpora.names, corpora.suffixes, corpora.content, st.booleans()), max_size=5))
def test_any_folder_is_read_or_refused(entries: list[tuple[str, str, bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, suffix, data, is_folder in entries:
            path = Path(os.fsdecode(os.path.join(folder, name + suffix).encode("utf-8", "surrogatepass")))  # noqa: PTH118
            if path.exists():
                continue
            if is_folder:
                path.mkdir()
            else:
                path.write_bytes(data)
        corpus = result_or_refusal(lambda: read_corpus(folder))
    if corpus is not None:
        assert all(documents for documents in corpus.documents.values())
        assert all(harmless(name) for name in corpus.languages)


@fuzz
@given(
    corpora.content | corpora.zipped(),
    corpora.content,
    st.sampled_from([".jsonl", ".conll", ".jsonl.gz", ".conll.gz"]),
    st.sampled_from(["text-classification", "token-classification"]),
    st.booleans(),
)
def test_labelled_files_are_read_or_refused(data: bytes, other: bytes, suffix: str, task: str, whole: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if whole:
            Path(folder, f"de{suffix}").write_bytes(data)
        else:
            Path(folder, f"de.train{suffix}").write_bytes(data)
            Path(folder, f"de.test{suffix.removesuffix('.gz')}").write_bytes(other)
        corpus = result_or_refusal(lambda: read_labelled(folder, task))  # type: ignore[arg-type]
    if corpus is None:
        return
    for side in (corpus.train, corpus.test):
        for item in side["de"]:
            assert item.words
            assert len(item.labels) == (1 if task == "text-classification" else len(item.words))
            assert all(word.strip() for word in item.words)
            assert set(item.labels) <= set(corpus.labels) or task == "token-classification"
