"""A model that is spread over processes: each holds a part of every weight, and sketches its part of every gradient."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch

from interfere.checkpoint import layers_of
from interfere.objectives import Batch, LossSums, Objective, SameExamples
from interfere.ranks import Ranks, own_gpu


def shard_model(model: Any) -> None:
    """Spread a model over the processes of the default group, layer by layer (FSDP2, `fully_shard`).

    Each process keeps its part of every weight, on its GPU where it has one, and gathers a layer's weights while the
    layer runs. The model stays spread.

    Args:
        model: with all of its weights, the same in every process.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    device = torch.device(own_gpu() or next(model.parameters()).device)
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for layer in layers_of(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    # Every process reads its part of a microbatch, whose gradients are summed and not averaged.
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


def local_part(tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
    """What this process holds of a tensor, and where in the whole it starts; all of it, if it is not spread."""
    from torch.distributed.tensor import DTensor
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    if not isinstance(tensor, DTensor):
        return tensor, 0
    _, offset = compute_local_shape_and_global_offset(tensor.shape, tensor.device_mesh, tensor.placements)
    return tensor.to_local(), offset[0] * math.prod(tensor.shape[1:]) if offset else 0


@dataclasses.dataclass(frozen=True)
class SharedBatches(SameExamples):
    """An objective of which each process computes the rows that are its own; the sum over processes is the whole.

    All must run the model equally often. Where there are fewer rows than processes, some read a row whose loss counts
    nothing.

    Args:
        plain: the objective.
        ranks: the processes.
    """

    plain: Objective
    ranks: Ranks

    def loss(self, model: Any, batch: Batch) -> LossSums:
        """The loss of this process's rows; `per_document` has all rows, those of others 0."""
        rows = list(range(self.ranks.rank, len(batch.examples), self.ranks.count))
        own = rows or [0]
        part = dataclasses.replace(
            batch,
            examples=tuple(batch.examples[i] for i in own),
            input_ids=batch.input_ids[own],
            attention_mask=batch.attention_mask[own],
            labels=batch.labels[own],
        )
        sums = self.plain.loss(model, part)
        per_document = torch.zeros(len(batch.examples), dtype=sums.per_document.dtype, device=sums.per_document.device)
        if not rows:
            return LossSums(sums.total * 0.0, 0, per_document)
        # What is not finite shows in the gradients, which all processes see; one alone must not stop.
        per_document[rows] = torch.nan_to_num(sums.per_document)
        return LossSums(sums.total, sums.predictions, per_document)
