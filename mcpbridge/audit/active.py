"""The file that lines are written to: whole writes or none, and no trust in pages that a sync has lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from mcpbridge.audit.chain import line_hash
from mcpbridge.audit.disk import Disk, blocks_of, open_log, read_at, write_private_blocks
from mcpbridge.audit.segments import LOG_NAME, closed_name
from mcpbridge.audit.tail import Tail
from mcpbridge.errors import AuditUnavailable

_NEXT: Final = f".{LOG_NAME}.next"


class ActiveSegment:
    """`audit.jsonl`, as this process has it open. All but `sync` belong under the log's lock."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory, self._disk = directory, disk
        self.path = directory / LOG_NAME
        self.fd = open_log(self.path, write=True)
        self._identity = _identity(os.fstat(self.fd))
        self.tail = Tail(0, 0, "")
        self.synced = 0
        """Bytes from the start that a sync of this process covered."""
        self.poisoned = False
        """A sync failed: the kernel may have dropped what it could not write, and say success next time."""
        disk.sync_directory(directory)
        self._named = True
        """Whether the file's name is durable, so far as this process knows."""

    def close(self) -> None:
        os.close(self.fd)

    def size(self) -> int | None:
        """Bytes in the file; None when `audit.jsonl` is another file now, or none."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_size if _identity(found) == self._identity else None

    def is_at(self, path: Path) -> bool:
        """Whether this file has that name now."""
        try:
            return _identity(path.stat()) == self._identity
        except FileNotFoundError:
            return False

    def write(self, data: bytes, seq: int, prev: str) -> None:
        """Append whole lines; the last is record `seq` with the hash `prev`. Raises AuditUnavailable."""
        try:
            written = self._disk.write(self.fd, data)
        except OSError as error:
            failed = unavailable("the audit record cannot be written", error)
            failed.maybe_written = not self._roll_back()
            raise failed from error
        if written != len(data):
            short = AuditUnavailable(
                f"the disk took only {written} of {len(data)} bytes of the audit record (disk full, quota or "
                "file size limit?); free some space and try again"
            )
            short.maybe_written = not self._roll_back()
            raise short
        self.tail = Tail(self.tail.end + len(data), seq, prev)

    def _roll_back(self) -> bool:
        """Cut a partial write off; whether that worked. Else whoever writes next keeps its whole lines."""
        try:
            self._disk.truncate(self.fd, self.tail.end)
        except OSError:
            return False
        return True

    def sync(self) -> None:
        """Returns once every line so far is durable. Raises AuditUnavailable."""
        end = self.tail.end
        try:
            self._disk.sync(self.fd)
            if not self._named:
                self._disk.sync_directory(self._directory)
                self._named = True
        except OSError as error:
            self.poisoned = True
            unsafe = unavailable("the disk did not keep what was written to the audit log", error)
            unsafe.maybe_written = True  # the lines are in the file, and other processes see them
            raise unsafe from error
        self.synced = end

    def renew(self) -> None:
        """After a failed sync: put a durable copy, made of new pages, in the place of the file.

        Raises OSError, or AuditUnavailable when not even the copy can be trusted.
        """
        if self._ends_here(self.fd):
            write_private_blocks(self.path, blocks_of(self.fd, self.tail.end), self._disk)
            if self.adopt():
                self.synced = self.tail.end
                return
        raise AuditUnavailable(
            f"{self.path} has lost lines that the disk did not keep; run `mcpbridge audit verify`"
        )

    def adopt(self) -> bool:
        """Go on in the file that now has the name, when it has every line up to the tail. Raises OSError."""
        fd = open_log(self.path, write=True)
        if not self._ends_here(fd):
            os.close(fd)
            return False
        self._take(fd)
        self.synced = 0
        return True

    def rotate(self, first: int) -> Path:
        """Close the file under the name of its first line, and begin an empty one. Raises OSError, and then
        nothing has changed, or the next commit finds out."""
        closed = self._directory / closed_name(first)
        following = self._directory / _NEXT
        fd = os.open(following, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.close(fd)
        self._rename(closed)
        following.rename(self.path)
        self.next_file()
        return closed

    def _rename(self, closed: Path) -> None:
        if sys.platform != "win32":
            self.path.rename(closed)
            return
        os.close(self.fd)  # pragma: no cover - Windows renames no file that is open
        try:
            self.path.rename(closed)
        finally:
            self.fd = open_log(closed if closed.exists() else self.path, write=True)

    def next_file(self) -> None:
        """Go on in the file that now has the name, from its first byte; it is made when there is none."""
        self._take(open_log(self.path, write=True))
        self.tail = self.tail._replace(end=0)
        self.synced = 0

    def _take(self, fd: int) -> None:
        os.close(self.fd)
        self.fd = fd
        self._identity = _identity(os.fstat(fd))
        self.poisoned = self._named = False

    def _ends_here(self, fd: int) -> bool:
        """Whether the line before the tail is the one that should be there."""
        end = self.tail.end
        look = 1 << 14
        while end:
            start = max(0, end - look)
            data = read_at(fd, start, end - start)
            cut = data.rfind(b"\n", 0, -1)
            if cut >= 0 or not start:
                return data.endswith(b"\n") and line_hash(data[cut + 1 : -1]) == self.tail.prev
            look *= 4
        return True


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def unavailable(what: str, error: OSError) -> AuditUnavailable:
    return AuditUnavailable(f"{what}: {error.strerror or error}")
