"""A tiny model of a class, saved as a user's checkpoint would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.architectures._candidates import Candidate
from benchmarks.architectures._exceptions import CHANGES
from benchmarks.architectures._shrink import tiny_config
from benchmarks.architectures._tokenizer import make_tokenizer

_SENTINELS = ("T5", "Switch")
_TRANSLATE = ("Marian", "M2M100", "Nllb", "FSMT", "Seamless")
_SPREAD = 0.1


def translates(candidate: Candidate) -> bool:
    """Whether a class is for translation and nothing else: its tokenizer has neither sentinels nor a mask token."""
    return candidate.task == "seq2seq" and candidate.name.startswith(_TRANSLATE)


def save_tiny(candidate: Candidate, folder: Path, texts: Sequence[str]) -> Any:
    """Make a tiny random model of a class with its tokenizer, save both, and return the model.

    The weights are a few times larger than a real initialisation's, with which a model this small has gradients that
    are all but zero.
    """
    own = candidate.model_class
    config_class = own.config_class
    config = tiny_config(config_class, CHANGES.get(own.__name__, CHANGES.get(config_class.__name__, {})))
    if candidate.task == "causal LM":
        # Encoders have a causal class too, whose attention is causal where the config says so.
        for name in ("is_decoder", "causal"):
            if hasattr(config, name):
                setattr(config, name, True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = own(config).eval()
        with torch.no_grad():
            # Tables of sines that some models keep as parameters are made anew when they are loaded.
            for parameter in (each for each in model.parameters() if each.requires_grad):
                parameter.add_(torch.randn_like(parameter) * _SPREAD)
    model.save_pretrained(folder)
    sentinels = candidate.task == "seq2seq" and any(part in own.__name__ for part in _SENTINELS)
    mask = not sentinels and not translates(candidate)
    make_tokenizer(texts, sentinels=sentinels, mask=mask, begin=not sentinels).save_pretrained(folder)
    return model
