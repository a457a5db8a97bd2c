"""Predicting labels: of whole texts, or of the words of sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from interfere.corpus import Corpus, Document
from interfere.corpus._items import Item
from interfere.corpus._names import listed, shown
from interfere.errors import InputError, RunError
from interfere.objectives._items import encode
from interfere.objectives._language import language_inputs
from interfere.objectives._loss import logits_of, token_loss
from interfere.objectives._text import Tokenize
from interfere.objectives._types import IGNORE, Batch, Example, LossSums
from interfere.settings import Task


@dataclass(frozen=True)
class Classification:
    """Predict the label of a text, or the label of each word of a sentence, by the model's own head.

    A prediction is a label, and the loss its cross-entropy. A word bears its label at its first token; a word without
    a token of its own, or that was cut off, is not predicted.

    Args:
        name: `text-classification` or `token-classification`.
        model_id: of the checkpoint, for messages.
        numbers: label → its number in the model.
        tokenize: document → tokens.
        tokenizer: the same for sentences; one that tells the place of its tokens.
        rows: tokens that the model has an embedding for, None where it does not say.
        pad_id: fills short rows.
        end_id: the token by which the model finds the end of a text, of which a text has one; None where it needs none.
        max_length: tokens that longer documents are cut to.
    """

    name: Task
    model_id: str
    numbers: Mapping[str, int]
    tokenize: Tokenize
    tokenizer: Any
    rows: int | None
    pad_id: int
    end_id: int | None
    max_length: int

    @property
    def classes(self) -> int:
        """How many labels the model tells apart."""
        return len(set(self.numbers.values()))

    def encode(self, document: Document, language: str) -> list[Example]:
        """One example; none for a document without a token that bears a label.

        Raises:
            InputError: the document has no labels, or one that the model does not know.
            RunError: its text holds a token that the model does not know, or the one that ends a text.
        """
        place = f"line {document.line:,} (language {language!r})"
        if len(document.labels) != max(1, len(document.words)):
            raise InputError(f"{place}: the document has no labels for {self.name}; read it with task={self.name!r}")
        numbers = [self.number(label, place) for label in document.labels]
        return (
            self._sentence(document, language, numbers) if document.words else self._text(document, language, numbers)
        )

    def number(self, label: str, place: str) -> int:
        """The model's number of a label.

        Raises:
            InputError: the model has no such label; the message names those that it has.
        """
        if label in self.numbers:
            return self.numbers[label]
        # Labels that were never named have a number beside their name; those that are called by numbers have names.
        generic = len(self.numbers) > self.classes
        names = [name for name in self.numbers if not (generic and name.isdecimal())]
        hint = ""
        if generic:
            hint = f"; these are no names: write labels as whole numbers from 0 to {self.classes - 1}"
        elif label.isdecimal() and not any(name.isdecimal() for name in names):
            hint = "; write labels by name, since which number stands for which is not known"
        raise InputError(
            f"{place}: the label {shown(label)} is none that model {self.model_id!r} has; it has "
            f"{listed(names, 20)}{hint}"
        )

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss summed over the labels."""
        with self.inputs(model, batch) as inputs:
            logits = logits_of(model, **inputs)
        # Of a text there is one row of scores, of a sentence one for each token.
        return token_loss(logits if logits.ndim == 3 else logits.unsqueeze(1), batch.labels)

    @contextmanager
    def inputs(self, model: Any, batch: Batch) -> Iterator[dict[str, torch.Tensor]]:
        """What the model is called with, for as long as it knows which token is padding."""
        tokens = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        with _padding_known(model, batch) as pad_id:
            if pad_id is not None:
                tokens["input_ids"] = batch.input_ids.masked_fill(batch.attention_mask == 0, pad_id)
            yield tokens | language_inputs(model, batch)

    def _text(self, document: Document, language: str, numbers: list[int]) -> list[Example]:
        tokens = self.tokenize(document)
        if not tokens.content:
            return []
        self._require_one_end(tokens.ids, document)
        return [
            Example(
                document=document,
                language=language,
                input_ids=tokens.ids,
                labels=tuple(numbers),
                predictions=1,
                covered_bytes=tokens.covered_bytes,
                cut=tokens.cut,
            )
        ]

    def _sentence(self, document: Document, language: str, numbers: list[int]) -> list[Example]:
        encoded = encode(
            Item(document.words, document.labels, document.line, document.id),
            self.name,
            self.tokenizer,
            max_length=self.max_length,
            subword="first",
            pad_id=self.pad_id,
            rows=self.rows,
            by_word=True,
        )
        labels = [IGNORE] * len(encoded.ids)
        read = 0
        for word, (position, number) in enumerate(zip(encoded.positions, numbers, strict=True)):
            if position is not None:
                labels[position] = number
                read = word + 1
        count = len(numbers) - encoded.unread
        if not count:
            return []
        words = document.words[:read] if encoded.cut else document.words
        return [
            Example(
                document=document,
                language=language,
                input_ids=encoded.ids,
                labels=tuple(labels),
                predictions=count,
                covered_bytes=len(" ".join(words).encode()),
                cut=encoded.cut,
            )
        ]

    def _require_one_end(self, ids: tuple[int, ...], document: Document) -> None:
        if self.end_id is None or ids.count(self.end_id) == 1:
            return
        token = self.tokenizer.convert_ids_to_tokens(self.end_id)
        what = f"the text holds {token!r}" if self.end_id in ids else f"the tokenizer adds no {token!r}"
        raise RunError(
            f"line {document.line:,}: {what}, by which model {self.model_id!r} finds the end of a text"
            + ("; take it out of the text" if self.end_id in ids else "")
        )


