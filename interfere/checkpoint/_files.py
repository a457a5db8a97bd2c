"""What lies in a checkpoint's folder, looked at before anything of it is read: it may come from anyone."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from interfere.checkpoint._gguf import count_tensors
from interfere.checkpoint._hub import first_line, printable
from interfere.checkpoint._place import GGUF
from interfere.errors import RunError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""The files that hold a model's weights, or say which files do; the first that is there is read."""

_SHOWN = 3
_LFS = b"version https://git-lfs"


def some(names: list[str]) -> str:
    """A few names of a list, as a message may show them."""
    shown = ", ".join(printable(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def check_entries(folder: Path, what: str, name: str) -> None:
    """Refuse a folder with an entry that is no ordinary file or folder, or that is a link to somewhere else.

    A pipe would be waited for without end. A link that leads out of the folder makes a checkpoint read what its maker
    chose on this machine. The hub's cache is made of links to the files beside its snapshots, and those are its own.

    Args:
        folder: of a model or a tokenizer.
        what: which of the two it is, for the message.
        name: the folder as the user gave it.

    Raises:
        RunError: one line that names the entry.
    """
    inside = folder.resolve()
    # A subfolder of a repository is below its snapshot.
    snapshots = [each for each in (inside, *inside.parents) if each.parent.name == "snapshots"]
    own = [inside, *(each.parent.parent / "blobs" for each in snapshots)]
    for path in sorted(folder.iterdir()):
        shown = printable(path.name)
        if path.is_symlink():
            target = path.resolve()
            if not any(target.is_relative_to(root) for root in own):
                raise RunError(
                    f"{what} {name!r}: {shown} is a link out of the folder, to {printable(str(target))}; if you made "
                    "it, copy the file there instead"
                )
            if not target.exists():
                raise RunError(f"{what} {name!r}: {shown} is a link to {printable(str(target))}, which is not there")
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise RunError(f"{what} {name!r}: {shown} is neither a file nor a folder, but a pipe, socket or device")


def check_weight_files(folder: Path, name: str, *, complete: bool = True) -> list[Path]:
    """Find what is wrong with the weights of a folder, where the loader would not say which file it is.

    Args:
        folder: the model's.
        name: the model as the user gave it, for messages.
        complete: whether all that the index names must be there; in the hub's cache it need not be yet.

    Returns:
        The files that hold the weights.

    Raises:
        RunError: there are none, one is damaged, or the index names files that are missing or elsewhere.
    """
    files = {path.name for path in folder.iterdir() if path.is_file()}
    if not files & set(WEIGHTS):
        other = sorted(each for each in files if each.endswith((".safetensors", ".bin", ".gguf", ".msgpack", ".h5")))
        found = f" (it has {some(other)})" if other else ""
        raise RunError(
            f"model {name!r} has no weights: neither {WEIGHTS[0]} nor {WEIGHTS[2]}, whole or in shards{found}"
        )
    for path in sorted(folder.glob("*.safetensors")):
        check_safetensors(path)
    first = folder / next(each for each in WEIGHTS if each in files)
    return _shards(first, complete=complete) if first.suffix == ".json" else [first]


def stored_tensors(paths: Iterable[Path]) -> int | None:
    """How many tensors safetensors or GGUF files hold; None where a file is of another kind."""
    from safetensors import safe_open

    count = 0
    for path in paths:
        if path.suffix.lower() == GGUF:
            count += count_tensors(path) or 0
            continue
        if path.suffix != ".safetensors":
            return None
        with safe_open(path, framework="pt") as file:
            count += len(list(file.keys()))
    return count


def check_safetensors(path: Path) -> None:
    """Refuse a file that is no safetensors, or only a part of one.

    Raises:
        RunError: naming the file.
    """
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise RunError(f"{printable(str(path))} is a pointer of Git LFS, not the weights; run `git lfs pull` there")
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise RunError(f"{printable(str(path))} is damaged or cut short: {first_line(error)}") from None


def _shards(index: Path, *, complete: bool) -> list[Path]:
    """The files that an index of shards names, all of which lie beside it."""
    shown = printable(str(index))
    try:
        document: Any = json.loads(index.read_text(encoding="utf-8"))
        names = set(document["weight_map"].values())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RunError(f"{shown} is damaged: it is no JSON object with a weight_map of tensors to files") from None
    if not names:
        raise RunError(f"{shown} names no file of weights")
    if not isinstance(document.get("metadata"), dict):
        raise RunError(f'{shown} is damaged: it has no "metadata"')
    for each in sorted(names, key=str):
        if not isinstance(each, str) or Path(each).name != each or "\\" in each or "\0" in each:
            raise RunError(f"{shown} names {printable(repr(each))}, which is no file beside it; nothing else is read")
        if complete and not (index.parent / each).is_file():
            raise RunError(f"{shown} names {printable(each)}, which is missing; download the whole checkpoint")
    return [index.parent / each for each in sorted(names)]
