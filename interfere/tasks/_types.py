"""Labelled items, and the languages that they are in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from interfere.corpus._items import Item
from interfere.settings._tasks import Task


@dataclass(frozen=True)
class LabelledCorpus:
    """Labelled items per language.

    Args:
        task: what the labels are for.
        train: language → training items, in the order of the file; languages sorted.
        test: language → test items, in the same way.
        labels: all labels, sorted, in text classification; in token classification the tags `O`, then `B-` and `I-`
            of each type. A prediction is an index into it.
        origin: language → the files that its items came from, for messages.
        split: language → how training and test items were told apart, in words.
        skipped: language → reason → how many things were left out for it.
        retagged: language → spans whose first tag was `I-` and was read as `B-`.
        overlap: (train, test) → test items whose text is a text of that training set too, where there are any.
        ignored: names of files of other splits, such as `de.dev.jsonl`, that were not read.
    """

    task: Task
    train: Mapping[str, tuple[Item, ...]]
    test: Mapping[str, tuple[Item, ...]]
    labels: tuple[str, ...]
    origin: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    retagged: Mapping[str, int] = field(default_factory=dict)
    overlap: Mapping[tuple[str, str], int] = field(default_factory=dict)
    ignored: Sequence[str] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, sorted."""
        return tuple(self.train)


@dataclass(frozen=True)
class UnitPredictions:
    """What a fine-tuned model predicts.

    Args:
        model: name of the model.
        train: the language that it was fine-tuned on.
        seed: of this fine-tuning.
        predictions: language → for each test item the predicted label of each of its words (of a text its one label);
            a word that the model did not read has `O`.
        cut: part → items that were longer than the model reads; parts are `train` and `test LANG`.
        unread: part → words without a token, which were neither trained on nor predicted.
        loss: mean training loss, in nats.
        steps: optimizer steps.
    """

    model: str
    train: str
    seed: int
    predictions: Mapping[str, tuple[tuple[str, ...], ...]]
    cut: Mapping[str, int]
    unread: Mapping[str, int]
    loss: float
    steps: int


def items_sha256(items: Sequence[Item]) -> str:
    """SHA-256 over words and labels of items, in order, so that runs can tell whether they saw the same data."""
    digest = sha256()
    for item in items:
        digest.update(json.dumps([item.words, item.labels], ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()
