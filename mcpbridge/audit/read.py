"""Reading records back, filtered, one at a time, over all segments. Memory does not grow with the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Unpack

from mcpbridge.audit.disk import read_at
from mcpbridge.audit.filters import NotJson, Sieve, Wanted, sieve
from mcpbridge.audit.segments import opened
from mcpbridge.audit.tail import BLOCK, whole_lines
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

NO_LOG: Final = "a log begins with the first run; name its folder, or the configuration with -c FILE"


class Entry(NamedTuple):
    """A line and where it stands."""

    segment: Path
    offset: int
    """Of its first byte in the segment."""
    number: int
    """In the segment, from 1; 0 where reading did not begin at its start."""
    line: bytes
    """Without its newline."""

    @property
    def place(self) -> str:
        """For people."""
        which = f"line {self.number}" if self.number else f"the line at byte {self.offset}"
        return f"{which} of {self.segment.name}"


def read(directory: str | Path, **wanted: Unpack[Wanted]) -> Iterator[dict[str, Any]]:
    """Records in the order they were written, those that pass every filter given (see `Wanted`).

    A torn tail is left out. Does not verify: see `verify`. Raises UsageError at once for a filter that is
    none; while it reads, AuditUnavailable when there is no log, AuditCorrupt at a line that is not JSON.
    """
    return _passing(directory, sieve(wanted))


def _passing(directory: str | Path, passed: Sieve) -> Iterator[dict[str, Any]]:
    for entry in entries(directory):
        record = record_of(entry, passed)
        if record is not None:
            yield record


def seq_of(record: Mapping[str, Any]) -> int:
    """A record's number; 0 in a line that is none of ours."""
    seq = record.get("seq")
    return seq if isinstance(seq, int) else 0


def record_of(entry: Entry, passed: Sieve) -> dict[str, Any] | None:
    """What a sieve makes of a line. Raises AuditCorrupt."""
    try:
        return passed(entry.line)
    except NotJson:
        raise AuditCorrupt(f"{entry.place} is not JSON; run `mcpbridge audit verify`") from None


def latest(
    directory: str | Path, count: int, wanted: Wanted, *, also: Callable[[dict[str, Any]], bool] | None = None
) -> list[dict[str, Any]]:
    """The last `count` records that pass, oldest first. Raises as `read` does."""
    passed = sieve(wanted)
    found: list[dict[str, Any]] = []
    for segment, line in backwards(directory):
        try:
            record = passed(line)
        except NotJson:
            raise AuditCorrupt(
                f"a line of {segment.name} is not JSON; run `mcpbridge audit verify`"
            ) from None
        if record is not None and (also is None or also(record)):
            found.append(record)
        if len(found) == count:
            break
    return found[::-1]


def entries(directory: str | Path, *, after: Mapping[int, int] | None = None) -> Iterator[Entry]:
    """Every whole line of every segment. Safe beside a writer: lines that come later may be left out.

    `after`: how many bytes to skip of the segment whose file has that inode. Raises AuditUnavailable.
    """
    with readable(directory) as path:
        for segment, fd in opened(path):
            found = os.fstat(fd)
            yield from lines_of(segment, fd, (after or {}).get(found.st_ino, 0), found.st_size)


def check_log(directory: str | Path) -> None:
    """Raises AuditUnavailable where there is no log to read: asked before anything else is written."""
    with readable(directory) as path:
        for _ in opened(path):
            return


def lines_of(segment: Path, fd: int, start: int, end: int) -> Iterator[Entry]:
    """Every whole line of a part of one segment."""
    number, offset = 0, start
    for block in whole_lines(fd, start, end):
        for line in block[:-1].split(b"\n"):
            number += not start
            yield Entry(segment, offset, number, line)
            offset += len(line) + 1


def backwards(directory: str | Path) -> Iterator[tuple[Path, bytes]]:
    """Every whole line, the last one first, and its segment. Reads no more than it is asked for."""
    with readable(directory) as path, ExitStack() as closing:
        found: list[tuple[Path, int]] = []
        for segment, fd in opened(path):
            found.append((segment, os.dup(fd)))
            closing.callback(os.close, found[-1][1])
        for segment, fd in reversed(found):
            for line in _backwards(fd, os.fstat(fd).st_size):
                yield segment, line


def _backwards(fd: int, end: int) -> Iterator[bytes]:
    rest: bytes | None = None
    while end > 0:
        start = max(0, end - BLOCK)
        lines = (read_at(fd, start, end - start) + (rest or b"")).split(b"\n")
        if rest is None:
            lines[-1:] = []  # what follows the last newline is no line yet
        if start:
            rest = lines.pop(0) if lines else b""
        yield from reversed(lines)
        end = start


@contextmanager
def readable(directory: str | Path) -> Generator[Path]:
    """Whatever keeps the log from being read is an AuditUnavailable that says so."""
    path = Path(directory)
    try:
        yield path
    except FileNotFoundError as error:
        raise AuditUnavailable(f"the audit log {path} cannot be read: {error.strerror}; {NO_LOG}") from error
    except OSError as error:
        raise AuditUnavailable(f"the audit log {path} cannot be read: {error.strerror or error}") from error
