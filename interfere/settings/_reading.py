"""What every analysis that reads text in chunks is told."""

from __future__ import annotations

from dataclasses import dataclass

from interfere.errors import InputError
from interfere.settings._checks import require_at_least


@dataclass(frozen=True)
class ReadingSettings:
    """How much text is read, and how; every analysis that reads text has these.

    Args:
        chunks: slots K that each language's documents are dealt into; at least 4 for intervals.
        tokens_per_chunk: a chunk takes whole documents while it has no more predicted tokens than this.
        mask_passes: disjoint masks of every document (masked LM), or corruptions of it (span corruption, text
            infilling).
        max_length: tokens at which a document is cut; None: what the model takes, at most 512.
        batch_size: examples of a microbatch, or `auto`. It changes speed and memory, never results.
        seed: of the deal into slots, of masks, and of whatever else is drawn.
        source_language: the language that is translated from, for the objective `translation`; the others are
            measured.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    chunks: int = 16
    tokens_per_chunk: int = 512
    mask_passes: int = 1
    max_length: int | None = None
    batch_size: int | str = "auto"
    seed: int = 0
    source_language: str | None = None

    def __post_init__(self) -> None:
        at_least = {
            "chunks": (self.chunks, 2),
            "tokens-per-chunk": (self.tokens_per_chunk, 1),
            "mask-passes": (self.mask_passes, 1),
            "seed": (self.seed, 0),
        }
        if self.max_length is not None:
            at_least["max-length"] = (self.max_length, 2)
        if self.batch_size != "auto":
            if not isinstance(self.batch_size, int):
                raise InputError(f"--batch-size {self.batch_size!r}: give a whole number or auto")
            at_least["batch-size"] = (self.batch_size, 1)
        require_at_least(at_least)
