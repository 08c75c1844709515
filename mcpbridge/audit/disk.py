"""The few calls that can fail or hang, behind a port, so that tests can make them do so."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

_BINARY: Final[int] = getattr(os, "O_BINARY", 0)
"""Windows would otherwise turn line ends into CRLF."""
_NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)
_BLOCK: Final = 1 << 20


class Disk(Protocol):
    """Writing, and making what was written durable. Every method may raise OSError."""

    def write(self, fd: int, data: bytes, /) -> int:
        """One write; returns how many bytes were taken."""
        ...

    def sync(self, fd: int, /) -> None:
        """Returns once what was written to `fd` survives a power failure."""
        ...

    def truncate(self, fd: int, size: int, /) -> None: ...

    def sync_directory(self, path: Path, /) -> None:
        """Makes new names in a directory durable."""
        ...


class SystemDisk:
    """The real thing."""

    def write(self, fd: int, data: bytes, /) -> int:
        return os.write(fd, data)

    def sync(self, fd: int, /) -> None:
        if sys.platform == "darwin":  # pragma: no cover - macOS
            import fcntl

            # fsync there leaves the data in the drive's cache (man 2 fsync).
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        elif sys.platform == "win32":  # pragma: no cover - Windows
            os.fsync(fd)
        else:
            os.fdatasync(fd)

    def truncate(self, fd: int, size: int, /) -> None:
        os.ftruncate(fd, size)

    def sync_directory(self, path: Path, /) -> None:
        if sys.platform == "win32":  # pragma: no cover - Windows keeps names durable by itself
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def make_directory(path: Path, disk: Disk) -> None:
    """A directory for this account only; one that exists is left as it is."""
    if path.is_dir():
        return
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.sync_directory(path.parent)


def open_log(path: Path, *, write: bool) -> int:
    """A descriptor for reading, and for appending when `write`; creates the file with mode 0600."""
    if not write:
        return open_regular(path)
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)


def open_regular(path: Path) -> int:
    """A descriptor for reading a plain file. Whoever can write the folder could have put a pipe there, which
    would hang, or a device without an end."""
    fd = os.open(path, os.O_RDONLY | _BINARY | _NONBLOCK)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        code, why = (
            (errno.EISDIR, "it is a folder") if stat.S_ISDIR(mode) else (errno.EINVAL, "it is no plain file")
        )
        raise OSError(code, why, str(path))
    return fd


def read_at(fd: int, offset: int, size: int) -> bytes:
    """Up to `size` bytes from `offset`; fewer only at the end of the file. (`pread` is POSIX only.)"""
    os.lseek(fd, offset, os.SEEK_SET)
    parts: list[bytes] = []
    while size > 0 and (part := os.read(fd, min(size, _BLOCK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def blocks_of(fd: int, size: int) -> Iterator[bytes]:
    """The first `size` bytes of a file; fewer only where it ends."""
    for start in range(0, size, _BLOCK):
        yield read_at(fd, start, min(_BLOCK, size - start))


def write_private(path: Path, data: bytes, disk: Disk) -> None:
    """A new file, mode 0600, that is there whole and durable or not at all (its name: see sync_directory)."""
    write_private_blocks(path, (data,), disk)


def write_private_blocks(path: Path, blocks: Iterable[bytes], disk: Disk) -> None:
    """The same for a file too large for memory."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        try:
            for block in blocks:
                _write_all(fd, block, disk)
            disk.sync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _write_all(fd: int, data: bytes, disk: Disk) -> None:
    written = 0
    while written < len(data):
        written += disk.write(fd, data[written:])
