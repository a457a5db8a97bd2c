"""What is computed in which order: chunks of examples, and microbatches of a chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from interfere.corpus import Deal, Document
from interfere.errors import RunError
from interfere.objectives import Example, Objective

_BUDGETS = {"cpu": (2048, 64)}
"""Padded tokens of a microbatch with `--batch-size auto`, and as how many of them another microbatch counts, by kind of
device. On a CPU padding costs more than starting does."""

_OTHER_BUDGET = (8192, 1024)
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
    def place(self) -> int:
        """The slot's number; −1 for the calibration slot."""
        return -1 if self.slot is None else self.slot

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
        batch_size: examples of a microbatch; None: rows × longest stay within `token_budget`, one row at least.
        token_budget: see `batch_size`.
        overhead: padded tokens that are as dear as another microbatch; as few tokens as can be are read, counted so.
    """

    batch_size: int | None = None
    token_budget: int = _BUDGETS["cpu"][0]
    overhead: int = _BUDGETS["cpu"][1]

    @classmethod
    def for_device(cls, batch_size: int | None, device: str) -> Microbatches:
        """Those that `--batch-size` asks for on a kind of device."""
        return cls(batch_size, *_BUDGETS.get(device, _OTHER_BUDGET))

    def plan(self, lengths: Sequence[int]) -> list[list[int]]:
        """Sort by length and cut into microbatches.

        Args:
            lengths: tokens of each example.

        Returns:
            Indices into `lengths`, microbatch by microbatch, the longest first, so that memory peaks at the start.
        """
        order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
        if self.batch_size:
            return [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        # The cheapest way to cut the rest, from each example on: a microbatch costs its rows times its longest.
        cost, ends = [0] * (len(order) + 1), [0] * len(order)
        for first in reversed(range(len(order))):
            longest = max(1, lengths[order[first]])
            most = max(1, self.token_budget // longest)
            last = min(len(order), first + most)
            cost[first], ends[first] = min(
                ((end - first) * longest + self.overhead + cost[end], end) for end in range(first + 1, last + 1)
            )
        batches, first = [], 0
        while first < len(order):
            batches.append(order[first : ends[first]])
            first = ends[first]
        return batches

    def smaller(self, rows: int, longest: int) -> Microbatches | None:
        """Those to try where one of `rows` examples of up to `longest` tokens was too large; None where none is left.

        Returns:
            Microbatches that have at most half as many rows of that length.
        """
        if rows <= 1:
            return None
        return replace(self, batch_size=rows // 2 if self.batch_size else None, token_budget=rows // 2 * longest)

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.batch_size} examples" if self.batch_size else f"{self.token_budget} tokens"
