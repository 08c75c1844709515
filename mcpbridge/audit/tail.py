"""Reading a segment in whole lines, in blocks."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from mcpbridge.audit.disk import read_at

BLOCK: Final = 1 << 20


class Tail(NamedTuple):
    """Where the next line goes."""

    end: int
    """Offset in the active segment, after the last newline."""
    seq: int
    """Of the last line; 0 in an empty log."""
    prev: str
    """Hash of the last line."""


def whole_lines(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Blocks of whole lines, each ending in a newline. Bytes after the last newline are left out."""
    rest = b""
    while start < end and (block := read_at(fd, start, min(BLOCK, end - start))):
        start += len(block)
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest += block
            continue
        yield rest + block[:cut]
        rest = block[cut:]


def line_at(fd: int, start: int, end: int) -> bytes:
    """The line that begins at `start`, without its newline; what is there of it when it has none."""
    line = b""
    look = 1 << 12
    while start < end and (block := read_at(fd, start, min(look, end - start))):
        cut = block.find(b"\n")
        if cut >= 0:
            return line + block[:cut]
        line += block
        start += len(block)
        look = min(2 * look, BLOCK)
    return line


@contextmanager
def closing(fd: int) -> Generator[int]:
    """The descriptor, closed at the end."""
    try:
        yield fd
    finally:
        os.close(fd)
