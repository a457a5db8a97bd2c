"""Bits per byte of a model on held-out documents."""

from interfere.evaluation._encode import Encoded, encode_document
from interfere.evaluation._evaluate import Evaluation, Quality, draw_documents, evaluate, evaluation_objective
from interfere.evaluation._tokens import TokenizedText, tokenize_whole
from interfere.evaluation._windows import Window, forward_windows, two_sided_windows
from interfere.evaluation._words import word_spans, words_of_tokens

__all__ = [
    "Encoded",
    "Evaluation",
    "Quality",
    "TokenizedText",
    "Window",
    "draw_documents",
    "encode_document",
    "evaluate",
    "evaluation_objective",
    "forward_windows",
    "tokenize_whole",
    "two_sided_windows",
    "word_spans",
    "words_of_tokens",
]
