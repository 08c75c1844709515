"""Ctrl-C cancels what runs, and not the chat. SIGTERM and a terminal that hangs up end the chat."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


class Interrupted(Exception):
    """Ctrl-C."""


class Leaving(Exception):
    """The chat ends by a signal."""


class Signals:
    """Directs signals at the one thing that runs. `ending` is the number of the one that ends the chat."""

    def __init__(self) -> None:
        self.ending = 0
        self._task: asyncio.Task[Any] | None = None
        self._interrupted = False

    @contextmanager
    def caught(self) -> Generator[None]:
        """For the whole chat. `signal.signal` and not the loop's own: that one is missing on Windows."""
        loop = asyncio.get_running_loop()

        def on_signal(number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.signal, number)

        previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, *_ENDING)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    async def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run it, in a task of its own. Raises Interrupted or Leaving where a signal ended it."""
        task = asyncio.ensure_future(work)
        self._task, self._interrupted = task, False
        if self.ending:
            self.signal(self.ending)
        try:
            return await task
        except asyncio.CancelledError:
            if self.ending:
                raise Leaving from None
            if self._interrupted:
                raise Interrupted from None
            raise
        finally:
            self._task = None

    def pause(self) -> None:
        """As if somebody had pressed Ctrl-C."""
        self.signal(signal.SIGINT)

    def signal(self, number: int) -> None:
        """Once is enough: what is being cancelled has things to put in order, and is not hurried."""
        if number in _ENDING:
            self.ending = self.ending or number
        task = self._task
        if task is None or self._interrupted:
            return
        self._interrupted = True
        task.cancel()
