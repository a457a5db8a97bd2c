"""Which task a checkpoint's head for labels is for, told before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from interfere.checkpoint._adapter_files import find_adapter, find_base
from interfere.checkpoint._hub import cache_alone_without_network
from interfere.checkpoint._objective_name import LABELLED, resolve_objective
from interfere.checkpoint._place import find_place
from interfere.checkpoint._quiet import quiet
from interfere.errors import InterfereError
from interfere.settings import Task


def expected_task(
    model: str | Path,
    objective: str = "auto",
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    base_model: str | Path | None = None,
) -> Task | None:
    """What the text that a checkpoint will read has to be labelled for.

    It looks at config.json alone, of an adapter at that of its base model, and leaves it to `load_checkpoint` to say
    what is wrong with that.

    Args:
        model: a folder, or the name of a model on the hub.
        objective: as for `load_checkpoint`.
        revision: of a hub model.
        subfolder: within the folder or the repository.
        base_model: of an adapter, as for `load_checkpoint`.

    Returns:
        The task; None where the objective is another one, or cannot be told from config.json.
    """
    if objective != "auto":
        return next((task for task in LABELLED if task == objective), None)
    try:
        with quiet(), cache_alone_without_network(str(model)):
            adapter = find_adapter(find_place(str(model), revision, subfolder))
        if adapter is not None:
            model, revision = find_base(adapter, None if base_model is None else str(base_model))
            subfolder = None
        document = json.loads(_config_file(str(model), revision, subfolder).read_text(encoding="utf-8"))
        names = [str(name) for name in document["architectures"]]
        config: Any = SimpleNamespace(architectures=names, is_encoder_decoder=False, model_type=None)
        own = resolve_objective(config)
    except (OSError, ValueError, LookupError, TypeError, RecursionError, InterfereError):
        return None
    return next((task for task in LABELLED if task == own), None)


def _config_file(model: str, revision: str | None, subfolder: str | None) -> Path:
    from huggingface_hub import errors, hf_hub_download

    folder = Path(model)
    if folder.exists():
        return folder / (subfolder or "") / "config.json"
    try:
        with quiet(), cache_alone_without_network(model):
            return Path(hf_hub_download(model, "config.json", revision=revision, subfolder=subfolder))
    except (errors.HfHubHTTPError, errors.HFValidationError) as error:
        raise OSError(str(error)) from error
