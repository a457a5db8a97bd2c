"""Reading a corpus: from a directory of files, from one file, from a dataset, or from texts in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from interfere.bundled import bundled_corpus
from interfere.corpus._collect import Collector
from interfere.corpus._files import read_directory
from interfere.corpus._hub import is_saved_dataset, read_dataset
from interfere.corpus._labelled_rows import LABELLED_ROWS
from interfere.corpus._mixed import is_mixed_file, read_mixed_file
from interfere.corpus._names import check_language_name, chosen_languages
from interfere.corpus._types import Corpus, Document
from interfere.errors import InputError
from interfere.settings._tasks import Task

_HUB = "hf:"
Texts = Mapping[str, Sequence[str] | Sequence[Document]]


def read_corpus(
    data: str | Path | Texts | Corpus | None = None,
    languages: Sequence[str] | None = None,
    *,
    task: Task | None = None,
) -> Corpus:
    """Read the documents of each language.

    Args:
        data: a directory with one file a language, ``LANG.txt`` (one document a line), ``LANG.jsonl`` or
            ``LANG.jsonl.gz`` (an object a line: ``{"text": …, "id": …, "source": …}``, the last two optional); or one
            file ``.jsonl`` or ``.jsonl.gz`` of such objects, each naming its language as ``"language"`` or ``"lang"``
            (its lines are never counted as aligned, equal ids are); or ``hf:NAME[:CONFIG]`` for a dataset of the
            Hugging Face hub, ``hf:PATH`` or just its directory for one saved on disk (see
            `interfere.corpus._hub.read_dataset` for what is expected of it); or texts in memory, as
            `corpus_from_texts` takes them; or a corpus. None: the bundled corpus.
        languages: which languages to read; None for all. Files of other languages are not opened, and of
            rows of other languages nothing else is looked at.
        task: `text-classification`: rows are ``{"text": …, "label": …}``; `token-classification`: rows are
            ``{"tokens": […], "labels": […]}``; both may have ``"id"`` and ``"source"``, and documents in memory bring
            their labels. None: text is plain, and labels are not looked at.

    Returns:
        The corpus. Blank documents, and documents that repeat an earlier one of their language word for word, are left
        out and counted in ``skipped``.

    Raises:
        InputError: there is nothing to read, a language is missing, or a file is not what it should be; the message
            names the file, the line and the language.
    """
    if data is None:
        return _labelled(_only(bundled_corpus(), languages), task)
    if isinstance(data, Corpus):
        return _labelled(_only(data, languages), task)
    if isinstance(data, Mapping):
        return _labelled(corpus_from_texts(data, languages), task)
    if not isinstance(data, str | Path):
        raise InputError(f"Data must be a path, texts by language, or a Corpus, not {type(data).__name__}.")
    if isinstance(data, str) and data.startswith(_HUB):
        _refuse_dataset(data, task)
        return read_dataset(data.removeprefix(_HUB), languages)
    if not str(data).strip():
        raise InputError(
            "The data path is empty; give a directory with one file a language, such as de.txt, or one .jsonl file."
        )
    if "\0" in str(data):
        raise InputError("The data path holds a NUL character, which no path can.")
    path = Path(data)
    if is_mixed_file(path):
        return read_mixed_file(path, languages, task)
    if is_saved_dataset(path):
        _refuse_dataset(str(path), task)
        return read_dataset(str(path), languages)
    return read_directory(path, languages, task)


def corpus_from_texts(texts: Texts, languages: Sequence[str] | None = None) -> Corpus:
    """Make a corpus of texts in memory.

    Args:
        texts: language → its texts, as strings or as `Document` (which keeps its line, id and source). Languages with
            equally many strings count as aligned, text by text.
        languages: which languages to keep; None for all.

    Returns:
        The corpus, with the same documents left out as `read_corpus` leaves out.

    Raises:
        InputError: a language without text, a name that cannot be a language's, or something that is no text.
    """
    for name in texts:
        check_language_name(name, "texts")
    documents, skipped, origin, lines = {}, {}, {}, {}
    for language in chosen_languages(texts, languages, "texts"):
        values = texts[language]
        if isinstance(values, str):
            raise InputError(f"texts[{language!r}] is one string; give a list of strings, one for each document.")
        collector = Collector(language, "texts", "text")
        lines[language] = len(values)
        for number, value in enumerate(values, start=1):
            if isinstance(value, Document):
                collector.add(value.text, value.line, value.id, value.source, value.labels, value.words)
                lines[language] = max(lines[language], value.line)
            elif isinstance(value, str):
                collector.add(value, number)
            else:
                kind = type(value).__name__
                raise InputError(f"{collector.place(number)}: {kind} is neither a string nor a Document.")
        documents[language] = collector.finish()
        skipped[language], origin[language] = dict(collector.skipped), collector.origin
    return Corpus(documents, skipped, origin, lines)


def _refuse_dataset(data: str, task: Task | None) -> None:
    if task is not None:
        raise InputError(
            f"{data}: labels are read from .jsonl files alone; write the dataset as rows {LABELLED_ROWS[task]}, with "
            "`to_json` of its package."
        )


def _labelled(corpus: Corpus, task: Task | None) -> Corpus:
    """A corpus, once all of its documents have the labels that a task needs."""
    if task is None:
        return corpus
    for language, documents in corpus.documents.items():
        for document in documents:
            # The one label of a text, or one for each word of a sentence.
            sentence = task == "token-classification"
            if sentence == bool(document.words) and len(document.labels) == max(1, len(document.words)):
                continue
            raise InputError(
                f"{corpus.origin.get(language, 'the text')}, line {document.line:,} (language {language!r}): the "
                f"document has no labels for {task}; give --data with rows {LABELLED_ROWS[task]}."
            )
    return corpus


def _only(corpus: Corpus, languages: Sequence[str] | None) -> Corpus:
    """A corpus with some of its languages, sorted."""
    kept = chosen_languages(corpus.documents, languages, "the corpus")
    return Corpus(
        documents={name: corpus.documents[name] for name in kept},
        skipped={name: corpus.skipped[name] for name in kept if name in corpus.skipped},
        origin={name: corpus.origin[name] for name in kept if name in corpus.origin},
        lines={name: corpus.lines[name] for name in kept if name in corpus.lines},
    )
