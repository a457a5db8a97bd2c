"""The weights of a checkpoint: reading them, and checking that they are all there."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interfere.checkpoint._files import WEIGHTS, check_entries, check_weight_files, some
from interfere.checkpoint._fresh import is_pooler
from interfere.checkpoint._gguf import NUMBERS_PER_BYTE as GGUF_NUMBERS
from interfere.checkpoint._gguf import gguf_settings
from interfere.checkpoint._hub import cached_folder, explain, first_line
from interfere.checkpoint._objective_name import LABELLED, ObjectiveName
from interfere.checkpoint._parameters import map_parameters
from interfere.checkpoint._quantized import NUMBERS_PER_BYTE, check_blocks, dequantizing, quantization_method
from interfere.checkpoint._sizes import check_sizes
from interfere.errors import InputError, RunError

_log = logging.getLogger(__name__)


def read_weights(
    auto: Any,
    name: str,
    config: Any,
    *,
    revision: str | None,
    dtype: torch.dtype,
    trust_remote_code: bool,
    subfolder: str = "",
    gguf: str | None = None,
) -> tuple[Any, Mapping[str, Any]]:
    """Load a model and the report of what its files held.

    Args:
        auto: the auto class of transformers that gives the head.
        name: folder or hub name.
        config: its config.
        revision: of a hub model.
        dtype: of the weights in memory.
        trust_remote_code: whether code that comes with the model may run.
        subfolder: of a hub model, where its files are.
        gguf: the file in it that holds the weights, where they are in one.

    Raises:
        `RunError` where there are no weights, or they cannot be read, in a line that names the file.
    """
    from safetensors import SafetensorError

    storage = gguf_settings() if gguf is not None else dequantizing(config, name)
    files = _files_at_hand(name, config, subfolder, gguf)
    if files and not trust_remote_code:
        packed = GGUF_NUMBERS if gguf is not None else NUMBERS_PER_BYTE.get(quantization_method(config) or "", 1)
        check_sizes(auto, config, files, name, numbers_per_byte=packed)
    if storage is not None:
        check_blocks(config, files, name)
    try:
        loaded, report = auto.from_pretrained(
            name,
            config=config,
            revision=revision,
            subfolder=subfolder,
            **({} if gguf is None else {"gguf_file": gguf}),
            **({} if storage is None else {"quantization_config": storage}),
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            # The report lists shapes that do not fit; without this they would be a wall of text in an exception.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            # Pickled weights can run code; with this only tensors are unpickled.
            weights_only=True,
        )
        if storage is not None:
            # Now that they are downloaded. Some numbers come in the type of their scales, whatever was asked for.
            check_blocks(config, _files_at_hand(name, config, subfolder, gguf), name)
            loaded.to(dtype)
        return loaded, report
    except RunError:
        raise
    except torch.OutOfMemoryError:
        raise RunError(f"model {name!r} does not fit in memory; try --dtype bfloat16") from None
    except SafetensorError as error:
        raise RunError(f"the weights of model {name!r} are damaged or cut short: {first_line(error)}") from None
    except Exception as error:
        text = str(error)
        if "Weights only load failed" in text or "weights_only" in text:
            raise RunError(
                f"model {name!r} has pickled weights that hold more than tensors, and those are not read; "
                "save it as safetensors"
            ) from None
        if "Unrecognized configuration class" in text:
            raise RunError(
                f"model {name!r} is of type {getattr(config, 'model_type', '?')!r}, for which transformers has no "
                f"{auto.__name__.removeprefix('AutoModelFor')} head"
            ) from None
        if isinstance(error, pickle.UnpicklingError | EOFError | KeyError) or "PytorchStreamReader" in text:
            raise RunError(f"the weights of model {name!r} are damaged or cut short: {first_line(error)}") from None
        raise explain(error, name, revision) from None


def _files_at_hand(name: str, config: Any, subfolder: str, gguf: str | None) -> list[Path]:
    """The files that the weights will be read from, of a folder or in the hub's cache; none before the download."""
    folder = Path(name)
    if gguf is not None:
        return [folder / gguf] if folder.is_dir() else []
    if folder.is_dir():
        return check_weight_files(folder, name)
    cached = cached_folder(name, getattr(config, "_commit_hash", None), subfolder)
    if cached is None or not any((cached / each).is_file() for each in WEIGHTS):
        return []
    check_entries(cached, "model", name)
    files = check_weight_files(cached, name, complete=False)
    return files if all(path.is_file() for path in files) else []


