"""The text that a head is trained on, none of which is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from interfere.corpus import Document
from interfere.errors import RunError
from interfere.objectives import Example, Objective
from interfere.runs import Reading


def held_out(reading: Reading) -> dict[str, list[Example]]:
    """What each language has beside the chunks: its calibration slot, and what its chunks did not need of their slots.

    Documents stand in the order of their hashes, whatever their order in the files. Where tokens are masked, as many
    disjoint masks of a document are read as there are: a few documents are to train on many predictions.

    Raises:
        RunError: a language has nothing that can be predicted.
    """
    objective = _with_all_masks(reading.objective)
    out = {}
    for language in reading.corpus.languages:
        documents = {(each.content, each.labels): each for each in _unmeasured(reading, language)}
        out[language] = [example for key in sorted(documents) for example in objective.encode(documents[key], language)]
        if not any(example.predictions for example in out[language]):
            raise RunError(
                f"--head train: language {language!r} has no text to train on beside what is measured; give more"
            )
    return out


def _unmeasured(reading: Reading, language: str) -> Iterator[Document]:
    yield from reading.deal.calibration[language]
    for slot in range(reading.slots):
        # By content: a text that stands there twice, with two labels, is not half measured and half trained on.
        measured = {each.document.content for each in reading.chunks[language, slot].examples}
        yield from (each for each in reading.deal.slots[language][slot] if each.content not in measured)


def _with_all_masks(objective: Objective) -> Objective:
    """The same objective with as many disjoint masks of a document as go into it."""
    masking: Any = objective
    if not hasattr(masking, "passes") or not hasattr(masking, "rate"):
        return objective
    every: Objective = replace(masking, passes=max(masking.passes, int(1 / masking.rate)))
    return every
