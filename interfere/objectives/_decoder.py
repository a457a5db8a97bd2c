"""What an encoder-decoder is called with."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch

from interfere.errors import RunError
from interfere.objectives._types import IGNORE, Batch


def seq2seq_inputs(model: Any, batch: Batch) -> dict[str, torch.Tensor]:
    """The encoder's tokens, and the decoder's: the labels moved to the right, as the model's own code does it.

    Raises:
        RunError: the model does not say how.
    """
    return {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "decoder_input_ids": _moved_right(model, batch.labels),
    }


def _moved_right(model: Any, labels: torch.Tensor) -> torch.Tensor:
    """Each class has this as a method or, beside it in its module, as a function that its forward calls."""
    method = getattr(model, "prepare_decoder_input_ids_from_labels", None) or getattr(model, "_shift_right", None)
    if method is not None:
        return method(labels)  # type: ignore[no-any-return]
    function = getattr(sys.modules[type(model).__module__], "shift_tokens_right", None)
    if function is None:
        raise RunError(f"{type(model).__name__} does not say how its decoder's input follows from the labels")
    config = model.config
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    rest = [config.decoder_start_token_id] if len(inspect.signature(function).parameters) > 2 else []
    return function(labels.masked_fill(labels == IGNORE, pad), pad, *rest)  # type: ignore[no-any-return]
