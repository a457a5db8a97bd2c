"""Writing files so that a full disk gives one clear line and leaves nothing half written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interfere.errors import RunError


@contextmanager
def saving(folder: Path, unfinished: Path | None = None) -> Iterator[None]:
    """Turn what goes wrong with writing into a `RunError` that names the folder, and leave nothing half written.

    Args:
        folder: what is written to. Its files `*.tmp` are removed where writing fails; what was complete stays.
        unfinished: a file or folder that is whole only when the block is done; it is removed as well.

    Raises:
        RunError: the folder cannot be written to; the disk is full, for one.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        remove_leftovers(folder)
        if unfinished is not None and unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        elif unfinished is not None:
            unfinished.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        raise RunError(f"cannot write to {folder}: {reason}; free some space, or give another --output-dir") from error


def remove_leftovers(folder: Path) -> None:
    """Remove files of a folder that were being written when a process ended."""
    for path in folder.glob("*.tmp"):
        path.unlink(missing_ok=True)
