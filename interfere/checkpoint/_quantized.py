"""Checkpoints whose weights are stored in few bits: which are turned back into numbers, and which are refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from interfere.checkpoint._hub import printable
from interfere.checkpoint._patterns import is_tame
from interfere.errors import RunError

_DEQUANTIZED = {"fp8": "FineGrainedFP8Config", "mxfp8": "FineGrainedFP8Config", "mxfp4": "Mxfp4Config"}
"""Methods that transformers undoes in plain PyTorch, on any device, with its settings that say so."""

_MODULES = ("modules_to_not_convert", "modules_to_convert", "ignored_layers")
"""Settings that name modules by regular expressions."""

NUMBERS_PER_BYTE = {"fp8": 1, "mxfp8": 1, "mxfp4": 2}
"""Numbers that a byte of the weights can hold, by method."""


def quantization_method(config: Any) -> str | None:
    """The method by which a config says that weights were quantized; None where they are plain numbers."""
    found = _settings_of(config)
    if not found:
        return None
    method = found.get("quant_method")
    if method is None:
        method = "bitsandbytes" if found.get("load_in_8bit") or found.get("load_in_4bit") else "?"
    return str(method)


def dequantizing(config: Any, name: str) -> Any | None:
    """What has transformers load quantized weights as plain numbers.

    Gradients are then those of the model that such weights compute, at the numbers that are stored. Weights in few bits
    themselves have none, and layers that compute with them give none to others, or approximate ones.

    Args:
        config: the model's.
        name: folder or hub name, for messages.

    Returns:
        Settings for `from_pretrained`; None where the weights are plain.

    Raises:
        RunError: they are stored in a way that this cannot be done with here.
    """
    method = quantization_method(config)
    if method is None:
        return None
    shown = printable(method)
    if method not in _DEQUANTIZED:
        raise RunError(
            f"model {name!r} holds quantized weights ({shown}), which have no gradients; measure the checkpoint that "
            "they were made from, or dequantize them and save the model with plain weights first"
        )
    import transformers

    made = getattr(transformers, _DEQUANTIZED[method], None)
    if made is None:
        raise RunError(f"model {name!r} holds quantized weights ({shown}), which need a newer transformers")
    if importlib.util.find_spec("accelerate") is None:
        raise RunError(
            f"model {name!r} holds quantized weights ({shown}); to dequantize them: pip install 'interfere-nlp[fp8]'"
        )
    _check_patterns(config, name)
    return made(dequantize=True)


def _check_patterns(config: Any, name: str) -> None:
    """Refuse names of modules that are regular expressions which could take for ever to be matched."""
    settings = _settings_of(config)
    for key in _MODULES:
        found = settings.get(key) or []
        for pattern in found if isinstance(found, list) else [found]:
            if not isinstance(pattern, str) or not is_tame(pattern):
                raise RunError(
                    f"model {name!r}: a pattern in {key} of config.json is too intricate: "
                    f"{printable(str(pattern)[:80])!r}"
                )


def _settings_of(config: Any) -> Mapping[str, Any]:
    """What a config, or that of its text model, says of quantized weights; empty where nothing."""
    found = getattr(config, "quantization_config", None)
    if not found and hasattr(config, "get_text_config"):
        found = getattr(config.get_text_config(decoder=True), "quantization_config", None)
    if not found or isinstance(found, Mapping):
        return found or {}
    # Loading puts an object in the place of what was read.
    entries: Mapping[str, Any] = found.to_dict()
    return entries


def check_blocks(config: Any, files: Iterable[Path], name: str) -> None:
    """Refuse FP8 weights with blocks that are not full, at the edges of a matrix.

    The size of a block is told by config.json, and transformers takes it from the number of scales instead: 192 rows in
    blocks of 128 have two scales, and would be read as two blocks of 96, some rows with a scale that is not theirs.

    Args:
        config: the model's.
        files: those that hold the weights.
        name: folder or hub name, for the message.

    Raises:
        RunError: naming the tensor.
    """
    from safetensors import safe_open

    block = _settings_of(config).get("weight_block_size")
    if not isinstance(block, list | tuple) or len(block) != 2 or not all(isinstance(b, int) and b > 0 for b in block):
        return
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                shapes |= {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    for key, grid in shapes.items():
        shape = shapes.get(_weight_of(key) or "", ())
        if len(shape) < 2 or len(grid) < 2:
            continue
        for size, scales, each in zip(shape[-2:], grid[-2:], block, strict=True):
            if size % each and scales == -(-size // each) > 1:
                raise RunError(
                    f"model {name!r}: its FP8 blocks of {block[0]} by {block[1]} do not fill {printable(key)} "
                    f"({shape[-2]} by {shape[-1]}), which transformers reads wrongly; dequantize the model first"
                )


def _weight_of(key: str) -> str | None:
    """The tensor that a tensor of scales is for, None for any other tensor."""
    for suffix, other in (("_scale_inv", ""), (".scale", ".weight"), (".qscale_weight", ".weight")):
        if key.endswith(suffix):
            return key.removesuffix(suffix) + other
    return None
