"""The modules that a model names as its embeddings."""

from __future__ import annotations

from typing import Any, Literal


def embedding_module(model: Any, which: Literal["input", "output"]) -> Any:
    """What embeds the input tokens, or gives the logits; None where the model does not say.

    Models without one have no such method, or raise in it, each in a way of its own.
    """
    getter = getattr(model, f"get_{which}_embeddings", None)
    try:
        return getter() if callable(getter) else None
    except (AttributeError, NotImplementedError):
        return None
