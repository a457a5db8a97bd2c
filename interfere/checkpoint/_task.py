"""Which task a checkpoint's head for labels is for, told before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from interfere.checkpoint._hub import cache_alone_without_network
from interfere.checkpoint._objective_name import LABELLED, resolve_objective
from interfere.checkpoint._quiet import quiet
from interfere.errors import RunError
from interfere.settings import Task


def expected_task(
    model: str | Path, objective: str = "auto", *, revision: str | None = None, subfolder: str | None = None
) -> Task | None:
    """What the text that a checkpoint will read has to be labelled for.

    It looks at config.json alone, and leaves it to `load_checkpoint` to say what is wrong with that.

    Args:
        model: a folder, or the name of a model on the hub.
        objective: as for `load_checkpoint`.
        revision: of a hub model.
        subfolder: within the folder or the repository.

    Returns:
        The task; None where the objective is another one, or cannot be told from config.json.
    """
    if objective != "auto":
        return next((task for task in LABELLED if task == objective), None)
    try:
        document = json.loads(_config_file(str(model), revision, subfolder).read_text(encoding="utf-8"))
        names = [str(name) for name in document["architectures"]]
        config: Any = SimpleNamespace(architectures=names, is_encoder_decoder=False, model_type=None)
        own = resolve_objective(config)
    except (OSError, ValueError, LookupError, TypeError, RecursionError, RunError):
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