def check_loaded(
    model: nn.Module, report: Mapping[str, Any], name: str, objective: ObjectiveName, *, train_head: bool = False
) -> tuple[str, ...]:
    """Refuse a model with weights that its files did not hold: transformers fills those with random numbers.

    Args:
        model: the model as loaded.
        report: transformers' loading report.
        name: folder or hub name, for the message.
        objective: what the head is for, for the message.
        train_head: whether the weights of a head may be missing, since it will be trained.

    Returns:
        The parameters of the head that the files did not hold, where it is to be trained.

    Raises:
        `RunError` naming the first of the weights that are missing or of another shape. `InputError` where the head is
        to be trained and none of it is missing.
    """
    mismatched = sorted(report.get("mismatched_keys") or ())
    if train_head and not report.get("missing_keys"):
        raise InputError(f"--head train: model {name!r} has a head for {objective} already; leave it out")
    if mismatched:
        key, stored, expected = mismatched[0]
        more = f" and {len(mismatched) - 1} more" if len(mismatched) > 1 else ""
        raise RunError(
            f"model {name!r}: {key} has shape {tuple(stored)} in the weights and {tuple(expected)} by config.json{more}"
        )
    missing = set(report.get("missing_keys") or ())
    fresh: tuple[str, ...] = ()
    if missing:
        parameters = map_parameters(model)
        layers = {each: info.layer for own, info in parameters.items() for each in (own, *info.tied)}
        # Buffers are in the report as well; those that a model computes for itself are not.
        heads = {key for key in missing if layers.get(key) == "head" or (objective in LABELLED and is_pooler(key))}
        body = _in_order(model, missing - heads)
        if body:
            raise RunError(f"model {name!r} lacks {len(missing)} of its weights: {some(body)}")
        if not train_head:
            kind = "head" if objective in LABELLED else "language-model head"
            raise RunError(
                f"model {name!r} has no {kind} for {objective}: its weights lack {some(sorted(missing))}; "
                "give a checkpoint that was saved with its head, or --head train to have one trained here"
            )
        fresh = tuple(own for own, info in parameters.items() if heads & {own, *info.tied})
    unused = sorted(report.get("unexpected_keys") or ())
    beyond = _layers_beyond(model, unused)
    if beyond:
        raise RunError(
            f"model {name!r}: its weights have layers that the model has not by config.json: {some(beyond)}; one of "
            "the two is not this model's"
        )
    if unused:
        _log.warning("model %r: %d weights in its files are not used: %s", name, len(unused), some(unused))
    return fresh


def check_finite(model: nn.Module, name: str) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        `RunError` naming the first tensors.
    """
    bad = [key for key, value in model.named_parameters() if not bool(torch.isfinite(value.detach()).all())]
    if bad:
        raise RunError(f"model {name!r} has NaN or infinite weights in {some(bad)}")


def hash_weights(model: nn.Module, without: Iterable[str] = ()) -> str:
    """SHA-256 of a model's parameters: their names, types, shapes and bytes, in the order of their names.

    It depends on the type that they were loaded in, and on nothing else about how they were stored.

    Args:
        model: the model.
        without: names of parameters that do not count.
    """
    digest = sha256()
    left_out = set(without)
    for name, parameter in sorted(model.named_parameters()):
        if name in left_out:
            continue
        value = parameter.detach().to("cpu").contiguous()
        digest.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _layers_beyond(model: nn.Module, unused: list[str]) -> list[str]:
    """Of weights that are not used those that are called as the model's own, but for the number of the layer."""
    own = {_without_numbers(key) for key in model.state_dict()}
    numbered = any("#" in key for key in own)
    called = [key for key in unused if "#" in _without_numbers(key)]
    return called if called and not numbered else [key for key in called if _without_numbers(key) in own]


def _without_numbers(key: str) -> str:
    return ".".join("#" if part.isdecimal() else part for part in key.split("."))


def _in_order(model: nn.Module, keys: Iterable[str]) -> list[str]:
    order = {key: position for position, key in enumerate(model.state_dict())}
    return sorted(keys, key=lambda key: (order.get(key, len(order)), key))
