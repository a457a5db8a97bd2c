"""Toy tasks that a tiny random model can learn."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.tiny import TEXTS

VOCABULARY = {
    language: sorted({word.strip(".,") for text in texts for word in text.split()}) for language, texts in TEXTS.items()
}


def texts(language: str, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Texts whose label is which of two words they hold."""
    source = random.Random(f"{language} {seed}")
    words = VOCABULARY[language]
    out = []
    for number in range(count):
        label = number % 2
        own = [words[label], *source.choices(words[2:8], k=2)]
        source.shuffle(own)
        out.append({"text": " ".join(own), "label": ("low", "high")[label]})
    return out


def sentences(language: str, count: int, seed: int = 0, length: int = 4) -> list[dict[str, Any]]:
    """Sentences in which one word, wherever it stands, is a place, and another a person."""
    source = random.Random(f"{language} {seed}")
    words = VOCABULARY[language]
    tags = {words[0]: "B-LOC", words[1]: "B-PER"}
    out = []
    for _ in range(count):
        own = [source.choice(words[:2]), *source.choices(words[2:8], k=length - 1)]
        source.shuffle(own)
        out.append({"tokens": own, "labels": [tags.get(word, "O") for word in own]})
    return out


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write one object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_task(
    folder: Path, task: str, languages: Sequence[str] = ("de", "en"), train: int = 64, test: int = 24
) -> Path:
    """A folder with training and test items of a toy task."""
    make = texts if task == "text-classification" else sentences
    for language in languages:
        write_rows(folder / f"{language}.train.jsonl", make(language, train, seed=1))
        write_rows(folder / f"{language}.test.jsonl", make(language, test, seed=2))
    return folder
