"""A lock between processes that write one log.

Not `filelock`: it polls every 50 ms under contention and costs 40 ms to import. A commit holds this
lock for about a tenth of a millisecond, so waiting must be the kernel's. The lock is a file of its own: it
outlives the log's segments, and a mandatory lock on Windows would keep readers out of the log itself.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

_PAUSE: Final = 0.002
"""Seconds between tries, where the kernel cannot wait for us."""

if sys.platform == "win32":  # pragma: no cover - Windows
    import msvcrt

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, 0, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _lock(fd: int) -> None:
        while not _try_lock(fd):
            time.sleep(_PAUSE)

    def _unlock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


class ProcessLock:
    """Exclusive between processes, and between two logs opened in one. Not for two threads of one log."""

    __slots__ = ("_fd",)

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire_within(self, seconds: float) -> bool:
        """Whether the lock could be had in time; for opening, where nobody else watches the clock."""
        end = time.monotonic() + seconds
        while not _try_lock(self._fd):
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        return True

    def release(self) -> None:
        _unlock(self._fd)

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> None:
        _lock(self._fd)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _unlock(self._fd)
