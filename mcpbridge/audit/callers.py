"""The callers of one event loop: what they append goes to the writer together, and they are woken by and by.

A hand-over to another thread costs more than a line, and while both threads compute, each waits for the
other's interpreter lock. So the callers of one pass of the loop go over together; and while those of the last
batch are being woken, what they append at once is gathered too, so that it shares one sync.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from mcpbridge.audit.deadlines import Deadlines
from mcpbridge.audit.waking import Pending, Settled

_PASS: Final = 0.001
"""Seconds that one pass of the loop may take while callers are woken. They go on computing at once, and
others must have their turn between."""
_MAX_AT_ONCE: Final = 64
_FIRST_AT_ONCE: Final = 16
"""Most that the first pass wakes, however quick the last batch was."""
_GATHERED: Final = 0.01
"""Seconds that a record may wait for others while callers are being woken."""


class Callers:
    """Belongs to one loop; everything but `hand_over` is called there."""

    __slots__ = ("_at_once", "_began", "_due", "_gathered", "_settled", "_since", "_submit", "_waking",
                 "deadlines", "loop")  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        submit: Callable[[Sequence[Pending]], None],
    ) -> None:
        self.loop, self.deadlines, self._submit = loop, deadlines, submit
        self._gathered: deque[Pending] = deque()
        self._since = 0.0
        """When the first of them came."""
        self._due = False
        self._settled: deque[Settled] = deque()
        self._waking = False
        self._at_once = 1
        self._began = 0.0

    def gather(self, pending: Pending) -> None:
        """To be written with what the loop's other callers append in this pass, or while some are woken."""
        self.deadlines.add(pending)
        if not self._gathered:
            self._since = perf_counter()
        self._gathered.append(pending)
        if not (self._due or self._waking):
            self._due = True
            self.loop.call_soon(self._end)

    def _end(self) -> None:
        self._due = False
        if not self._waking:
            self.hand_over()

    def hand_over(self) -> None:
        """From any thread: to the writer with what was gathered."""
        batch: list[Pending] = []
        while self._gathered:
            try:
                batch.append(self._gathered.popleft())
            except IndexError:  # another thread took the last one
                break
        if batch:
            self._submit(batch)

    def settle(self, settled: Sequence[Settled]) -> None:
        """Wake these callers by and by: as many in a pass of the loop as fit into `_PASS`, twice as many as
        in the last one while there is room, half as many once there is not."""
        self._settled.extend(settled)
        if not self._waking:
            self._waking = True
            self._at_once = min(self._at_once, _FIRST_AT_ONCE)
            self._wake_some()

    def _wake_some(self) -> None:
        self._began = perf_counter()
        for _ in range(min(self._at_once, len(self._settled))):
            pending, result = self._settled.popleft()
            self.deadlines.remove(pending)
            pending.settle(result)
        self.loop.call_soon(self._next)

    def _next(self) -> None:
        """The end of the pass after some were woken: all of them had their turn, and the loop has nothing
        more to do for us. While it has, it and the writer would take the interpreter from each other."""
        now = perf_counter()
        if now - self._began >= _PASS:
            self._at_once = max(1, self._at_once // 2)
        elif self._settled:
            self._at_once = min(2 * self._at_once, _MAX_AT_ONCE)
        self._waking = bool(self._settled)
        if not self._waking or now - self._since >= _GATHERED:
            self.hand_over()
        if self._waking:
            self._wake_some()
