"""An index that fits its log: how far it has read, and the lines it points to.

What an index says is never taken for the log. It names places; the lines there are read from the log, and
must be the records they are said to be. Whether the index fits is told by the last line it knows of each
segment: by its hash, which through the chain stands for every line before it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from mcpbridge.audit.chain import line_hash, link_of
from mcpbridge.audit.disk import open_log, read_at
from mcpbridge.audit.inclusion import BLOCK
from mcpbridge.audit.index.schema import VERSION
from mcpbridge.audit.segments import LOG_NAME, closed_name, opened
from mcpbridge.audit.tail import line_at
from mcpbridge.errors import AuditCorrupt


class Known(NamedTuple):
    """What an index says of one segment."""

    first_seq: int
    size: int
    """Bytes that it has read."""
    last_offset: int
    last_seq: int
    last_hash: str
    stamp: str
    """Of its file, when it was last read: see stamps.py."""


class Changed(str):
    """Why an index does not fit: for a reason that no rotation and no retention gives."""

    __slots__ = ()


class Index:
    """Use `opened_index`. Close it."""

    def __init__(
        self, base: sqlite3.Connection, directory: Path, known: list[Known], read: Mapping[int, int]
    ) -> None:
        self.base = base
        self.read = read
        """Bytes that are indexed, by the inode of the segment's file."""
        self.known = {one.first_seq: one for one in known}
        last = known[-1] if known else Known(0, 0, 0, 0, "", "")
        self.first_seq = known[0].first_seq if known else 0
        self.last_seq, self.last_hash, self.last_segment = last.last_seq, last.last_hash, last.first_seq
        self._directory = directory
        self._files: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.base.close()
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()

    def line(self, seq: int, segment: int, offset: int, length: int) -> bytes:
        """The log's own line. Raises AuditCorrupt where another record stands there."""
        line = read_at(self._file(segment), offset, length)
        link = link_of(line)
        if link is None or link[1] != seq:
            raise AuditCorrupt(
                f"record {seq} is not where the index says; run `mcpbridge audit verify`, then "
                "`mcpbridge audit index --rebuild`"
            )
        return line

    def lines(self, first: int, last: int) -> Iterator[bytes]:
        """Lines `first` to `last`."""
        rows = self.base.execute(
            "SELECT seq, segment, offset, length FROM records WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (first, last),
        )
        for row in rows:
            yield self.line(*row)

    def loose_leaves(self) -> Iterator[bytes]:
        """Leaf hashes of the lines after the last whole tile."""
        first = self.last_seq - self.last_seq % BLOCK + 1
        for line in self.lines(first, self.last_seq):
            yield sha256(b"\0" + line).digest()

    def tiles(self) -> list[bytes]:
        """Roots of each BLOCK lines, from the log's first."""
        return [row[0] for row in self.base.execute("SELECT hash FROM tiles ORDER BY number")]

    def _file(self, segment: int) -> int:
        if segment not in self._files:
            self._files[segment] = open_log(self._path(segment), write=False)
        return self._files[segment]

    def _path(self, segment: int) -> Path:
        """A rotation may have renamed it since."""
        if not self._directory.is_dir():
            return self._directory
        closed = self._directory / closed_name(segment)
        return closed if closed.exists() else self._directory / LOG_NAME


def opened_index(directory: Path, file: Path) -> Index | str:
    """The index in `file`, where it fits the log as it is now; else why it cannot be used."""
    if not file.exists():
        return "there is none"
    try:
        base = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        return f"it cannot be opened ({error})"
    try:
        found = _checked(base, directory)
    except (sqlite3.Error, OSError) as error:
        found = f"it cannot be read ({error})"
    if isinstance(found, str):
        base.close()
    return found


def _checked(base: sqlite3.Connection, directory: Path) -> Index | str:
    version = base.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
    if version != (VERSION,):
        return "it is of another version of mcpbridge"
    known = {
        row[0]: Known(*row)
        for row in base.execute(
            "SELECT first_seq, size, last_offset, last_seq, last_hash, stamp FROM segments ORDER BY first_seq"
        )
    }
    read: dict[int, int] = {}
    found: set[int] = set()
    for path, fd in opened(directory):
        status = os.fstat(fd)
        link = link_of(line_at(fd, 0, status.st_size))
        one = known.get(link[1]) if link else None
        if one is None:
            continue
        if status.st_size < one.size:
            return Changed(f"{path.name} has lost lines since")
        if line_hash(read_at(fd, one.last_offset, one.size - 1 - one.last_offset)) != one.last_hash:
            return Changed(f"{path.name} was replaced or changed since")
        found.add(one.first_seq)
        read[status.st_ino] = one.size
    if found != known.keys():
        return "segments that it knows are not there any more"
    return Index(base, directory, list(known.values()), read)
