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
        """To be written with all that the loop's other callers append in this pass."""
        self.deadlines.add(pending)
        self._gathered.append(pending)
        if not self._due:
            self._due = True
            self._since = perf_counter()
            self.loop.call_soon(self._look)

    def _look(self) -> None:
        if self._waking and perf_counter() - self._since < _GATHERED:
            self.loop.call_soon(self._look)
            return
        self._due = False
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

    def _next(self) -> None:
        """The pass after some were woken: all of them had their turn."""
        if perf_counter() - self._began >= _PASS:
            self._at_once = max(1, self._at_once // 2)
        elif self._settled:
            self._at_once = min(2 * self._at_once, _MAX_AT_ONCE)
        if self._settled:
            self._wake_some()
        else:
            self._waking = False
            self.hand_over()

    def _wake_some(self) -> None:
        self._began = perf_counter()
        for _ in range(min(self._at_once, len(self._settled))):
            pending, result = self._settled.popleft()
            self.deadlines.remove(pending)
            pending.settle(result)
        self.loop.call_soon(self._next)
