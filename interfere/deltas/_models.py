"""The models that are compared, and what each of them is for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from interfere.checkpoint import Checkpoint
from interfere.corpus import Corpus
from interfere.errors import InputError

Model = Checkpoint | str | Path
"""From `load_checkpoint`, or a folder or hub id."""

Monolingual = Mapping[str, Model | Mapping[float, Model]]
"""Language → its model, or the bytes of text that each of its models was trained on → the model."""


@dataclass(frozen=True)
class Compared:
    """One of the models.

    Args:
        name: what it is called in tables.
        role: what it is.
        model: the checkpoint, or where it is.
        language: of a monolingual one.
        text: bytes of text that a monolingual one was trained on, where that is given; else NaN.
    """

    name: str
    role: Literal["multilingual", "monolingual"]
    model: Model
    language: str = ""
    text: float = math.nan


def list_models(multilingual: Model | Mapping[str, Model], monolingual: Monolingual) -> list[Compared]:
    """All models: the multilingual ones in their order, then the monolingual ones by language and size.

    Raises:
        InputError: there is none of one role, two have one name, or a size is not a number of bytes.
    """
    named = multilingual if isinstance(multilingual, Mapping) else {"multilingual": multilingual}
    if not named:
        raise InputError("--multilingual: give at least one model")
    if not monolingual:
        raise InputError("--monolingual: give at least one model, as LANGUAGE=MODEL")
    models = [*(Compared(name, "multilingual", model) for name, model in named.items()), *_monolingual(monolingual)]
    names = [model.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--multilingual: {twice[0]!r} is the name of a monolingual model; give it another name")
    return models


def _monolingual(given: Monolingual) -> Iterator[Compared]:
    for language in sorted(given):
        models = given[language]
        if not isinstance(models, Mapping):
            yield Compared(language, "monolingual", models, language)
            continue
        for text in sorted(models):
            if not (math.isfinite(text) and text > 0):
                raise InputError(f"--monolingual {language}@{text:g}: give the bytes of its training text, above 0")
            yield Compared(f"{language}@{_size(text)}", "monolingual", models[text], language, float(text))


def _size(text: float) -> str:
    """Bytes in the largest unit that fits, as in 10MB."""
    power = min(4, max(0, int(math.log10(text) // 3)))
    return f"{text / 1000**power:g}{('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def require_text(models: list[Compared], corpus: Corpus) -> None:
    """Make sure that there is held-out text of every monolingual model's language.

    Raises:
        InputError: a language is not in the corpus.
    """
    for model in models:
        if model.role == "monolingual" and model.language not in corpus.documents:
            raise InputError(
                f"--monolingual {model.name}: there is no held-out text of {model.language!r}; the data has "
                f"{', '.join(corpus.languages)}"
            )


def name_of(model: Model) -> str:
    """What to call a model in messages."""
    return model.id if isinstance(model, Checkpoint) else str(model)
