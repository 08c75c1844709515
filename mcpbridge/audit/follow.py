"""Following a log that grows: each whole line once, in order, over rotations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from mcpbridge.audit.disk import read_at
from mcpbridge.audit.read import Entry, lines_of, readable
from mcpbridge.audit.segments import opened

_LOOK: Final = 1 << 16
Read = dict[int, int]
"""Bytes that were read, by the inode of the segment's file."""


def read_so_far(directory: Path) -> Read:
    """Everything that is there now. Raises AuditUnavailable."""
    found: Read = {}
    with readable(directory), suppress(FileNotFoundError):  # a log may begin later
        for _, fd in opened(directory):
            status = os.fstat(fd)
            found[status.st_ino] = _whole(fd, status.st_size)
    return found


def _whole(fd: int, size: int) -> int:
    """The offset after the last newline: what follows it is being written."""
    end = size
    while end > 0:
        start = max(0, end - _LOOK)
        at = read_at(fd, start, end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def follow(directory: Path, read: Read, *, wait: Callable[[], bool]) -> Iterator[Entry]:
    """Lines that come after `read`, which moves on. Whenever all are told, `wait` is asked whether to go on.

    A segment keeps its inode when it is closed, so a rotation neither hides lines nor repeats them. A file
    that is shorter than what was read of it is another one, and read from its start. Raises AuditUnavailable.
    """
    more = True
    while more:
        with readable(directory), suppress(FileNotFoundError):
            # Not found: between the two renames of a log's first rotation, or it is gone.
            for segment, fd in opened(directory):
                yield from _new(segment, fd, read)
        more = wait()


def _new(segment: Path, fd: int, read: Read) -> Iterator[Entry]:
    status = os.fstat(fd)
    start = read.get(status.st_ino, 0)
    if start > status.st_size:
        start = 0
    read[status.st_ino] = start
    for entry in lines_of(segment, fd, start, status.st_size):
        read[status.st_ino] = entry.offset + len(entry.line) + 1
        yield entry
