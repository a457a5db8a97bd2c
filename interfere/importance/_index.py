"""All units of a model in one vector: where each stands, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from interfere.checkpoint import Family, Member, ModelUnits, linear_sizes

KINDS = ("head", "kv", "neuron", "block", "tensor")
"""Kinds of units, in the order in which they stand."""


@dataclass(frozen=True)
class Place:
    """Where the units of a family stand in the vector.

    Args:
        family: the units.
        start: of the first of them.
    """

    family: Family
    start: int

    @property
    def end(self) -> int:
        """After the last of them."""
        return self.start + self.family.count


@dataclass(frozen=True)
class UnitIndex:
    """The units of a model, family by family, then blocks, then tensors.

    Args:
        units: found in the model.
        sizes: module path → numbers of a linear layer's inputs and outputs, and whether it has a bias.
    """

    units: ModelUnits
    sizes: Mapping[str, tuple[int, int, bool]]

    @classmethod
    def of(cls, model: torch.nn.Module, units: ModelUnits) -> UnitIndex:
        """The index of a model's units."""
        sizes = {}
        for family in units.families:
            for member in family.members:
                module = model.get_submodule(member.module)
                sizes[member.module] = (*linear_sizes(module), getattr(module, "bias", None) is not None)
        return cls(units, sizes)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The families' places."""
        out, start = [], 0
        for family in self.units.families:
            out.append(Place(family, start))
            start += family.count
        return tuple(out)

    @cached_property
    def blocks(self) -> dict[tuple[str, str], int]:
        """(layer, block) → place."""
        start = self.places[-1].end if self.places else 0
        return {(block.layer, block.name): start + i for i, block in enumerate(self.units.blocks)}

    @cached_property
    def tensors(self) -> dict[str, int]:
        """Parameter name → place."""
        start = (self.places[-1].end if self.places else 0) + len(self.units.blocks)
        return {tensor.name: start + i for i, tensor in enumerate(self.units.tensors)}

    @cached_property
    def block_of_tensor(self) -> dict[str, int]:
        """Parameter name → place of the block that it is a part of."""
        return {tensor: self.blocks[block.layer, block.name] for block in self.units.blocks for tensor in block.tensors}

    def __len__(self) -> int:
        """How many units there are."""
        return sum(family.count for family in self.units.families) + len(self.units.blocks) + len(self.units.tensors)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a unit: layer, block, kind, unit (a number, or a tensor's name), parameters."""
        rows: list[tuple[str, str, str, str, int]] = []
        for family in self.units.families:
            counts = self._parameters(family)
            rows += [(family.layer, family.block, family.kind, str(i), int(n)) for i, n in enumerate(counts)]
        numbers = {tensor.name: tensor.parameters for tensor in self.units.tensors}
        blocks = {tensor: block.name for block in self.units.blocks for tensor in block.tensors}
        for block in self.units.blocks:
            rows.append((block.layer, block.name, "block", block.name, sum(numbers[name] for name in block.tensors)))
        for tensor in self.units.tensors:
            rows.append((tensor.layer, blocks.get(tensor.name, tensor.kind), "tensor", tensor.label, tensor.parameters))
        return pd.DataFrame(rows, columns=["layer", "block", "kind", "unit", "parameters"])

    def _parameters(self, family: Family) -> np.ndarray:
        out = np.zeros(family.count, dtype=np.int64)
        for member in family.members:
            inputs, outputs, bias = self.sizes[member.module]
            each = outputs if member.side == "in" else inputs + bias
            out += each * np.bincount(member.units[member.units >= 0], minlength=family.count)
        return out

    @cached_property
    def members(self) -> dict[str, list[tuple[Place, Member]]]:
        """Module path → the units that its weights belong to."""
        out: dict[str, list[tuple[Place, Member]]] = {}
        for place in self.places:
            for member in place.family.members:
                out.setdefault(member.module, []).append((place, member))
        return out

    @cached_property
    def sites(self) -> dict[str, list[Place]]:
        """Module path → the families whose units it reads."""
        out: dict[str, list[Place]] = {}
        for place in self.places:
            out.setdefault(place.family.site, []).append(place)
        return out
