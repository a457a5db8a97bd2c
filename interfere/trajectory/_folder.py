"""The run directory of a trajectory: what all of its checkpoints have in common, and the finished run of each.

- `OUT/trajectory.json`: settings and text, tokenizer, and which checkpoint is where;
- `OUT/checkpoints/NAME/`: an ordinary run of gradients, without figures;
- `OUT/checkpoints/NAME.part/`: one that was interrupted;
- `OUT/results.json` and the other files of a run directory: all of them together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from interfere.checkpoint import resolved_revision
from interfere.engine import write_json
from interfere.errors import InputError, RunError
from interfere.results import LOCK, FolderLock, RunDirectory
from interfere.trajectory._points import TrainingPoint

_PLAN = "trajectory.json"
_WEIGHTS = ("*.safetensors", "*.bin", "*.json", "optimizer.pt")
_PLAIN = re.compile(r"[^\w.-]")


@dataclass
class Kept:
    """What a run directory knows of one checkpoint.

    Args:
        point: where it is, and its step.
        stamp: of its files when its weights were last looked at; None where they cannot be told from others without
            being read.
        weights_sha256: of the weights that were measured, or begun to be.
        second_moments: where those of the `adam` metric came from, in words; "" without that metric.
    """

    point: TrainingPoint
    stamp: list[Any] | None = None
    weights_sha256: str = ""
    second_moments: str = ""


@dataclass
class TrajectoryFolder:
    """A run directory of a trajectory.

    Args:
        path: the folder.
        plan: what all checkpoints have in common.
        kept: name → what is known of a checkpoint that was begun or finished there.
    """

    path: Path
    plan: dict[str, Any]
    kept: dict[str, Kept] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, plan: Mapping[str, Any], locks: ExitStack) -> TrajectoryFolder:
        """Begin a run directory, or go on with one.

        Args:
            path: the folder; made if it is not there.
            plan: what all checkpoints have in common; JSON.
            locks: holds the right to write there.

        Raises:
            InputError: the folder is something else, or of other settings or text.
            RunError: it cannot be made, or another process writes to it.
        """
        wanted = json.loads(json.dumps(dict(plan)))
        file = path / _PLAN
        # A process that was killed in its first moments leaves no more than this.
        begun = {"checkpoints", f"{_PLAN}.tmp", LOCK}
        if path.exists() and not file.is_file() and _holds_more_than(path, begun):
            raise InputError(
                f"--output-dir {path} exists and is not the run directory of a trajectory; name another folder"
            )
        try:
            locks.callback(FolderLock.take(path).release)
            if not file.is_file():
                (path / "checkpoints").mkdir(exist_ok=True)
                folder = cls(path, {**wanted, "tokenizer": None})
                folder.save()
                return folder
        except OSError as error:
            raise RunError(f"cannot write to --output-dir {path}: {error.strerror}") from error
        folder = cls._read(path, file)
        changed = [key for key in wanted if folder.plan.get(key) != wanted[key]]
        if changed:
            parts = [part for key in changed for part in _difference(key, folder.plan.get(key), wanted[key])]
            raise InputError(
                f"--output-dir {path} is a trajectory with other {'; '.join(parts)}; give what it was started with, or "
                "another --output-dir"
            )
        return folder

    @classmethod
    def _read(cls, path: Path, file: Path) -> TrajectoryFolder:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            kept = {
                name: Kept(**{**entry, "point": TrainingPoint(**entry["point"])})
                for name, entry in document["checkpoints"].items()
            }
            return cls(path, dict(document["plan"]), kept)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            kind = type(error).__name__
            raise InputError(f"{file}: damaged or not written by interfere ({kind}: {error})") from error

    def save(self) -> None:
        """Write what is known."""
        checkpoints = {name: asdict(kept) for name, kept in self.kept.items()}
        write_json(self.path / _PLAN, {"plan": self.plan, "checkpoints": checkpoints})

    def run_of(self, name: str) -> Path:
        """Where the finished run of a checkpoint is, or will be."""
        return self.path / "checkpoints" / folder_name(name)

    def finished(self, name: str) -> bool:
        """Whether the run of a checkpoint is complete."""
        return (self.run_of(name) / "results.json").is_file()

    def begun(self, name: str) -> bool:
        """Whether the run of a checkpoint was interrupted."""
        return self._part_of(name).is_dir()

    def _part_of(self, name: str) -> Path:
        target = self.run_of(name)
        return target.with_name(target.name + ".part")

    def begin(self, name: str, *, again: bool) -> RunDirectory:
        """The run directory of a checkpoint, opened for writing; one that was interrupted is taken up.

        Args:
            name: of the checkpoint.
            again: whether a finished run, or what is left of one, is replaced.
        """
        resume = self.begun(name) and not again
        return RunDirectory.check(self.run_of(name), resume=resume, overwrite=again).open()


def folder_name(name: str) -> str:
    """A checkpoint's name as that of a folder: a revision may hold slashes, and a name of dots would lead elsewhere."""
    plain = _PLAIN.sub("_", name)[:80]
    safe = plain == name and not name.startswith(".") and not name.endswith(".part")
    return name if safe else f"{plain.strip('.')}-{sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _holds_more_than(path: Path, names: Collection[str]) -> bool:
    return not path.is_dir() or any(each.name not in names for each in path.iterdir())


def file_stamp(point: TrainingPoint) -> list[Any] | None:
    """Names, sizes and times of a checkpoint's files, which tell without reading them that they are the same.

    For a model on the hub, the commit that lies in the cache; None where nothing is there yet.
    """
    folder = Path(point.model)
    if folder.is_dir():
        files = {file.name: file.stat() for pattern in _WEIGHTS for file in folder.glob(pattern)}
        return [[name, facts.st_size, facts.st_mtime_ns] for name, facts in sorted(files.items())]
    commit = resolved_revision(point.model, point.revision)
    return None if commit is None else [point.model, commit]


def _difference(key: str, before: Any, now: Any) -> list[str]:
    """What differs, in words."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
        if key == "data":
            return [f"text ({', '.join(names)})"]
        return [f"{key} ({', '.join(f'{n}: {before.get(n)!r}, now {now.get(n)!r}' for n in names)})"]
    return [f"{key} ({before!r}, now {now!r})"]