def require_known_labels(corpus: Corpus, objective: Classification) -> None:
    """Make sure that the model has every label of a corpus.

    Raises:
        InputError: it has not; the message names the file, the line and the labels that it has.
    """
    for language, documents in corpus.documents.items():
        for document in documents:
            place = f"{corpus.origin.get(language, 'the text')}, line {document.line:,} (language {language!r})"
            for label in document.labels:
                objective.number(label, place)


def label_numbers(config: Any, name: str) -> dict[str, int]:
    """The labels of a model, by name; those that were never named (`LABEL_0`, …) also by their number.

    Args:
        config: the model's.
        name: of the checkpoint, for messages.

    Raises:
        RunError: the model's head is for several labels at once or for numbers, or it has one label only.
    """
    kind = getattr(config, "problem_type", None)
    if kind not in (None, "single_label_classification"):
        raise RunError(
            f"model {name!r} is made for {str(kind).replace('_', ' ')}; interfere measures heads that give one label"
        )
    named = {int(number): str(label) for number, label in (getattr(config, "id2label", None) or {}).items()}
    if len(named) < 2:
        what = "one label, which makes its head one for numbers (regression)" if named else "no labels"
        raise RunError(f"model {name!r} has {what}; interfere measures heads that tell labels apart")
    out = {label: number for number, label in named.items()}
    if len(out) < len(named):
        raise RunError(f"model {name!r} has two labels of one name in config.json (id2label): name each")
    if all(label == f"LABEL_{number}" for number, label in named.items()):
        out |= {str(number): number for number in named}
    return out


@contextmanager
def _padding_known(model: Any, batch: Batch) -> Iterator[int | None]:
    """Let a decoder without a padding token find the last token of each text, which it does by that token's id.

    Any id will do that no text of the batch holds; without one it reads a single text only, and takes the padding of
    that for its end.

    Yields:
        The id, for the time of this batch alone; None where the model has one of its own.
    """
    config = model.config
    holders = {id(each): each for each in (config, config.get_text_config())}.values()
    known = [getattr(each, "pad_token_id", None) for each in holders]
    if any(each is not None for each in known) or (bool(batch.attention_mask.all()) and len(batch.examples) == 1):
        yield None
        return
    held = set(batch.input_ids[batch.attention_mask.bool()].tolist())
    free = next(number for number in range(len(held) + 1) if number not in held)
    try:
        for each in holders:
            each.pad_token_id = free
        yield free
    finally:
        for each, before in zip(holders, known, strict=True):
            each.pad_token_id = before
