"""What every analysis that reads text in chunks is told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.settings._checks import require_at_least, require_choice

Head = Literal["saved", "train"]

HEAD_STEPS = 300
HEAD_LEARNING_RATE = 1e-3
"""How a head is trained where nothing else is asked for."""


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
        head: `saved`: the head that the checkpoint was saved with; `train`: one that it lacks is trained first, on
            text that is not measured, with the rest of the model as it is.
        head_steps: steps of that training.
        head_learning_rate: AdamW's at the first of them; it falls to 0 along a line.

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
    head: Head = "saved"
    head_steps: int = HEAD_STEPS
    head_learning_rate: float = HEAD_LEARNING_RATE

    def __post_init__(self) -> None:
        at_least = {
            "chunks": (self.chunks, 2),
            "tokens-per-chunk": (self.tokens_per_chunk, 1),
            "mask-passes": (self.mask_passes, 1),
            "seed": (self.seed, 0),
            "head-steps": (self.head_steps, 1),
        }
        if self.max_length is not None:
            at_least["max-length"] = (self.max_length, 2)
        if self.batch_size != "auto":
            if not isinstance(self.batch_size, int):
                raise InputError(f"--batch-size {self.batch_size!r}: give a whole number or auto")
            at_least["batch-size"] = (self.batch_size, 1)
        require_at_least(at_least)
        require_choice("head", self.head, get_args(Head))
        if not (math.isfinite(self.head_learning_rate) and self.head_learning_rate > 0):
            raise InputError(f"--head-learning-rate {self.head_learning_rate}: give a number above 0")
        if self.head == "saved" and (self.head_steps, self.head_learning_rate) != (HEAD_STEPS, HEAD_LEARNING_RATE):
            option = "head-steps" if self.head_steps != HEAD_STEPS else "head-learning-rate"
            raise InputError(f"--{option} is for --head train alone: add that, or leave it out")
