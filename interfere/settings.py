"""Settings of the analyzers; imports neither PyTorch nor transformers, so that help texts can show defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from interfere.errors import InputError

Scope = Literal["body", "all"]
Granularity = Literal["layer", "module", "tensor"]
Gram = Literal["auto", "exact", "sketch"]
Metric = Literal["euclidean", "adam", "per-tensor"]
Method = Literal["taylor", "fisher", "activation", "gates"]
Ablation = Literal["mean", "zero"]


@dataclass(frozen=True)
class ReadingSettings:
    """How much text is read, and how; every analysis that reads text has these.

    Args:
        chunks: slots K that each language's documents are dealt into; at least 4 for intervals.
        tokens_per_chunk: a chunk takes whole documents while it has no more predicted tokens than this.
        mask_passes: disjoint masks of every document (masked LM), or corruptions of it (span corruption).
        max_length: tokens at which a document is cut; None: what the model takes, at most 512.
        batch_size: examples of a microbatch, or `auto`. It changes speed and memory, never results.
        seed: of the deal into slots, of masks, and of whatever else is drawn.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    chunks: int = 16
    tokens_per_chunk: int = 512
    mask_passes: int = 1
    max_length: int | None = None
    batch_size: int | str = "auto"
    seed: int = 0

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


def require_at_least(options: Mapping[str, tuple[float, float]]) -> None:
    """Make sure that numbers are not too small.

    Args:
        options: name of the option → its value, and the least that it may be.

    Raises:
        InputError: one is too small; the message names the option.
    """
    for option, (value, least) in options.items():
        if value < least:
            raise InputError(f"--{option} {value}: give at least {least}")


def require_choice(option: str, choice: str, choices: Sequence[str]) -> None:
    """Make sure that a choice is one of those that there are.

    Raises:
        InputError: it is not; the message names the option.
    """
    if choice not in choices:
        raise InputError(f"--{option} {choice!r}: choose from {', '.join(choices)}")


@dataclass(frozen=True)
class GradientSettings(ReadingSettings):
    """Settings of `analyze_gradients`, with those of `ReadingSettings`; each has an option of the same name.

    Args:
        gradient_checkpointing: keep only the inputs of layers and compute the rest twice: less memory, about a third
            more time, the same results.
        shard: spread the model over the processes that torchrun has started, for one that does not fit a device; the
            loss then takes the plain path, gradients are sketched, and the metric is `euclidean`.
        scope: `body`, the transformer without embeddings and head, or `all`.
        granularity: groups reported beside the body: each `layer`, each `module` kind of a layer, or each `tensor`.
        metrics: inner products: `euclidean`, `adam`, `per-tensor`.
        gram: `exact` keeps whole gradients, `sketch` keeps a linear sketch of each group; `auto` is exact where all
            gradients fit `memory_budget`.
        sketch_size: numbers that a sketched group keeps.
        memory_budget: bytes. Fixed by default, so that results do not depend on the machine. In sketch mode, the
            gradient of a chunk of several microbatches is summed whole where it takes no more than a quarter of it.
        margin: a corrected cosine surely within ±margin is `neutral`.
        mixture: language → weight in the training mixture; None: equal weights.
        adam_state: an optimizer state for the `adam` metric; None: second moments from the calibration slot.
        adam_floor: second moments are taken as at least this share of their tensor's mean.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    gradient_checkpointing: bool = False
    shard: bool = False
    scope: Scope = "body"
    granularity: Granularity = "layer"
    metrics: tuple[str, ...] = ("euclidean",)
    gram: Gram = "auto"
    sketch_size: int = 32768
    memory_budget: int = 2 * 1024**3
    margin: float = 0.05
    mixture: Mapping[str, float] | None = None
    adam_state: str | Path | None = None
    adam_floor: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least({"sketch-size": (self.sketch_size, 16), "memory-budget": (self.memory_budget, 1)})
        require_choice("scope", self.scope, get_args(Scope))
        require_choice("granularity", self.granularity, get_args(Granularity))
        require_choice("gram", self.gram, get_args(Gram))
        for metric in self.metrics:
            require_choice("metric", metric, get_args(Metric))
        if not self.metrics or len(set(self.metrics)) < len(self.metrics):
            raise InputError("--metric: name each metric once, and at least one")
        if self.shard and tuple(self.metrics) != ("euclidean",):
            raise InputError("--shard: give --metric euclidean alone; the others need gradients that are whole")
        if not 0 < self.margin < 1:
            raise InputError(f"--margin {self.margin}: give a cosine between 0 and 1")
        if not 0 <= self.adam_floor <= 1:
            raise InputError(f"--adam-floor {self.adam_floor}: give a share between 0 and 1")
        if self.adam_state is not None and "adam" not in self.metrics:
            raise InputError("--adam-state is read for --metric adam alone: add that metric, or leave the state out")
        for language, weight in (self.mixture or {}).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise InputError(f"--mixture: the weight of {language!r} is {weight}; give a number from 0 up")
        if self.mixture is not None and not sum(self.mixture.values()) > 0:
            raise InputError("--mixture: all weights are 0")


@dataclass(frozen=True)
class ImportanceSettings(ReadingSettings):
    """Settings of `analyze_importance`, with those of `ReadingSettings`; each has an option of the same name.

    Args:
        methods: `taylor`, `fisher`, `activation`, `gates`; what is ablated is picked by the first.
        top: share of a layer's units of one kind that counts as its top: in overlaps, for a language's own units, and
            for what is ablated.
        ablate: remove each language's top units and measure what every language loses.
        ablation: what takes a removed unit's place: its `mean` over the text of the selection half, or `zero`.
        draws: sets of random units that ablation is compared with.
        gate_steps: steps of training a language's gates.
        gate_sparsity: what an open gate costs, in nats for all gates of a kind; several are trained one by one, and a
            unit's keep probability is their mean.
        gate_rate: learning rate of the gates.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    methods: tuple[str, ...] = ("taylor", "fisher", "activation")
    top: float = 0.1
    ablate: bool = False
    ablation: Ablation = "mean"
    draws: int = 8
    gate_steps: int = 200
    gate_sparsity: tuple[float, ...] = (1.0,)
    gate_rate: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least({"draws": (self.draws, 2), "gate-steps": (self.gate_steps, 1)})
        for method in self.methods:
            require_choice("method", method, get_args(Method))
        require_choice("ablation", self.ablation, get_args(Ablation))
        if not self.methods or len(set(self.methods)) < len(self.methods):
            raise InputError("--method: name each method once, and at least one")
        if not 0 < self.top < 1:
            raise InputError(f"--top {self.top}: give a share between 0 and 1")
        if not self.gate_sparsity or any(not (math.isfinite(s) and s > 0) for s in self.gate_sparsity):
            raise InputError("--gate-sparsity: give numbers above 0")
        if not (math.isfinite(self.gate_rate) and self.gate_rate > 0):
            raise InputError(f"--gate-rate {self.gate_rate}: give a number above 0")
        if self.ablate and self.chunks < 4:
            raise InputError(f"--ablate: half of {self.chunks} --chunks is too little to judge by; give at least 4")
