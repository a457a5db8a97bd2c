"""Text of any length in the languages of `tests.tiny`, by shuffling their words."""

from __future__ import annotations

import random
from pathlib import Path

from tests.tiny import TEXTS


def some_text(language: str, documents: int, *, seed: int = 0, words: tuple[int, int] = (4, 14)) -> list[str]:
    """Different documents of a language, each a few words long.

    Args:
        language: a key of `TEXTS`.
        documents: how many.
        seed: other seeds give other documents.
        words: fewest and most words of a document.
    """
    source = random.Random(f"{language} {seed}")
    vocabulary = sorted({word for text in TEXTS[language] for word in (text.split() if " " in text else text)})
    out: dict[str, None] = {}
    while len(out) < documents:
        out[" ".join(source.choices(vocabulary, k=source.randint(*words)))] = None
    return list(out)


def write_text(folder: Path, texts: dict[str, list[str]]) -> Path:
    """Write one `LANG.txt` a language and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, documents in texts.items():
        (folder / f"{language}.txt").write_text("\n".join(documents) + "\n", encoding="utf-8")
    return folder
