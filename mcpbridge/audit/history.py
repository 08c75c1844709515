"""What the log's own lines decided and used up: nothing is decided twice, and no quota is exceeded.

Lines of other processes, and those that were there at the opening, are searched only once a record needs it:
most are about conversations that began here, and nobody else can have decided on those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mcpbridge.audit.decided import DecisionIndex, decision_of
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.places import Places
from mcpbridge.audit.tail import BLOCK, line_at, whole_lines
from mcpbridge.audit.uses import Uses
from mcpbridge.core.quota import QuotaFull
from mcpbridge.errors import AlreadyDecided

_STEP: Final = 16 * BLOCK
"""Bytes that one step of the search for earlier decisions looks at: some 30 ms."""


class History:
    """Belongs to one log file, and reads its segments through `places`."""

    def __init__(self, places: Places, end: int) -> None:
        """`end`: position after the last line at the opening."""
        self._places = places
        self._index = DecisionIndex()
        """Has the decisions of our own lines, and of those searched so far."""
        self._uses = Uses()
        """The same, of uses."""
        self._unsearched: list[tuple[int, int]] = [(0, end)] if end else []
        """From which position to which, in order."""
        self.wanted = False
        """Whether a record has needed the whole log: then lines of others are looked at as they come."""

    @property
    def searched(self) -> bool:
        """Whether the decisions of the whole log are known."""
        return not self._unsearched

    def search(self, fd: int) -> None:
        """Take one step through the lines that were not looked at. Raises OSError."""
        self.wanted = True
        first, last = self._unsearched[0]
        limit = self._places.end_of_segment(first, last)
        done = first
        with self._places.at(first, fd=fd, end=limit) as place:
            if place is None:
                done = limit
            else:
                for lines in whole_lines(place.fd, place.offset, min(place.end, place.offset + _STEP)):
                    done = self._take(lines, done)
                if done == first:  # a line longer than a step
                    done = self._take(line_at(place.fd, place.offset, place.end) + b"\n", done)
        self._unsearched[:1] = [(done, last)] if done < last else []
        if self.searched:
            self._uses.whole()

    def _take(self, lines: bytes, position: int) -> int:
        self._index.scan(lines, position)
        self._uses.scan(lines, reading=True)
        return position + len(lines)

    def follow(self, lines: bytes, position: int) -> None:
        """Whole lines that another process wrote."""
        if self.wanted and self.searched:
            self._index.scan(lines, position)
            self._uses.scan(lines)
            return
        end = position + len(lines)
        if self._unsearched and self._unsearched[-1][1] == position:
            self._unsearched[-1] = (self._unsearched[-1][0], end)
        else:
            self._unsearched.append((position, end))

    def refused(
        self, entry: Encoded, batch: dict[str, tuple[int, str]], *, fd: int, end: int
    ) -> AlreadyDecided | QuotaFull | None:
        """Why the record may not be written. `batch`: decisions that are written with it."""
        for key in entry.keys:
            before = batch.get(key) or self._decided(key, fd=fd, end=end)
            if before:
                return AlreadyDecided(entry.named, seq=before[0], outcome=before[1])
        return self._uses.against(entry.quotas) if entry.quotas else None

    def _decided(self, key: str, *, fd: int, end: int) -> tuple[int, str] | None:
        for position in self._index.offsets(key):
            with self._places.at(position, fd=fd, end=end) as place:
                if place is None:
                    continue
                found, seq, outcome = decision_of(line_at(place.fd, place.offset, place.end))
            if found == key:
                return seq, outcome
        return None

    def decided(self, places: Iterable[tuple[str, int]]) -> None:
        """Decision keys and the positions of their lines, once these are written."""
        for key, position in places:
            self._index.add(key, position)

    def use(self, entry: Encoded) -> None:
        if entry.freed:
            self._uses.free(entry.freed, reading=not self.searched)
        if entry.quotas:
            self._uses.add([quota.key for quota in entry.quotas], entry.use, entry.at)

    def unuse(self, entries: Sequence[Encoded]) -> None:
        """Their lines do not stand in the log. What they freed stays free: it never had an effect."""
        for entry in entries:
            if entry.quotas and not entry.probe:
                self._uses.free(entry.use)
