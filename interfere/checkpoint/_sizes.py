"""Whether a config describes a model of the size that its weights have, before memory is taken for it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint._files import stored_tensors
from interfere.checkpoint._hub import first_line, printable
from interfere.errors import RunError

_ALWAYS_FINE = 1000
"""Layers that are built in a second or two, whatever the files hold."""
_SLACK = 1 << 26
"""Numbers beyond those stored that a model may have: buffers, and what small models compute."""
_MOST_LABELS = 1_000_000
_DEEPEST = 8
_AT_LEAST_ONE = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size", "vocab_size")


def check_config(document: Any, name: str, *, trust_remote_code: bool) -> None:
    """Refuse a config that has code fetched from the hub, or a list of labels made that fills the memory.

    Args:
        document: what config.json holds, before anything is made of it.
        name: folder or hub name, for the message.
        trust_remote_code: whether code that the checkpoint names may run.

    Raises:
        RunError: naming the entry.
    """
    if not isinstance(document, Mapping):
        raise RunError(f"model {name!r} has a config.json that is no JSON object")
    for key, value in _entries(document):
        # A name with a slash is a repository of kernels, which transformers downloads and runs.
        if key.endswith("_implementation") and "/" in str(value) and not trust_remote_code:
            raise RunError(
                f"model {name!r}: config.json has code of the hub run as {printable(key)}; take the entry out, or give "
                "--trust-remote-code if you trust it"
            )
        if key == "num_labels" and isinstance(value, int) and value > _MOST_LABELS:
            raise RunError(f"model {name!r}: config.json says num_labels = {value:,}, more than {_MOST_LABELS:,}")


def check_sizes(auto: Any, config: Any, files: list[Path], name: str, *, numbers_per_byte: int = 1) -> None:
    """Refuse a config that would have layers built, or memory taken, for what the weights do not hold.

    The model is built without memory for its tensors, and its numbers are compared with the bytes of the weights: at
    least one byte is stored for every number that is not packed. So no more memory is taken than a few times the size
    of the files.

    Args:
        auto: the auto class of transformers that gives the head.
        config: the config.
        files: the files that hold the weights.
        name: folder or hub name, for the message.
        numbers_per_byte: how many a byte can hold, where weights are packed.

    Raises:
        RunError: the two do not fit each other.
    """
    _check_positive(config, name)
    stored = sum(path.stat().st_size for path in files)
    tensors = stored_tensors(files)
    most = max(_ALWAYS_FINE, stored if tensors is None else tensors)
    for key, value in _entries(config.to_dict()):
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if ("layer" in key or "block" in key or "expert" in key) and value > max(most, stored):
            raise _too_large(name, key, value, stored)
        # Each layer has tensors of its own; experts may share one.
        if ("num" in key or key.startswith("n_")) and "layer" in key and value > most:
            raise _too_large(name, key, value, stored)
        if key in ("encoder_layers", "decoder_layers") and value > most:
            raise _too_large(name, key, value, stored)
    numbers = _described_numbers(auto, config, name)
    if numbers is not None and numbers > stored * numbers_per_byte + _SLACK:
        raise RunError(
            f"model {name!r}: by config.json it has {numbers:,} parameters, and its weights take {stored:,} bytes; one "
            "of the two is not this model's"
        )


def _check_positive(config: Any, name: str) -> None:
    for key in _AT_LEAST_ONE:
        value = getattr(config, key, None)
        if isinstance(value, int) and value < 1:
            raise RunError(f"model {name!r}: config.json says {key} = {value}, which must be at least 1")


def _entries(document: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        yield str(key), value
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _entries(value, depth + 1)


def _too_large(name: str, key: str, value: int, stored: int) -> RunError:
    return RunError(
        f"model {name!r}: config.json says {printable(key)} = {value:,}, and its weights take only {stored:,} bytes"
    )


def _described_numbers(auto: Any, config: Any, name: str) -> int | None:
    """Parameters and buffers of the model that a config describes; None where it cannot be built."""
    try:
        with torch.device("meta"):
            # Building a model writes into its config.
            model = auto.from_config(copy.deepcopy(config))
    except KeyError as error:
        raise RunError(
            f"model {name!r}: config.json names {first_line(error)}, which transformers does not know"
        ) from None
    except Exception:
        # Loading will fail in the same way, and its error is explained there.
        return None
    return int(sum(each.numel() for each in (*model.parameters(), *model.buffers())))
