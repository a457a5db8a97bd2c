"""Settings of an experiment: what is trained, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.settings._checks import require_at_least, require_choice

Mixture = Literal["mono", "pairs", "triples", "all", "half", "clone"]
Architecture = Literal["decoder", "encoder"]
ExperimentTokenizer = Literal["bytes", "bpe"]
Schedule = Literal["cosine", "linear", "constant"]
Signal = Literal["embedding", "tag", "none"]

PRESETS = ("tiny", "small", "base")
"""Architectures that have a name; a preset that is none of them is the path of a config.json."""

LEAST_HELD_OUT = 0.05
"""The least share that is held out; shares are rounded to twentieths or simpler fractions."""

FEWEST_SLOTS = 4
"""Slots of a gradient analysis below which there are no intervals."""

FEWEST_BPE = 300
"""The least vocabulary of trained BPE: the 256 bytes, special tokens, and some merges."""


@dataclass(frozen=True)
class ExperimentSettings:
    """Settings of `interfere experiment`; each has an option of the same name.

    Every choice here can decide the sign of a delta, so each is recorded with the models. Models of one width, share of
    text and seed are matched: the same initial weights, and for each language the same batches in the same order.

    Args:
        mixtures: which models are trained: `mono`, one a language; `pairs`; `triples`; `all` languages together;
            `half`, each language with the other half of its own text; `clone`, each language with a copy of itself
            that shares no token. Monolingual models are trained wherever a mixture is compared with them.
        pairs: the pairs of `pairs`, such as `de-sv`; None: all of them.
        architecture: `decoder` (a causal LM) or `encoder` (a masked LM).
        preset: `tiny` (2 layers, width 32), `small` (4 layers, 128), `base` (12 layers, 768), or the path of a
            config.json of transformers.
        widths: hidden sizes to sweep instead of the preset's own; empty: the preset's alone.
        tokenizer: `bytes`, or `bpe` trained on equally many bytes of every language.
        vocabulary: tokens of `bpe`, special ones included.
        context: tokens of text in a training sequence; one token that begins it comes before them.
        batch_size: sequences of each language in an update that it takes part in.
        updates: updates that each language takes part in, on average over languages where there is a temperature.
        learning_rate: the highest of the schedule.
        warmup: share of updates in which the learning rate rises from 0.
        schedule: how it falls afterwards: `cosine` or `linear`, both to 0, or `constant`.
        weight_decay: AdamW's, of matrices alone.
        joint: an update holds a batch of every language of the mixture; if not, of one language at a time.
        signal: how the model knows the language: an `embedding` added at every position, a `tag` as the first token of
            a sequence alone, or `none`.
        temperature: None: all languages have the same number of updates. T: language l has
            `updates · (bytes of l / mean bytes of a language)^(1/T)`, the same in every mixture.
        seeds: how many times each model is trained, with seeds from `seed` up.
        text: shares of the training text to sweep.
        held_out: share of the documents that is never trained on, rounded to a fraction of at most 20 equal parts.
        checkpoints: models kept of a training, the final one included; the others at growing distances.
        documents: held-out documents that are read of each language, drawn by `seed`; None: all.
        mask_passes: of an encoder's evaluation: sets of tokens that are masked one after the other.
        conflict_chunks: slots of the gradient analysis of every kept model; 0: none is made.
        conflict_tokens: predicted tokens of a slot and language.
        scout: train short models alone, of these shares of `updates`, and extrapolate; empty: train in full.
        mask_rate: share of the tokens that an encoder's training masks.
        dropout: of the presets; a config file states its own.
        threads: threads of torch that a job uses; more or fewer of them round differently.
        seed: of the first of `seeds`, and of which documents are held out.
        device: where models are trained.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    mixtures: tuple[str, ...] = ("mono", "pairs", "all")
    pairs: tuple[str, ...] | None = None
    architecture: Architecture = "decoder"
    preset: str = "tiny"
    widths: tuple[int, ...] = ()
    tokenizer: ExperimentTokenizer = "bytes"
    vocabulary: int = 8192
    context: int = 64
    batch_size: int = 8
    updates: int = 3000
    learning_rate: float = 1e-2
    warmup: float = 0.05
    schedule: Schedule = "cosine"
    weight_decay: float = 0.01
    joint: bool = True
    signal: Signal = "embedding"
    temperature: float | None = None
    seeds: int = 3
    text: tuple[float, ...] = (1.0,)
    held_out: float = 0.1
    checkpoints: int = 4
    documents: int | None = 500
    mask_passes: int = 7
    conflict_chunks: int = 8
    conflict_tokens: int = 512
    scout: tuple[float, ...] = ()
    mask_rate: float = 0.15
    dropout: float = 0.0
    threads: int = 1
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        self._check_numbers()
        require_choice("architecture", self.architecture, get_args(Architecture))
        require_choice("tokenizer", self.tokenizer, get_args(ExperimentTokenizer))
        require_choice("schedule", self.schedule, get_args(Schedule))
        require_choice("signal", self.signal, get_args(Signal))
        self._check_mixtures()
        if self.tokenizer != "bpe" and self.vocabulary != _default("vocabulary"):
            raise InputError("--vocabulary is for --tokenizer bpe alone: add that, or leave it out")
        for option in ("mask_rate", "mask_passes"):
            if self.architecture != "encoder" and getattr(self, option) != _default(option):
                name = option.replace("_", "-")
                raise InputError(f"--{name} is for --architecture encoder alone: add that, or leave it out")
        if self.preset not in PRESETS:
            if not self.preset.endswith(".json"):
                raise InputError(
                    f"--preset {self.preset!r}: choose from {', '.join(PRESETS)}, or give the path of a config.json"
                )
            if self.widths:
                raise InputError("--widths is for named presets; for a config.json, write one file a width")
            if self.dropout != _default("dropout"):
                raise InputError("--dropout is for named presets; a config.json states its own")

    def _check_numbers(self) -> None:
        require_at_least(
            {
                "context": (self.context, 2),
                "batch-size": (self.batch_size, 1),
                "updates": (self.updates, 1),
                "seeds": (self.seeds, 1),
                "checkpoints": (self.checkpoints, 1),
                "vocabulary": (self.vocabulary, FEWEST_BPE),
                "threads": (self.threads, 1),
                "seed": (self.seed, 0),
            }
        )
        for width in self.widths:
            require_at_least({"widths": (width, 1)})
        if self.documents is not None:
            require_at_least({"documents": (self.documents, 2)})
        require_at_least({"mask-passes": (self.mask_passes, 2), "conflict-tokens": (self.conflict_tokens, 1)})
        if self.conflict_chunks and self.conflict_chunks < FEWEST_SLOTS:
            raise InputError(f"--conflict-chunks {self.conflict_chunks}: give at least {FEWEST_SLOTS}, or 0 for none")
        if any(not 0 < share < 1 for share in self.scout) or len(set(self.scout)) < len(self.scout):
            raise InputError("--scout: give different shares of the training, above 0 and below 1, as in 0.03,0.06,0.1")
        for option, number in (("learning-rate", self.learning_rate), ("temperature", self.temperature)):
            if number is not None and not (math.isfinite(number) and number > 0):
                raise InputError(f"--{option} {number}: give a number above 0")
        if not 0 < self.mask_rate < 1:
            raise InputError(f"--mask-rate {self.mask_rate}: give a share between 0 and 1")
        if not LEAST_HELD_OUT <= self.held_out <= 1 / 2:
            raise InputError(f"--held-out {self.held_out}: give a share from {LEAST_HELD_OUT} to 0.5")
        for option, number in (("warmup", self.warmup), ("dropout", self.dropout)):
            if not 0 <= number < 1:
                raise InputError(f"--{option} {number}: give a share from 0 up to, but not including, 1")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"--weight-decay {self.weight_decay}: give a number from 0 up")
        if not self.text or any(not 0 < share <= 1 for share in self.text):
            raise InputError("--text: give shares of the training text, above 0 and up to 1")
        for option, values in (("text", self.text), ("widths", self.widths)):
            if len(set(values)) < len(values):
                raise InputError(f"--{option}: name each value once")

    def _check_mixtures(self) -> None:
        for mixture in self.mixtures:
            require_choice("mixtures", mixture, get_args(Mixture))
        if not self.mixtures or len(set(self.mixtures)) < len(self.mixtures):
            raise InputError("--mixtures: name each mixture once, and at least one")
        if self.pairs is not None:
            if "pairs" not in self.mixtures:
                raise InputError("--pairs names pairs of --mixtures pairs: add that, or leave them out")
            if not self.pairs or len(set(self.pairs)) < len(self.pairs):
                raise InputError("--pairs: name each pair once, such as de-sv, and at least one")


def _default(option: str) -> object:
    return ExperimentSettings.__dataclass_fields__[option].default
