"""A digest of a language's documents, so that runs can tell whether they saw the same data."""

from __future__ import annotations

from hashlib import sha256

from interfere.corpus._types import Corpus, Document


def language_sha256(corpus: Corpus, language: str) -> str:
    """SHA-256 over the documents of a language, in order, but not the language's name.

    It covers their texts, ids, sources, and labels where they have some.

    Args:
        corpus: the corpus.
        language: one of its languages.

    Returns:
        The digest in hexadecimal.
    """
    digest = sha256()
    for document in corpus.documents[language]:
        for value in (document.text, document.id, document.source, *_labels(document)):
            data = b"" if value is None else value.encode()
            # Lengths keep "ab", "c" apart from "a", "bc"; the sign keeps no id apart from an empty one.
            digest.update((-1 if value is None else len(data)).to_bytes(8, "big", signed=True))
            digest.update(data)
    return digest.hexdigest()


def _labels(document: Document) -> tuple[str, ...]:
    """Labels and words, and before each how many there are; nothing of a document without labels."""
    if not document.labels:
        return ()
    return (str(len(document.labels)), *document.labels, str(len(document.words)), *document.words)
