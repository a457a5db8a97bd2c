"""What is computed in which order: chunks of examples, and microbatches of a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interfere.corpus import Deal, Document
from interfere.errors import RunError
from interfere.objectives import Example, Objective

TOKEN_BUDGETS = {"cpu": 512}
"""Padded tokens of a microbatch with `--batch-size auto`, by kind of device. On a CPU small ones are the fastest: what
they need fits its caches, and memory is not asked for anew."""

OTHER_TOKEN_BUDGET = 8192
"""The same on other devices, where small microbatches leave the device idle."""


@dataclass(frozen=True)
class Chunk:
    """One language's part of one slot.

    Args:
        language: the language.
        slot: the slot's number, from 0; None for the calibration slot.
        examples: what is read, in the order of the deal.
        documents: how many documents the examples come from.
        empty: documents looked at in which nothing can be predicted.
        unused: documents of the slot that were not needed to reach the tokens of a chunk.
    """

    language: str
    slot: int | None
    examples: tuple[Example, ...]
    documents: int
    empty: int
    unused: int

    @property
    def predictions(self) -> int:
        """Predicted tokens, as the objective counted them when it encoded the text."""
        return sum(example.predictions for example in self.examples)

    @property
    def covered_bytes(self) -> int:
        """UTF-8 bytes of the documents that the model reads, each document once however many passes read it."""
        return sum({(e.document.line, e.document.content): e.covered_bytes for e in self.examples}.values())

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"{self.language}, " + ("calibration slot" if self.slot is None else f"slot {self.slot}")


def plan_chunk(
    objective: Objective, documents: Sequence[Document], language: str, slot: int | None, tokens_per_chunk: int
) -> Chunk:
    """Take whole documents, in order, while their predicted tokens stay within `tokens_per_chunk`; at least one.

    Raises:
        RunError: none of the documents has anything to predict.
    """
    examples: list[Example] = []
    predictions = used = empty = 0
    for document in documents:
        encoded = objective.encode(document, language)
        more = sum(example.predictions for example in encoded)
        if more == 0:
            empty += 1
            continue
        if used and predictions + more > tokens_per_chunk:
            break
        examples += encoded
        predictions += more
        used += 1
    if not used:
        raise RunError(
            f"language {language!r}: none of the {len(documents)} documents of one slot has a token to predict "
            f"(the first is on line {documents[0].line}); give longer documents or fewer --chunks"
        )
    return Chunk(language, slot, tuple(examples), used, empty, len(documents) - used - empty)


def plan_chunks(
    objective: Objective, deal: Deal, tokens_per_chunk: int, *, calibration: bool
) -> tuple[dict[tuple[str, int], Chunk], dict[str, Chunk]]:
    """The chunks of every language and slot, and those of the calibration slot where it is needed.

    Returns:
        (language, slot) → chunk, slot by slot, so that a run which is stopped has seen every language; and
        language → calibration chunk, empty unless `calibration`.
    """
    slots = len(next(iter(deal.slots.values())))
    measured = {
        (language, slot): plan_chunk(objective, deal.slots[language][slot], language, slot, tokens_per_chunk)
        for slot in range(slots)
        for language in deal.slots
    }
    held_out = {
        language: plan_chunk(objective, documents, language, None, tokens_per_chunk)
        for language, documents in deal.calibration.items()
        if calibration
    }
    return measured, held_out


def example_length(example: Example) -> int:
    """Padded positions that an example asks for."""
    return max(len(example.input_ids), len(example.labels))


@dataclass(frozen=True)
class Microbatches:
    """How the examples of a chunk are cut into microbatches. It changes speed, memory and rounding, nothing else.

    Args:
        batch_size: examples of a microbatch; None: as many as keep rows × longest within `token_budget`, at least one.
        token_budget: see `batch_size`.
    """

    batch_size: int | None = None
    token_budget: int = TOKEN_BUDGETS["cpu"]

    @classmethod
    def for_device(cls, batch_size: int | None, device: str) -> Microbatches:
        """Those that `--batch-size` asks for on a kind of device."""
        return cls(batch_size, TOKEN_BUDGETS.get(device, OTHER_TOKEN_BUDGET))

    def plan(self, lengths: Sequence[int]) -> list[list[int]]:
        """Sort by length and cut into microbatches.

        Args:
            lengths: tokens of each example.

        Returns:
            Indices into `lengths`, microbatch by microbatch, the longest first, so that memory peaks at the start.
        """
        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        batches: list[list[int]] = []
        room = 0
        for index in order:
            if room == 0:
                batches.append([])
                room = self.batch_size or max(1, self.token_budget // max(1, lengths[index]))
            batches[-1].append(index)
            room -= 1
        return batches

    def smaller(self, rows: int, longest: int) -> Microbatches | None:
        """Those to try where one of `rows` examples of up to `longest` tokens was too large; None where none is left.

        Returns:
            Microbatches that have at most half as many rows of that length.
        """
        if rows <= 1:
            return None
        return Microbatches(max(1, rows // 2) if self.batch_size else None, max(1, rows // 2) * longest)

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.batch_size} examples" if self.batch_size else f"{self.token_budget} tokens"
