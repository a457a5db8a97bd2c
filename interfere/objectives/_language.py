"""Telling the language to models that want to be told: adapters of each language, and embeddings of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from interfere.errors import InputError
from interfere.objectives._types import Batch


def language_inputs(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """What a model's forward takes beside the tokens to know the language of each row; empty for most models.

    X-MOD has adapters for each language of `config.languages` and takes `lang_ids`, one number a row. XLM with
    language embeddings takes `langs`, one a token, with the numbers of `config.lang2id`; where its config has none,
    it is told nothing, as by its own documentation.

    Raises:
        InputError: a language that the model does not know; the message names those that it knows.
    """
    known = told_languages(model)
    if known is None:
        return {}
    name, numbers = known
    ids = [numbers[language_code(example.language, numbers)] for example in batch.examples]
    rows = torch.tensor(ids, dtype=torch.long, device=batch.input_ids.device)
    return {name: rows if name == "lang_ids" else rows.unsqueeze(1).expand_as(batch.input_ids).contiguous()}


def told_languages(model: Any) -> tuple[str, dict[str, int]] | None:
    """The name of the input that tells a model the language, and the model's languages; None where there is none."""
    config, forward = model.config, inspect.signature(model.forward).parameters
    languages = getattr(config, "languages", None)
    if "lang_ids" in forward and languages:
        return "lang_ids", {str(name): number for number, name in enumerate(languages)}
    numbers = getattr(config, "lang2id", None)
    embeds = getattr(config, "use_lang_emb", False) and getattr(config, "n_langs", 1) > 1
    if "langs" in forward and embeds and numbers:
        return "langs", {str(name): int(number) for name, number in numbers.items()}
    return None


def language_code(language: str, known: Iterable[str]) -> str:
    """The model's name for a language: the same, or the only one that begins with it (`de` for `de_DE`).

    Raises:
        InputError: there is none, or there are several.
    """
    names = list(known)
    if language in names:
        return language
    wanted = _plain(language)
    same = [name for name in names if _plain(name) == wanted]
    begins = [name for name in names if _plain(name).split("_")[0] == wanted.split("_")[0]]
    for found in (same, begins):
        if len(found) == 1:
            return found[0]
    few = ", ".join(sorted(names)[:40]) + (", …" if len(names) > 40 else "")
    raise InputError(
        f"language {language!r} is none that the model knows by this name; it knows {few}: name the text after one of "
        "them"
    )


def require_told(model: Any, languages: Sequence[str]) -> None:
    """Make sure that a model which wants to be told the language knows all of these.

    Raises:
        InputError: it does not know one.
    """
    known = told_languages(model)
    for language in languages if known is not None else ():
        language_code(language, known[1] if known else ())


def _plain(name: str) -> str:
    return name.replace("-", "_").casefold()
