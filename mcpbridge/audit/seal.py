"""What the next checkpoint says, and when it is due: a second or 1,000 records after the last one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mcpbridge.audit.chain import leaf_hashes
from mcpbridge.audit.checkpoint import Checkpoint
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.keys import LogKeys
from mcpbridge.audit.merkle import CompactRange
from mcpbridge.audit.opening import Sealed
from mcpbridge.audit.plain import encode_again
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.tail import Tail, whole_lines
from mcpbridge.ports import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a log is sealed, and how long a segment grows."""

    records: int = 1_000
    """Records after the last checkpoint that make the next one due."""
    seconds: float = 1.0
    """How long a record waits for one at most."""
    segment_bytes: int = 256 << 20
    """A segment of that size is closed, and the next one begun."""


class _Written(NamedTuple):
    begin: int
    end: int
    leaves: Sequence[bytes]


class Seal:
    """The tree over the log's lines. It lags behind the lines and catches up when a checkpoint is due: with
    several writers, each line is then hashed for it once, and not by every one of them."""

    def __init__(self, sealed: int, tree: CompactRange, tail: Tail, rhythm: Rhythm) -> None:
        """`sealed`: `seq` of the last checkpoint; `tree`: of all lines up to `tail`."""
        self._tree, self._rhythm = tree, rhythm
        self._offset = tail.end
        """In the active segment: where the first line begins that the tree does not have yet."""
        self._own: deque[_Written] = deque()
        """Lines from there on whose hashes are known: their links were made of them."""
        self._sealed = sealed
        self._since: float | None = None
        """When the first line after the last checkpoint was seen."""
        self._not_before = 0.0

    def until(self, seq: int) -> float | None:
        """Seconds until a checkpoint is due; None when line `seq`, the last one, is itself one."""
        if seq <= self._sealed:
            return None
        now = time.monotonic()
        if self._since is None:
            self._since = now
        due = now if seq - self._sealed >= self._rhythm.records else self._since + self._rhythm.seconds
        return max(0.0, max(due, self._not_before) - now)

    def postpone(self) -> None:
        """The checkpoint that was due could not be written."""
        self._not_before = time.monotonic() + self._rhythm.seconds

    def follow(self, found: Sealed, end: int) -> None:
        """A checkpoint that ends at `end`, ours or another process's: it has the tree of all before it."""
        self._tree, self._offset, self._sealed = found.tree, end, found.seq
        self._since = None
        self._not_before = 0.0
        while self._own and self._own[0].begin < end:
            self._own.popleft()

    def wrote(self, begin: int, end: int, leaves: Sequence[bytes]) -> None:
        """Lines of ours stand in the active segment from `begin` to `end`."""
        self._own.append(_Written(begin, end, leaves))

    def advance(self, fd: int, end: int) -> None:
        """Take over the lines of the active segment up to `end`: our own by their hashes, others' are read.
        Raises OSError."""
        while self._own and self._own[0].end <= end:
            own = self._own[0]
            self._read(fd, own.begin)
            if self._offset != own.begin:  # the file lost lines, which the next look at its size tells
                return
            self._tree.extend(own.leaves)
            self._offset = own.end
            self._own.popleft()
        self._read(fd, end)

    def _read(self, fd: int, end: int) -> None:
        for lines in whole_lines(fd, self._offset, end):
            self._tree.extend(leaf_hashes(lines))
            self._offset += len(lines)

    def next_segment(self) -> None:
        """The segment that was advanced to its end is closed; the next one begins."""
        self._offset = 0
        self._own.clear()

    def signed(self, keys: LogKeys, encoder: Encoder) -> tuple[str, bytes]:
        """The signed note, and the checkpoint's line without its link. Raises AuditUnavailable when there is
        no key to sign with."""
        checkpoint = Checkpoint(origin=keys.origin, size=self._tree.size, root=self._tree.root())
        note = checkpoint.signed(keys.signer())
        peaks = encode_again([peak.hex() for peak in self._tree.hashes])
        stamp = encoder.encode(Record(type=RecordType.CHECKPOINT)).body
        return note, b'%b,"note":%b,"range":%b' % (stamp, encode_again(note).encode(), peaks.encode())
