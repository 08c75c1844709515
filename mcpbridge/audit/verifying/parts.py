"""A segment's lines, part by part in order, each judged: by this process, or by a second one beside it."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mcpbridge.audit.verifying.beside import Beside
from mcpbridge.audit.verifying.ranges import (
    LONGEST,
    PART,
    Judged,
    judged,
    leaves_of,
    lines_in,
    part_of,
    read_part,
    whole_lines,
)

_EARLY: Final = 32
"""Parts that are judged before their turn while an earlier one is waited for: some 35 KB each."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines of a segment. Those that were judged elsewhere, or before their turn, are read again when
    they are looked into; then they have to be the lines that were judged."""

    fd: int
    begin: int
    end: int
    judged: Judged | None
    """None when something is wrong with them."""
    read: list[bytes] | None = None

    def lines(self) -> list[bytes]:
        """Raises OSError."""
        if self.read is not None:
            return self.read
        lines = lines_in(read_part(self.fd, self.begin, self.end - self.begin))
        if self.judged is not None and len(lines) != len(self.judged.digests):
            raise _changed()
        return lines

    def same(self, line: bytes, at: int) -> bytes:
        """The line in this place. Raises OSError when it is not the one that was judged."""
        if self.read is None and self.judged and leaves_of((line,))[0] != self.judged.digests[at]:
            raise _changed()
        return line

    def stands(self, size: int) -> bool:
        """Whether its last line is still there, in a file of that size. Raises OSError.

        What the disk took of a batch that did not fit is cut off again, and then other lines stand there.
        """
        if size < self.end:
            return False
        before = self.judged.digests if self.judged else leaves_of((self.read or [])[-1:])
        now = lines_in(read_part(self.fd, self.begin, self.end - self.begin))
        return leaves_of(now[-1:]) == before[-1:]


def _changed() -> OSError:
    return OSError(errno.EAGAIN, "it was changed while it was read; verify it again")


class Parts:
    """All parts of one segment. `end`: after the last line that was passed on."""

    def __init__(self, fd: int, beside: Beside, *, size: int = PART) -> None:
        """`size` of a part, in bytes."""
        self._fd, self._beside, self._size = fd, beside, size
        self.end = 0
        self._last: Part | None = None
        """The last part that was passed on."""
        self._waiting: deque[tuple[int, int]] = deque()
        """Parts that nobody began with."""
        self._early: dict[int, Judged | None] = {}
        """Judgements whose turn has not come, by where the part begins."""

    def up_to(self, size: int) -> Iterator[Part]:
        """Those whose lines begin before `size`. Raises OSError, also where what was passed on is gone."""
        if self._last is not None and not self._last.stands(size):
            raise _changed()
        bounds = [*range(self.end, size, self._size), size]
        parts = list(pairwise(bounds))
        self._waiting, self._early = deque(parts), {}
        for start, stop in parts:
            found = self._judgement(start)
            if found is not None and found.begin == self.end and found.end <= size:
                yield self._passed(Part(self._fd, found.begin, found.end, found))
            elif self.end < stop:  # else one line is all of it, and began before
                part = self._own(stop)
                if part is None:
                    return  # no line ends any more
                yield self._passed(part)
        while part := self._own(size):  # where a part could not be read at once
            yield self._passed(part)

    def rest(self, size: int) -> bytes | None:
        """What follows the last newline; None when it is longer than any line. Raises OSError."""
        if size < self.end:
            raise _changed()
        return read_part(self._fd, self.end, size - self.end) if size - self.end <= LONGEST else None

    def _passed(self, part: Part) -> Part:
        self.end, self._last = part.end, part
        return part

    def _own(self, stop: int) -> Part | None:
        """The next part, whose first line is known to begin at `end`."""
        text = whole_lines(self._fd, self.end, stop) if self.end < stop else b""
        if not text:
            return None
        lines = lines_in(text)
        found = judged(lines, begin=self.end, text=text)
        return Part(self._fd, self.end, self.end + len(text), found, lines)

    def _judgement(self, turn: int) -> Judged | None:
        """Of the part that begins there, by whoever has it; None where this process has to look now."""
        mine = bool(self._waiting) and self._waiting[0][0] == turn
        if mine:
            self._waiting.popleft()
        self._exchange(turn)
        while not mine and turn not in self._early and self._waiting and len(self._early) < _EARLY:
            start, stop = self._waiting.popleft()
            self._early[start] = part_of(self._fd, start, stop)
            self._exchange(turn)
        return self._early.pop(turn, None)

    def _exchange(self, turn: int) -> None:
        """Take what the second process has found, and give it more to do."""
        for start, found in self._beside.answers():
            if start >= turn:
                self._early[start] = found
        while self._waiting and self._beside.has_room and len(self._early) < _EARLY:
            self._beside.ask(*self._waiting.popleft())
