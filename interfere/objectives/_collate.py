"""From examples to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import torch

from interfere.objectives._types import IGNORE, Batch, Example


def collate(examples: Sequence[Example], pad_id: int, device: torch.device | str = "cpu") -> Batch:
    """Put examples into a batch, padded on the right whatever the tokenizer would do.

    On the left the last padding position would be asked to predict the first token, and that one term can own the
    gradient; models that count positions from the left edge would see other positions than for the document alone.

    Args:
        examples: at least one.
        pad_id: the objective's `pad_id`.
        device: where the tensors go.

    Returns:
        A batch with one row an example, in their order.
    """
    return Batch(
        examples=tuple(examples),
        input_ids=_pad([example.input_ids for example in examples], pad_id, device),
        attention_mask=_pad([tuple(repeat(1, len(example.input_ids))) for example in examples], 0, device),
        labels=_pad([example.labels for example in examples], IGNORE, device),
    )


def _pad(rows: Sequence[tuple[int, ...]], value: int, device: torch.device | str) -> torch.Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *repeat(value, width - len(row))] for row in rows], dtype=torch.long, device=device)
