"""The folder of a run: `RUN.part` while it is written, `RUN` when it is complete."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interfere.errors import InputError, RunError
from interfere.results._lock import FolderLock


@dataclass(frozen=True)
class RunDirectory:
    """A run that is being written.

    Args:
        target: what the folder is called when it is complete.
        path: where it is written until then.
        resume: whether an unfinished run is taken up.
        overwrite: whether a run of that name, complete or not, is replaced.
    """

    target: Path
    path: Path
    resume: bool = False
    overwrite: bool = False
    _locks: list[FolderLock] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def check(cls, directory: str | Path, *, resume: bool = False, overwrite: bool = False) -> RunDirectory:
        """See whether a run can be written there; nothing is touched before `open`.

        Raises:
            InputError: the run exists and `overwrite` is not set; an unfinished one exists and neither `resume` nor
                `overwrite` is; there is nothing to resume.
            RunError: another process is writing it.
        """
        target = Path(directory)
        if target.name in ("", ".."):
            raise InputError(f"--output-dir {str(directory)!r} does not name a folder")
        part = target.with_name(target.name + ".part")
        FolderLock.require_free(part)
        if resume and overwrite:
            raise InputError("--resume continues an unfinished run and --overwrite throws it away: give one of them")
        if target.exists() and not overwrite:
            done = "it is complete: nothing to resume" if resume else "--overwrite replaces it"
            raise InputError(f"--output-dir {target} exists already; {done}, or name another folder")
        if target.exists() and not (target / "results.json").is_file() and not _is_empty(target):
            raise InputError(f"--output-dir {target} exists and is not a run of interfere: it will not be overwritten")
        if resume and not part.is_dir():
            raise InputError(f"--resume: there is no unfinished run {part}")
        if part.exists() and not resume and not overwrite:
            raise InputError(
                f"{part} is an unfinished run: --resume continues it, --overwrite starts again, or name another "
                "--output-dir"
            )
        return cls(target, part, resume, overwrite)

    def open(self) -> RunDirectory:
        """Make the folder to write in, or take up the one that an interrupted run has left.

        Until `finish` it is locked, so that no two processes write to it.

        Raises:
            RunError: the folder cannot be made, or another process writes to it.
        """
        try:
            lock = FolderLock.take(self.path)
            self._locks.append(lock)
            if self.target.exists() and not self.overwrite:
                self.worth_resuming()
                raise RunError(f"--output-dir {self.target} has just been finished by another process")
            if not self.resume:
                _clear(self.path, lock.path)
            self.work.mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to --output-dir {self.target}: {error.strerror or error}") from error
        return self

    @property
    def work(self) -> Path:
        """A folder in it for what only an unfinished run needs."""
        return self.path / "work"

    def worth_resuming(self) -> bool:
        """Whether an interrupted run has left anything that need not be computed again; if not, its folder goes."""
        kept = any(self.path.rglob("*.safetensors"))
        # A folder that was never opened here may be another process's.
        if not kept and self._locks:
            shutil.rmtree(self.path, ignore_errors=True)
        self._release()
        return kept

    def _release(self) -> None:
        for lock in self._locks:
            lock.release()
        self._locks.clear()

    def finish(self) -> Path:
        """Drop what only an unfinished run needs, and give the folder its name.

        Returns:
            The complete run directory.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        if self.overwrite and self.target.exists():
            shutil.rmtree(self.target)
        self._release()
        self.path.rename(self.target)
        return self.target

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock, which only this process has."""
        return {**self.__dict__, "_locks": []}


def _clear(folder: Path, kept: Path) -> None:
    """Remove what is in a folder, but for one file."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != kept:
            path.unlink()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
