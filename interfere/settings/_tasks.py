"""Settings of `analyze_task`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.settings._checks import require_at_least, require_choice

Task = Literal["text-classification", "token-classification"]
LabelledSubword = Literal["first", "last"]

LARGEST_SEED = 2**31 - 1
"""What a seed may be at most, that of the last repetition included: NumPy takes 32 bits."""


@dataclass(frozen=True)
class TaskSettings:
    """How models are fine-tuned on a task; each has an option of the same name.

    The defaults are those of usual practice for encoders of base size: AdamW with a linear schedule and a warm-up,
    long enough that small training sets do not fail to train (Mosbach et al. 2021, https://arxiv.org/abs/2006.04884).

    Args:
        task: `text-classification` (scored by accuracy) or `token-classification` (by F1 of spans).
        seeds: how often each model is fine-tuned on each language. Repetition r has the seed `seed` + r, which draws
            the head, the order of the data and dropout. With 1 there is no interval and no verdict.
        epochs: passes over the training set.
        learning_rate: AdamW's, at its highest.
        batch_size: items of a training step; here it does change results.
        max_length: tokens at which an item is cut; None: what the model takes, at most 512.
        seed: of the first repetition, and of what else is drawn.
        warmup: share of the steps in which the learning rate rises from 0; it then falls to 0 along a line.
        weight_decay: AdamW's.
        subword: the token of a word that bears its label and its prediction: `first`, as is usual, or `last`, which
            is fairer to a decoder, since its first subword has not read the rest of the word.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    task: Task = "text-classification"
    seeds: int = 5
    epochs: int = 5
    learning_rate: float = 5e-5
    batch_size: int = 16
    max_length: int | None = None
    seed: int = 0
    warmup: float = 0.1
    weight_decay: float = 0.01
    subword: LabelledSubword = "first"

    def __post_init__(self) -> None:
        require_choice("task", self.task, get_args(Task))
        require_choice("subword", self.subword, get_args(LabelledSubword))
        whole = {"seeds": (self.seeds, 1), "epochs": (self.epochs, 1), "batch-size": (self.batch_size, 1)}
        whole["seed"] = (self.seed, 0)
        if self.max_length is not None:
            whole["max-length"] = (self.max_length, 3)
        for option, (value, _) in whole.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise InputError(f"--{option} {value!r}: give a whole number")
        require_at_least(whole)
        if self.seed + self.seeds - 1 > LARGEST_SEED:
            raise InputError(
                f"--seed {self.seed}: with {self.seeds} seeds give at most {LARGEST_SEED - self.seeds + 1}"
            )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"--learning-rate {self.learning_rate}: give a number above 0")
        if not 0 <= self.warmup < 1:
            raise InputError(f"--warmup {self.warmup}: give a share of the steps, from 0 to below 1")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"--weight-decay {self.weight_decay}: give 0 or a number above it")
        if self.subword != "first" and self.task != "token-classification":
            raise InputError("--subword is for --task token-classification alone: add that, or leave it out")
