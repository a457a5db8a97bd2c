"""Where the files of a checkpoint are: a folder, a file of it, or a repository on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interfere.checkpoint._hub import printable
from interfere.errors import InputError, RunError

GGUF = ".gguf"


@dataclass(frozen=True)
class Place:
    """Where to read from.

    Args:
        id: what results call it: as the user gave it, with the subfolder.
        source: the folder that the files are in, or the name of a repository on the hub.
        revision: of a repository.
        subfolder: of a repository, "" for its root; a folder's is a part of `source`.
        gguf: the file that holds everything, within `source`; None where it is a checkpoint of many files.
        above: of a subfolder, the folder or repository that it is in.
    """

    id: str
    source: str
    revision: str | None = None
    subfolder: str = ""
    gguf: str | None = None
    above: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder; None for a repository."""
        path = Path(self.source)
        return path if path.is_dir() else None

    def inside(self, file: str) -> str:
        """The path of a file from the root of `source`."""
        return f"{self.subfolder}/{file}" if self.subfolder else file


def find_place(model: str, revision: str | None = None, subfolder: str | None = None) -> Place:
    """What a user means by a model.

    Args:
        model: a folder, a GGUF file, a name on the hub, or `OWNER/NAME/FILE.gguf` for a file there.
        revision: of a repository on the hub.
        subfolder: within the folder or the repository.

    Raises:
        InputError: the subfolder leads elsewhere.
        RunError: the model is a file of another kind, or the subfolder is not there.
    """
    path = Path(model)
    below = "" if subfolder is None else _below(subfolder)
    if path.is_file():
        if not model.lower().endswith(GGUF):
            raise RunError(
                f"model {model!r} is a file; give the folder that config.json and the weights are in, or a GGUF file"
            )
        if below:
            raise InputError(f"--subfolder {subfolder!r}: model {model!r} is a file and has no folders")
        return Place(model, str(path.parent), revision, gguf=path.name)
    if path.is_dir():
        if not below:
            return Place(model, model, revision)
        inside = path / below
        # A link would lead out of what the user named as one does that is an entry of the folder.
        if not inside.resolve().is_relative_to(path.resolve()):
            raise RunError(f"model {model!r}: --subfolder {printable(below)} is a link out of the folder")
        if not inside.is_dir():
            raise RunError(f"model {model!r} has no folder {printable(below)}; --subfolder names one within it")
        return Place(f"{model.rstrip('/')}/{below}", str(inside), revision, above=model)
    parts = model.split("/")
    if model.lower().endswith(GGUF) and len(parts) > 2 and all(part not in ("", ".", "..") for part in parts):
        return Place(model, "/".join(parts[:2]), revision, below, "/".join(parts[2:]))
    return Place(f"{model}/{below}" if below else model, model, revision, below, above=model if below else None)


def _below(subfolder: str) -> str:
    """A subfolder in its plain form.

    Raises:
        InputError: it is empty or absolute, or has a step back in it.
    """
    parts = subfolder.rstrip("/").split("/")
    if "\\" in subfolder or "\0" in subfolder or ":" in subfolder or any(part in ("", ".", "..") for part in parts):
        raise InputError(
            f"--subfolder {subfolder!r}: give the folder's path from the model's own, as in checkpoint-500 or "
            "weights/final, without a / in front and without .."
        )
    return "/".join(parts)
