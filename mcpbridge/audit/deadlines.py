"""Who waits too long: one timer for all callers of an event loop, as one each costs more than a line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mcpbridge.audit.waking import Pending
from mcpbridge.errors import AuditUnavailable


class Deadlines:
    """The callers that wait in one loop, in the order in which their time runs out."""

    __slots__ = ("_late", "_loop", "_seconds", "_timer", "_waiting")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, late: Callable[[], AuditUnavailable]
    ) -> None:
        """`late` makes the error that a caller gets after `seconds` without progress."""
        self._loop, self._seconds, self._late = loop, seconds, late
        self._waiting: dict[Pending, tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, pending: Pending) -> None:
        due = self._loop.time() + self._seconds
        self._waiting[pending] = (due, pending.progress)
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._look)

    def remove(self, pending: Pending) -> None:
        """It is settled, or its caller is gone. The timer stays: the next caller needs one again."""
        self._waiting.pop(pending, None)

    def stop(self) -> None:
        """No caller will be added any more."""
        if self._timer is not None and not self._waiting:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Settle whoever is due; the search for earlier decisions in a long log counts as progress."""
        self._timer = None
        now = self._loop.time()
        while self._waiting:
            pending, (due, progress) = next(iter(self._waiting.items()))
            if due > now:
                self._timer = self._loop.call_at(due, self._look)
                return
            del self._waiting[pending]
            if pending.progress != progress:
                self._waiting[pending] = (now + self._seconds, pending.progress)
            else:
                pending.settle(self._late())
