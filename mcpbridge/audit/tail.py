"""Reading a log in whole lines: forwards in blocks, and its last lines from the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mcpbridge.audit.chain import GENESIS, flaw_of, line_hash, link_of
from mcpbridge.audit.disk import read_at
from mcpbridge.errors import AuditCorrupt

BLOCK: Final = 1 << 20
_FIRST_LOOK: Final = 1 << 16
"""Bytes read from the end first; two typical lines are about 2 KB."""


class Tail(NamedTuple):
    """Where the next line goes."""

    end: int
    """Offset after the last newline."""
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


def last_lines(fd: int, size: int) -> tuple[int, list[bytes]]:
    """The offset after the last newline, and the last two whole lines (fewer in a shorter log)."""
    look = _FIRST_LOOK
    while True:
        start = max(0, size - look)
        data = read_at(fd, start, size - start)
        cut = data.rfind(b"\n") + 1
        lines = data[:cut].split(b"\n")[:-1]
        if start == 0:
            return cut, lines[-2:]
        if len(lines) > 2:  # the first of them may have lost its beginning
            return start + cut, lines[-2:]
        look *= 4


def find_tail(fd: int, size: int, name: str) -> Tail:
    """The place after the last whole line, which must follow the line before it. Reads only the end."""
    end, lines = last_lines(fd, size)
    if not lines:
        return Tail(end, 0, GENESIS)
    last = lines[-1]
    link = link_of(last)
    seq = link[1] if link else 0
    before = line_hash(lines[0]) if len(lines) > 1 else GENESIS
    flaw = flaw_of(last, number=seq, seq=seq if len(lines) > 1 else 1, prev=before)
    if flaw:
        raise AuditCorrupt(
            f"the last line of {name} is broken ({flaw.message}), so nothing is written after it. See what "
            "`mcpbridge audit verify` says, keep the directory as evidence, and start a new log in another."
        )
    return Tail(end, seq, line_hash(last))
