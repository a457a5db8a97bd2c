"""Translation from one language into each of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Corpus, Document, find_alignment
from interfere.errors import InputError
from interfere.objectives._decoder import seq2seq_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._text import TokenizePair
from interfere.objectives._types import Batch, Example, LossSums


@dataclass(frozen=True)
class Sources:
    """What is translated.

    Args:
        language: that of all of it.
        by: `id` or `line`: how a document is found by its translation.
        texts: id or line → the document.
    """

    language: str
    by: str
    texts: Mapping[str | int | None, Document]

    def of(self, document: Document) -> Document | None:
        """What a document is the translation of; None where the source language has nothing for it."""
        return self.texts.get(document.id if self.by == "id" else document.line)


def split_source(corpus: Corpus, source: str | None) -> tuple[Corpus, Sources]:
    """Take the source language out of an aligned corpus.

    Args:
        corpus: aligned by ids or lines.
        source: the language that is translated from.

    Returns:
        The other languages, into which it is translated, and the sources.

    Raises:
        InputError: no source language is given, the corpus has none of that name, or its texts are not aligned.
    """
    if source is None:
        raise InputError("--source-language: objective 'translation' needs it, the language that is translated from")
    if source not in corpus.documents:
        raise InputError(
            f"--source-language {source}: the text has no such language, but {', '.join(corpus.documents)}"
        )
    alignment = find_alignment(corpus)
    if alignment == "content":
        raise InputError(
            "objective 'translation' needs aligned text: give documents the same id in each language, or files of "
            "equally many lines, line by line translations of each other"
        )
    texts: dict[str | int | None, Document] = {
        document.id if alignment == "id" else document.line: document for document in corpus.documents[source]
    }

    def rest(of: Mapping[str, Any]) -> dict[str, Any]:
        return {language: value for language, value in of.items() if language != source}

    others = Corpus(rest(corpus.documents), rest(corpus.skipped), rest(corpus.origin), rest(corpus.lines))
    return others, Sources(source, alignment, texts)


@dataclass(frozen=True)
class Translation:
    """Predict a document from its counterpart in the source language: the language of a chunk is that of the target.

    Where the tokenizer has language codes, the source has that of its language and the target that of its own; where it
    marks the target before the source, as Marian's do, it does.

    Args:
        tokenize: source, target and the target's language → tokens of both.
        sources: what is translated.
        pad_id: fills short rows.
        max_length: tokens that longer documents are cut to, on either side.
    """

    tokenize: TokenizePair
    sources: Sources
    pad_id: int
    max_length: int
    name: str = "translation"

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example; none for a document without a counterpart, or without a token."""
        source = self.sources.of(document)
        if source is None:
            return []
        read, predicted = self.tokenize(source, document, language)
        if not read.content or not predicted.content:
            return []
        return [
            Example(
                document=document,
                language=language,
                input_ids=read.ids,
                labels=predicted.ids,
                predictions=len(predicted.ids),
                covered_bytes=predicted.covered_bytes,
                cut=read.cut or predicted.cut,
            )
        ]

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over the target, the special tokens around it included."""
        return token_loss(logits_of(model, **self.inputs(model, batch)), self.targets(batch))

    def inputs(self, model: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """What the model is called with."""
        return seq2seq_inputs(model, batch)

    def targets(self, batch: Batch) -> torch.Tensor:
        """What each position of the decoder predicts."""
        return batch.labels
