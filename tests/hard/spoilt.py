"""Copies of checkpoints and adapters that are spoilt, and how they are refused."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interfere.checkpoint import load_checkpoint
from interfere.errors import InterfereError
from tests.hard.refusals import harmless

LONGEST_SECONDS = 10.0
Spoil = Callable[[Path], object]


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def copy_to_spoil(whole: Path, folder: Path) -> Path:
    """A copy to spoil; another whole one lies beside it, as `outside`."""
    shutil.copytree(whole, folder.parent / "outside")
    return Path(shutil.copytree(whole, folder))


def refusal(folder: Path, **options: Any) -> str:
    """The one line with which a checkpoint or an adapter is refused, soon."""
    began = time.monotonic()
    with pytest.raises(InterfereError) as caught:
        load_checkpoint(folder, **options)
    assert time.monotonic() - began < LONGEST_SECONDS
    message = str(caught.value)
    assert harmless(message), ascii(message)
    assert len(message) < 600
    return message


def set_config(folder: Path, name: str = "config.json", /, **entries: Any) -> None:
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def link(folder: Path, name: str, target: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)
