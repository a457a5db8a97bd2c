"""The files of a PEFT adapter: what is in them, looked at before any of it is used. They may come from anyone."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interfere.checkpoint._files import WEIGHTS, check_entries, check_safetensors
from interfere.checkpoint._hub import explain, first_line, printable, resolved_revision
from interfere.checkpoint._place import Place
from interfere.errors import InputError, RunError

CONFIG = "adapter_config.json"
STORED = ("adapter_model.safetensors", "adapter_model.bin")
"""The files that hold an adapter's weights; the first that is there is read."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class Adapter:
    """An adapter as it is stored.

    Args:
        id: as the user gave it, for messages and results.
        place: where its files are.
        folder: the folder that they are in, which is in the hub's cache where they come from there.
        config: what its adapter_config.json says.
        revision: the commit on the hub, None for a folder.
    """

    id: str
    place: Place
    folder: Path
    config: Mapping[str, Any]
    revision: str | None

    @property
    def method(self) -> str:
        """PEFT's name of its kind, as in LORA."""
        return printable(str(self.config.get("peft_type")))


def find_adapter(place: Place) -> Adapter | None:
    """The adapter that is at a place, None where something else is.

    A `config.json` beside its own is of the base model, which trainers save for convenience. Weights of a whole model
    beside it are another matter: then one of the two is a leftover, and which is not ours to say.

    Raises:
        RunError: it has weights of a whole model too, has none of its own, or its config is damaged.
    """
    if place.gguf is not None:
        return None
    folder = place.folder
    if folder is None:
        folder = _downloaded(place)
        if folder is None:
            return None
    elif not (folder / CONFIG).is_file():
        return None
    check_entries(folder, "adapter", place.id)
    names = {path.name for path in folder.iterdir()}
    if names & set(WEIGHTS):
        raise RunError(
            f"model {place.id!r} has an {CONFIG} beside weights of a whole model, and {CONFIG} names another model; "
            "take that file out if the adapter has been merged, or else the weights"
        )
    if not names & set(STORED):
        raise RunError(f"adapter {place.id!r} has no weights: neither {STORED[0]} nor {STORED[1]}")
    commit = resolved_revision(place.source, place.revision, place.inside(CONFIG))
    return Adapter(place.id, place, folder, _read_config(folder / CONFIG, place.id), commit)


def find_base(adapter: Adapter, given: str | None) -> tuple[str, str | None]:
    """The model that an adapter is for, and its revision.

    What an adapter names by itself is looked for on the hub alone. A path would have its maker choose what is read on
    this machine, and would seldom be right: it is one of the machine that the adapter was trained on.

    Args:
        adapter: the adapter.
        given: what the user says it is, None where nothing.

    Raises:
        InputError: only the user can say which is meant: the adapter names none, or a path.
    """
    named, revision = adapter.config.get("base_model_name_or_path"), adapter.config.get("revision")
    revision = revision if isinstance(revision, str) and re.fullmatch(r"[\w./-]{1,200}", revision) else None
    if given is not None:
        return given, revision if given == named and not Path(given).exists() else None
    if not isinstance(named, str) or not named.strip():
        raise InputError(f"adapter {adapter.id!r} does not name its base model; give it with --base-model")
    if not _HUB_NAME.fullmatch(named) or Path(named).exists():
        raise InputError(
            f"adapter {adapter.id!r} names a path as its base model, {printable(named[:200])!r}, and paths are not "
            "taken from an adapter; say with --base-model where the base is"
        )
    return named, revision


def read_adapter_weights(adapter: Adapter) -> dict[str, torch.Tensor]:
    """An adapter's tensors by their names in its file.

    Raises:
        RunError: the file is damaged, or holds anything but tensors.
    """
    file = next(adapter.folder / name for name in STORED if (adapter.folder / name).is_file())
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        check_safetensors(file)
        return load_file(file)
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        if "weights_only" in str(error) or "Weights only load failed" in str(error):
            raise RunError(
                f"adapter {adapter.id!r} has pickled weights that hold more than tensors, and those are not read; save "
                "it as safetensors"
            ) from None
        if isinstance(error, pickle.UnpicklingError | EOFError | KeyError | RuntimeError | OSError):
            raise RunError(f"{printable(str(file))} is damaged or cut short: {first_line(error)}") from None
        raise
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in found.items()
    ):
        raise RunError(f"{printable(str(file))} is damaged: it is no dictionary of tensors by their names")
    return found


def _downloaded(place: Place) -> Path | None:
    """The folder of an adapter on the hub, in the cache; None where there is none, whatever the reason."""
    from transformers.utils.hub import cached_file

    options: dict[str, Any] = {"revision": place.revision, "subfolder": place.subfolder}
    try:
        config = cached_file(place.source, CONFIG, **options, _raise_exceptions_for_missing_entries=False)
    except Exception:
        # That there is no such repository, or no way to it, is found again and explained with the model's config.
        return None
    if config is None:
        return None
    try:
        for name in STORED:
            if cached_file(place.source, name, **options, _raise_exceptions_for_missing_entries=False) is not None:
                break
    except Exception as error:
        raise explain(error, place.source, place.revision, "adapter") from None
    return Path(config).parent


def _read_config(file: Path, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        raise RunError(f"adapter {name!r} has an {CONFIG} that is not valid JSON") from None
    if not isinstance(document, dict):
        raise RunError(f"adapter {name!r} has an {CONFIG} that is no JSON object")
    return document
