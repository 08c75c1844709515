"""The events of one background stream, kept so that a reader can come back for those it has not seen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from mcpbridge.service.errors import ApiError


@dataclass(slots=True, kw_only=True)
class EventLog:
    """Encoded events by sequence number, from 0 without a gap; bounded by bytes, the oldest go first."""

    max_bytes: int
    ended: bool = False
    size: int = 0
    _first: int = 0
    _events: deque[bytes] = field(default_factory=deque[bytes], repr=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def next(self) -> int:
        """The sequence number of the event that comes next."""
        return self._first + len(self._events)

    def append(self, event: bytes) -> None:
        self._events.append(event)
        self.size += len(event)
        while self.size > self.max_bytes and len(self._events) > 1:
            self.size -= len(self._events.popleft())
            self._first += 1
        self._wake()

    def end(self) -> None:
        """No event will follow: readers come to their end."""
        self.ended = True
        self._wake()

    def check(self, after: int) -> None:
        """Raises ApiError when the event that follows `after` is no longer kept."""
        if after + 1 < self._first:
            message = (
                f"The events up to sequence number {self._first - 1} are no longer kept; "
                f"retrieve the response without `stream`, or start after {self._first - 1} or later."
            )
            raise ApiError(message, param="starting_after")

    async def following(self, after: int) -> AsyncIterator[bytes]:
        """The events after the one numbered `after`, as they come. Raises ApiError like `check`."""
        number = after + 1
        while True:
            self.check(number - 1)
            if number < self.next:
                yield self._events[number - self._first]
                number += 1
            elif self.ended:
                return
            else:
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
