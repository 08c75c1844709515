"""Where a log ends, found without reading it: from its last checkpoint on.

A checkpoint is written only after everything before it is durable, so a crash can have damaged nothing but
what follows the last one. Those lines are checked one by one. Where a power failure took sectors of them
(they read as zeros, and JSON has none), what follows was never acknowledged either: its sync did not return.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcpbridge.audit.chain import GENESIS, flaw_of, intact, line_hash, link_of, parsed
from mcpbridge.audit.disk import open_log, read_at
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.tail import BLOCK, Tail, closing, whole_lines
from mcpbridge.errors import AuditCorrupt

_NEEDLE: Final = b'","type":"checkpoint",'
_START: Final = re.compile(
    rb'\{"prev":"[0-9a-f]{64}","seq":[0-9]{1,18},"ts":"[0-9TZ:.-]{20,40}","type":"checkpoint",'
)


class Sealed(NamedTuple):
    """A checkpoint line, and the tree of all lines up to and with it."""

    seq: int
    prev: str
    """Hash of the checkpoint line."""
    tree: CompactRange


class End(NamedTuple):
    """What a log's opening found."""

    tail: Tail
    """In the active segment. Damage that may be repaired begins at its `end`."""
    tree: CompactRange
    """Of all lines."""
    sealed: int
    """`seq` of the last checkpoint; 0 when there is none."""
    damaged: bool
    """Whether a line after the tail lost sectors: all that follows goes."""


def sealed_by(line: bytes) -> Sealed | None:
    """What an intact checkpoint line says; None for any other line. Its signature is not checked: that a
    checkpoint is ours is for `verify` to say, and a wrong tree makes the next checkpoint a wrong one."""
    if _START.match(line) is None or not intact(line):
        return None
    record: dict[str, Any] = parsed(line) or {}
    seq, hashes = record.get("seq", 0), record.get("range")
    try:
        tree = CompactRange.from_parts(seq - 1, [bytes.fromhex(peak) for peak in hashes or ()])
    except (TypeError, ValueError):
        return None
    digest = line_hash(line)
    tree.append(bytes.fromhex(digest))
    return Sealed(seq, digest, tree)


def find_end(closed: Sequence[Path], fd: int, size: int, name: str) -> End:
    """The end of a log whose active segment is `fd`. Raises AuditCorrupt where no crash explains what is
    there, OSError."""
    found = _last_sealed(fd, size)
    if found is not None:
        return _Forward(Tail(found[0], found[1].seq, found[1].prev), found[1].tree).to(fd, size, name)
    # Nothing is sealed in the active segment: go back through the closed ones, then on from there.
    forward = _Forward(Tail(0, 0, GENESIS), CompactRange())
    first = 0
    for at in range(len(closed) - 1, -1, -1):
        with closing(open_log(closed[at], write=False)) as older:
            found = _last_sealed(older, closed[at].stat().st_size)
        if found is not None:
            forward = _Forward(Tail(found[0], found[1].seq, found[1].prev), found[1].tree)
            first = at
            break
    for path in closed[first:]:
        with closing(open_log(path, write=False)) as older:
            forward.whole(older, path)
    return forward.to(fd, size, name)


def _last_sealed(fd: int, size: int) -> tuple[int, Sealed] | None:
    """The last intact checkpoint line of a file, and the offset after it. Reads backwards."""
    start, rest = size, b""
    while start > 0:
        look = min(BLOCK, start)
        start -= look
        data = read_at(fd, start, look) + rest
        first = data.find(b"\n") + 1 if start else 0
        if start and not first:  # in the middle of a long line
            rest = data
            continue
        found = last_seal_in(data, first)
        if found is not None:
            return start + found[0], found[1]
        rest = data[:first]
    return None


def last_seal_in(lines: bytes, first: int = 0) -> tuple[int, Sealed] | None:
    """The last checkpoint in lines, of which the first begins at `first`, and the offset after it."""
    at = lines.rfind(_NEEDLE, first)
    while at >= 0:
        begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
        found = sealed_by(lines[begin:end]) if end >= 0 else None
        if found is not None:
            return end + 1, found
        at = lines.rfind(_NEEDLE, first, max(first, begin))
    return None


class _Forward:
    """Goes on from a place that is known to be good, line by line."""

    def __init__(self, tail: Tail, tree: CompactRange) -> None:
        self._tail, self._tree = tail, tree
        self._sealed = tail.seq

    def whole(self, fd: int, path: Path) -> None:
        """To the end of a closed segment, which was synced before it was closed."""
        size = path.stat().st_size
        self._follow(fd, size, str(path))
        if self._tail.end != size:
            raise _broken(str(path), "it does not end in a line break")
        self._tail = self._tail._replace(end=0)

    def to(self, fd: int, size: int, name: str) -> End:
        """To the end of the active segment."""
        broken = self._follow(fd, size, name)
        return End(self._tail, self._tree, self._sealed, broken)

    def _follow(self, fd: int, size: int, name: str) -> bool:
        """Whether it stopped at a line that lost sectors."""
        end, seq, prev = self._tail
        for block in whole_lines(fd, end, size):
            leaves: list[bytes] = []
            for line in block[:-1].split(b"\n"):
                if link_of(line) != (prev, seq + 1) or not intact(line):
                    self._add(leaves, Tail(end, seq, prev))
                    if b"\0" in line:
                        return True
                    flaw = flaw_of(line, number=seq + 1, seq=seq + 1, prev=prev)
                    raise _broken(name, flaw.message if flaw else "it does not follow", seq + 1)
                digest = hashlib.sha256(b"\0" + line)
                leaves.append(digest.digest())
                seq, prev, end = seq + 1, digest.hexdigest(), end + len(line) + 1
            self._add(leaves, Tail(end, seq, prev))
        return False

    def _add(self, leaves: list[bytes], tail: Tail) -> None:
        self._tree.extend(leaves)
        self._tail = tail


def _broken(name: str, why: str, seq: int = 0) -> AuditCorrupt:
    where = f"the line of record {seq} in {name}" if seq else f"the end of {name}"
    return AuditCorrupt(
        f"{where} is broken ({why}), so nothing is written after it. See what `mcpbridge audit verify` says, "
        "keep the directory as evidence, and start a new log in another."
    )
