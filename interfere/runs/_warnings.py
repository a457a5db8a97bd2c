"""What a reader has to know of the model and of the text before believing any number of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GUESSING = 0.97
"""A warning is due when the loss is at least this share of that of guessing every token, or every label, alike."""

_MANY_TEXTS = 64
"""Labelled texts of a chunk that are enough, whatever it may hold."""

_LISTED = 12
"""Languages that one sentence names."""

_SHORT = 0.5
"""A warning is due when chunks hold less than this share of the tokens that they may, and all text was read."""


def model_warnings(failed: Mapping[str, str], losses: Mapping[str, float], guessing: float | None) -> list[str]:
    """Sentences on languages without numbers, and on a model that does not know them.

    Args:
        failed: language → why it has no numbers.
        losses: language → mean loss of a prediction, in nats.
        guessing: the loss of guessing every token alike; None where the loss is not one of tokens.
    """
    return [f"{language} has no numbers: {reason}." for language, reason in failed.items()] + _guesses(losses, guessing)


def signal_warnings(model: Mapping[str, Any], name: str = "The model") -> list[str]:
    """A sentence if a model was trained to be told which language it reads, and is not told here.

    Args:
        model: what is recorded of it.
        name: how it is called, at the start of a sentence.
    """
    signal = model.get("language_signal")
    if not signal:
        return []
    return [
        f"{name} was trained by `interfere experiment --signal {signal}`, told which language it reads, and plain text "
        "does not tell it: these numbers are of a model that does not know the language. Train with --signal none to "
        "use it like this."
    ]


def text_warnings(data: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """Sentences on text that was short, cut or left out.

    Args:
        data: what was read per language.
        settings: as recorded in the result.
    """
    out = _short_text(data, settings) + alone_warnings(str(settings.get("alone_reason", "")))
    cut = {language: facts["cut"] / facts["documents"] for language, facts in data.items() if facts["cut"]}
    if cut:
        counts = {language: f"{data[language]['cut']} of {data[language]['documents']}" for language in cut}
        out.append(f"Documents were cut at {settings['max_length']} tokens (--max-length): {_listed(counts, cut)}.")
    reasons = {reason: None for facts in data.values() for reason in facts["skipped"]}
    for reason in reasons:
        skipped = {language: facts["skipped"].get(reason, 0) for language, facts in data.items()}
        counts = {language: str(count) for language, count in skipped.items() if count}
        out.append(f"Documents were skipped, {reason}: {_listed(counts, skipped)}.")
    return out


def alone_warnings(reason: str) -> list[str]:
    """A sentence if documents were read one at a time, since the model mixes up those of a batch."""
    if not reason:
        return []
    return [
        f"Documents were read one at a time, since this model does not compute the same for them in a batch ({reason})."
    ]


def _listed(counts: Mapping[str, str], most: Mapping[str, float]) -> str:
    """Languages with their counts: all of a few, of many those with most, in the order of `counts`."""
    if len(counts) <= _LISTED:
        return ", ".join(f"{count} in {language}" for language, count in counts.items())
    first = sorted(counts, key=lambda language: -most[language])[:_LISTED]
    shown = ", ".join(f"{count} in {language}" for language, count in counts.items() if language in first)
    return f"{shown}, and some in {len(counts) - _LISTED} more languages, which results.json lists under data"


def _guesses(losses: Mapping[str, float], guessing: float | None) -> list[str]:
    """A sentence if the model does not know the languages, or some of them."""
    if guessing is None:
        return []
    unknown = sorted(language for language, loss in losses.items() if loss >= _GUESSING * guessing)
    if not unknown:
        return []
    highest = max(losses[language] for language in unknown)
    return [
        f"The model predicts {', '.join(unknown)} no better than by guessing (loss up to {highest:.2f}; guessing "
        f"gives {guessing:.2f}): is it trained, and is this its tokenizer and objective? Gradients of a model "
        "that knows nothing say little about languages."
    ]


def _short_text(data: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """A sentence if text ran out before the chunks were as long as they may be."""
    wanted = settings["tokens_per_chunk"]
    labels = settings["objective"] in ("text-classification", "token-classification")
    if settings["objective"] == "text-classification":
        # A text has one prediction, and a hundred of them are no little text.
        wanted = min(wanted, _MANY_TEXTS)
    short = {
        language: facts["tokens"] / settings["chunks"]
        for language, facts in data.items()
        if facts["tokens"] and not facts["unused"] and facts["tokens"] < _SHORT * wanted * settings["chunks"]
    }
    if not short:
        return []
    languages = f"{', '.join(sorted(short))}" if len(short) < len(data) else "every language"
    passes = (
        ", or more --mask-passes" if settings["objective"] in ("masked-lm", "span-corruption", "text-infilling") else ""
    )
    enough = f"--tokens-per-chunk allows {settings['tokens_per_chunk']:,}"
    low, high = f"{min(short.values()):,.0f}", f"{max(short.values()):,.0f}"
    return [
        f"All text of {languages} was dealt out, and chunks have about {low if low == high else f'{low} to {high}'} "
        f"{'labels' if labels else 'predicted tokens'} where {enough}: intervals are wide "
        f"and self-similarity is low for that reason. Give more text{passes}."
    ]
