"""Making sure that a resumed run is the run that was interrupted."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from interfere.corpus import language_sha256
from interfere.engine import write_json
from interfere.errors import InputError
from interfere.gradients._run import Run


def claim(run: Run, folder: Path) -> int | None:
    """Make sure that what `folder` holds, if anything, is of this very run.

    Returns:
        The batch size to use: that of the first sitting, so that a resumed run rounds as an uninterrupted one does.
    """
    settings = run.recorded_settings()
    batch_size = settings.pop("batch_size")
    plan = {
        "interfere": version("interfere-nlp"),
        "torch": torch.__version__,
        "model": run.recorded_model(),
        "settings": settings,
        "data": {language: language_sha256(run.corpus, language) for language in run.corpus.languages},
        "adam_state": _file_facts(run.settings.adam_state),
        "groups": [group.name for group in run.groups],
    }
    plan = json.loads(json.dumps(plan))
    file = folder / "plan.json"
    if file.exists():
        before = json.loads(file.read_text(encoding="utf-8"))
        batch_size = before.pop("batch_size")
        changed = sorted(_differences(before, plan))
        if changed:
            raise InputError(
                f"--resume: the unfinished run is of another {', '.join(changed)}; give what it was started with, or "
                "start a new run in another --output-dir"
            )
    else:
        write_json(file, {**plan, "batch_size": batch_size})
    return None if batch_size == "auto" else batch_size


def _file_facts(path: str | Path | None) -> list[float] | None:
    if path is None or not Path(path).exists():
        return None
    facts = Path(path).stat()
    return [facts.st_size, facts.st_mtime]


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
