"""A folder that one process writes to at a time.

The lock is the operating system's, on a file in the folder: it goes when the process ends, however it ends, so nothing
that a killed process has left behind stands in the way of the next one.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import weakref
from pathlib import Path

from interfere.errors import RunError

LOCK = "lock"
"""The file in a folder that is being written; it says which process writes."""

_TRIES = 3
_PAUSE = 0.05
"""Seconds between tries: whoever only looks whether a lock is held, holds it for a moment."""


class FolderLock:
    """The right to write to a folder, held until it is released or the process ends.

    Args:
        path: the locked file.
        descriptor: of it, open.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Take the lock of a folder, which is made if it is not there.

        Raises:
            RunError: another process holds it; the message names the process.
            OSError: the folder cannot be made or written to.
        """
        path = folder / LOCK
        tries = 0
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            lock = cls(path, os.open(path, os.O_RDWR | os.O_CREAT, 0o644))
            if not _lock(lock._descriptor):
                tries += 1
                if tries < _TRIES:
                    lock._close()
                    time.sleep(_PAUSE)
                    continue
                raise _held(folder, lock._descriptor)
            if lock._is_there():
                break
            # The process that held it was done in this very moment, and its folder has another name now.
            lock._close()
        os.ftruncate(lock._descriptor, 0)
        # The first byte is the one that is locked, which some systems let nobody else read.
        os.write(lock._descriptor, f" process {os.getpid()} on {socket.gethostname()}\n".encode())
        return lock

    @staticmethod
    def require_free(folder: Path) -> None:
        """See that no process writes to a folder now; nothing is changed.

        Raises:
            RunError: one does; the message names it.
        """
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            return
        try:
            if not _lock(descriptor):
                raise _held(folder, descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Remove the file and give the right up; a second time does nothing."""
        if not self._close.alive:
            return
        there = self._is_there()
        if sys.platform == "win32":
            # There an open file cannot be removed.
            self._close()
        if there:
            self.path.unlink(missing_ok=True)
        self._close()

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False


def _held(folder: Path, descriptor: int) -> RunError:
    os.lseek(descriptor, 1, os.SEEK_SET)
    holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "another process"
    return RunError(f"{folder} is being written by {holder}: wait until that is done, end it, or name another folder")


def _lock(descriptor: int) -> bool:
    """Whether this process has the lock now; a file system that knows no locks gives it to everybody."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
