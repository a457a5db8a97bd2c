"""Settings of `analyze_gradients`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.settings._checks import require_at_least, require_choice
from interfere.settings._reading import ReadingSettings

Scope = Literal["body", "all", "adapters"]
Granularity = Literal["layer", "module", "tensor", "expert"]
Gram = Literal["auto", "exact", "sketch"]
Metric = Literal["euclidean", "adam", "per-tensor"]


@dataclass(frozen=True)
class GradientSettings(ReadingSettings):
    """Settings of `analyze_gradients`, with those of `ReadingSettings`; each has an option of the same name.

    Args:
        gradient_checkpointing: keep only the inputs of layers and compute the rest twice: less memory, about a third
            more time, the same results.
        shard: spread the model over the processes that torchrun has started, for one that does not fit a device; the
            loss then takes the plain path, gradients are sketched, and the metric is `euclidean`.
        scope: `body`, the transformer without embeddings and head, `all`, or `adapters`, the parameters that adapters
            have added to it.
        granularity: groups reported beside the body: each `layer`, each `module` kind of a layer, each `tensor`, or
            each `expert` of a mixture of experts, with `module` for what is in none.
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
