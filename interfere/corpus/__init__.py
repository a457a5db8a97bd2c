"""Text per language: reading it, and dealing it into slots."""

from interfere.corpus._deal import Deal, deal_slots
from interfere.corpus._digest import language_sha256
from interfere.corpus._names import check_language_name, require_languages
from interfere.corpus._read import corpus_from_texts, read_corpus
from interfere.corpus._types import Corpus, Document
from interfere.corpus._units import find_alignment

__all__ = [
    "Corpus",
    "Deal",
    "Document",
    "check_language_name",
    "corpus_from_texts",
    "deal_slots",
    "find_alignment",
    "language_sha256",
    "read_corpus",
    "require_languages",
]
