"""Lines of a log from some place on: what a witness wants to be shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mcpbridge.audit.anchors.anchor import AnchorFailed
from mcpbridge.audit.chain import link_of, parsed
from mcpbridge.audit.disk import open_log
from mcpbridge.audit.merkle import CompactRange, consistency_proof
from mcpbridge.audit.segments import opened, segments
from mcpbridge.audit.tail import line_at, whole_lines


class NoCheckpoint(AnchorFailed):
    """The log has no checkpoint of this many lines."""


def lines_from(directory: Path, seq: int) -> Iterator[bytes]:
    """The lines from record `seq` on, without their newlines. Whole segments before it are not read."""
    started = False
    for path, fd in _from_segment(directory, seq):
        for block in whole_lines(fd, 0, os.fstat(fd).st_size):
            lines = block[:-1].split(b"\n")
            if not started:
                first = link_of(lines[0])
                at = seq - first[1] if first else len(lines)
                if at >= len(lines):
                    continue
                if at < 0:
                    raise AnchorFailed(f"record {seq} is not in {path}")
                lines, started = lines[at:], True
            yield from lines


def _from_segment(directory: Path, seq: int) -> Iterator[tuple[Path, int]]:
    """The segments from the one on that record `seq` is in."""
    skip = 0
    for at, path in enumerate(segments(directory)):
        first = _first(path)
        if first is not None and first <= seq:
            skip = at
    yield from islice(opened(directory), skip, None)


def _first(path: Path) -> int | None:
    """The number of a segment's first record."""
    try:
        fd = open_log(path, write=False)
    except FileNotFoundError:
        return None
    try:
        link = link_of(line_at(fd, 0, os.fstat(fd).st_size))
    finally:
        os.close(fd)
    return link[1] if link else None


def range_at(directory: Path, size: int) -> CompactRange:
    """The tree over the first `size` lines, from the checkpoint line behind them. Raises NoCheckpoint."""
    if size == 0:
        return CompactRange()
    line = next(lines_from(directory, size + 1), b"")
    record = parsed(line) or {}
    try:
        return CompactRange.from_parts(size, [bytes.fromhex(text) for text in record["range"]])
    except (KeyError, TypeError, ValueError):
        raise NoCheckpoint(f"the log has no checkpoint of its first {size} lines") from None


def proof_between(directory: Path, old: int, size: int) -> list[bytes]:
    """That the log's first `size` lines begin with its first `old` lines.

    Raises NoCheckpoint, AnchorFailed when the log is shorter, OSError.
    """
    if old in (0, size):
        return []
    leaves = (hashlib.sha256(b"\0" + line).digest() for line in lines_from(directory, old + 1))
    try:
        return consistency_proof(range_at(directory, old), size, leaves)
    except ValueError as error:
        raise AnchorFailed(f"the log is shorter than {size} lines") from error
