"""One request on its way: what the layers below learn about it, and the caller has to know.

The SDK reduces every failure to a code. It does carry the caller's context to the task that posts a request,
so the HTTP client finds the request it is working for in a context variable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from mcpbridge.errors import ServerError
from mcpbridge.ports import CallObserver

FORGOTTEN: Final = frozenset({400, 404})
"""With which HTTP status servers answer to a session that they do not know (any more)."""


@dataclass(slots=True, eq=False)
class Sending:
    """`begun` is True from the first byte that may have left; only before that nothing can have happened."""

    tool: str = ""
    """Empty while connecting, when some refusals are part of finding out what the server speaks."""
    observer: CallObserver | None = None
    limit: int = 32 * 2**20
    """Bytes that are read of the answer."""
    begun: bool = False
    status: int | None = None
    """The last HTTP status, which the SDK does not pass on."""
    session_lost: bool = False
    """The server has forgotten the session, or is gone: a new connection is needed."""
    too_large: bool = False
    questions: int = 0
    """What the server has asked for so far."""
    failure: ServerError | None = None
    """Why there will be no answer, where a layer below knows."""
    _clock: asyncio.Timeout | None = field(default=None)
    _left: float | None = None
    _pauses: int = 0

    @asynccontextmanager
    async def within(self, seconds: float | None) -> AsyncGenerator[None, None]:
        """Raises TimeoutError when the time is over, and at once when a layer below gave up."""
        token = SENDING.set(self)
        try:
            async with asyncio.timeout(seconds) as clock:
                self._clock = clock
                if self.failure is not None:
                    self._stop()
                try:
                    yield
                finally:
                    self._clock = None
        finally:
            SENDING.reset(token)

    def fail(self, failure: ServerError) -> None:
        """Let the caller go now: some transports would leave it waiting."""
        if self.failure is None:
            self.failure = failure
        self._stop()

    def cut_off(self) -> None:
        """The answer is longer than `limit`: it was made, and is not read."""
        self.too_large = True
        self._stop()

    def pause(self) -> None:
        """A person is being asked, which takes as long as it takes."""
        self._pauses += 1
        if self._pauses == 1 and self._clock is not None and not self._clock.expired():
            end = self._clock.when()
            now = asyncio.get_running_loop().time()
            self._left = max(0.0, end - now) if end is not None else None
            self._clock.reschedule(None)

    def go_on(self) -> None:
        """The person has answered: the clock runs again."""
        self._pauses -= 1
        if self._pauses == 0 and self._clock is not None and not self._clock.expired():
            now = asyncio.get_running_loop().time()
            self._clock.reschedule(now + self._left if self._left is not None else None)

    def _stop(self) -> None:
        if self._clock is not None and not self._clock.expired():
            self._left = 0.0  # also where a person is being asked just now
            self._clock.reschedule(asyncio.get_running_loop().time())


SENDING: ContextVar[Sending | None] = ContextVar("mcpbridge_sending", default=None)
