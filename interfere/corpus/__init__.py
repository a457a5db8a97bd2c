"""Text per language: reading it, and dealing it into slots."""

from interfere.corpus._types import Corpus, Document

__all__ = ["Corpus", "Document"]
