"""Making sure that a resumed run is the run that was interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from interfere.corpus import Corpus, language_sha256
from interfere.engine import write_json
from interfere.errors import InputError


def claim(
    model: Mapping[str, Any], corpus: Corpus, plan: Mapping[str, Any], batch_size: int | str, folder: Path
) -> int | None:
    """Make sure that what `folder` holds, if anything, is of this very run.

    Args:
        model: what it is, as `model_facts` gives it.
        corpus: the text.
        plan: what else results depend on, such as `settings`; JSON.
        batch_size: what was asked for.
        folder: where finished chunks are kept.

    Returns:
        The batch size to use: that of the first sitting, so that a resumed run rounds as an uninterrupted one does.

    Raises:
        InputError: the folder is of another run.
    """
    whole = {
        "interfere": version("interfere-nlp"),
        "torch": torch.__version__,
        "model": dict(model),
        "data": {language: language_sha256(corpus, language) for language in corpus.languages},
        **plan,
    }
    whole = json.loads(json.dumps(whole))
    file = folder / "plan.json"
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        batch_size = before.pop("batch_size")
        changed = sorted(_differences(before, whole))
        if changed:
            raise InputError(
                f"--resume: the unfinished run is of another {', '.join(changed)}; give what it was started with, or "
                "start a new run in another --output-dir"
            )
    else:
        write_json(file, {**whole, "batch_size": batch_size})
    return None if batch_size == "auto" else int(batch_size)


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Dotted names of what differs between two JSON documents."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [
            found
            for key in keys
            for found in _differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [name]
