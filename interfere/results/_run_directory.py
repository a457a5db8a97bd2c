"""The folder of a run: `RUN.part` while it is written, `RUN` when it is complete."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from interfere.errors import InputError, RunError


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

    @classmethod
    def check(cls, directory: str | Path, *, resume: bool = False, overwrite: bool = False) -> RunDirectory:
        """See whether a run can be written there; nothing is touched before `open`.

        Raises:
            InputError: the run exists and `overwrite` is not set; an unfinished one exists and neither `resume` nor
                `overwrite` is; there is nothing to resume.
        """
        target = Path(directory)
        if target.name in ("", ".."):
            raise InputError(f"--output-dir {str(directory)!r} does not name a folder")
        part = target.with_name(target.name + ".part")
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

        Raises:
            RunError: the folder cannot be made.
        """
        try:
            if self.path.exists() and not self.resume:
                shutil.rmtree(self.path)
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to --output-dir {self.target}: {error.strerror}") from error
        return self

    @property
    def work(self) -> Path:
        """A folder in it for what only an unfinished run needs."""
        return self.path / "work"

    def worth_resuming(self) -> bool:
        """Whether an interrupted run has left anything that need not be computed again; if not, its folder goes."""
        if any(self.path.rglob("*.safetensors")):
            return True
        shutil.rmtree(self.path, ignore_errors=True)
        return False

    def finish(self) -> Path:
        """Drop what only an unfinished run needs, and give the folder its name.

        Returns:
            The complete run directory.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        if self.overwrite and self.target.exists():
            shutil.rmtree(self.target)
        self.path.rename(self.target)
        return self.target


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
