"""Ctrl-C, SIGTERM and a terminal that hangs up cancel a task, so that its state can be saved."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_HANG_UP: Final[int | None] = getattr(signal, "SIGHUP", None)
"""Windows has none."""
_SIGNALS: Final[tuple[int, ...]] = (
    signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])
)  # fmt: skip


@contextmanager
def cancelling(task: asyncio.Task[Any]) -> Generator[list[int]]:
    """Cancel `task` on the first signal; gives the numbers of those that came. A second one does what it
    would have done: somebody is in a hurry.

    `signal.signal` and not the loop's own: that one is missing on Windows.
    """
    caught: list[int] = []
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, previous[number])
        loop.call_soon_threadsafe(task.cancel)

    previous: dict[int, Any] = {}
    for number in _SIGNALS:
        before = signal.getsignal(number)
        if number != _HANG_UP or before != signal.SIG_IGN:  # nohup: the terminal may go, the run stays
            previous[number] = before
            signal.signal(number, on_signal)
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
