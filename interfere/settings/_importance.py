"""Settings of `analyze_importance`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from interfere.errors import InputError
from interfere.settings._checks import require_at_least, require_choice
from interfere.settings._reading import ReadingSettings

Method = Literal["taylor", "fisher", "activation", "gates"]
Ablation = Literal["mean", "zero"]


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
        for option in ("ablation", "draws"):
            if not self.ablate and getattr(self, option) != _default(option):
                raise InputError(f"--{option} is for --ablate alone: add that, or leave it out")
        for option in ("gate_steps", "gate_sparsity", "gate_rate"):
            if "gates" not in self.methods and getattr(self, option) != _default(option):
                raise InputError(f"--{option.replace('_', '-')} is for --method gates alone: add it, or leave this out")
        if self.ablate and self.chunks < 4:
            raise InputError(f"--ablate: half of {self.chunks} --chunks is too little to judge by; give at least 4")


def _default(option: str) -> object:
    return ImportanceSettings.__dataclass_fields__[option].default
