"""Many conversations in one event loop: one computes per pass, and timers and sockets are served between.

Without it, two hundred answers that arrive together are two hundred computations in one pass, and everything
else in the program waits for all of them (docs/decisions/0007).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary


@dataclass(slots=True)
class _Queue:
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Turnstile:
    """Lets one caller through per pass of the event loop, in the order in which they came."""

    _queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = field(
        default_factory=WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue], repr=False
    )

    async def through(self) -> None:
        """Wait until it is our turn; at once when nobody went through in this pass."""
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Queue())
        if not queue.taken:
            queue.taken = True
            loop.call_soon(_next, loop, queue)
            return
        turn: asyncio.Future[None] = loop.create_future()
        queue.waiting.append(turn)
        await turn


def _next(loop: asyncio.AbstractEventLoop, queue: _Queue) -> None:
    while queue.waiting:
        turn = queue.waiting.popleft()
        if not turn.done():  # done: cancelled while it waited
            turn.set_result(None)
            loop.call_soon(_next, loop, queue)
            return
    queue.taken = False
