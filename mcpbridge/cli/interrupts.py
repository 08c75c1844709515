"""Ctrl-C, SIGTERM and a terminal that hangs up cancel a task, so that its state can be saved."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

from mcpbridge.adapters.mcp_servers.groups import GROUPS, Groups

_T = TypeVar("_T")
_HANG_UP: Final[int | None] = getattr(signal, "SIGHUP", None)
"""Windows has none."""
_SIGNALS: Final[tuple[int, ...]] = (
    signal.SIGINT, signal.SIGTERM, *([] if _HANG_UP is None else [_HANG_UP])
)  # fmt: skip


def run_here(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it in a new loop, noting the programs that it starts for whoever catches a signal meanwhile."""

    async def whole() -> _T:
        GROUPS.set(Groups())
        return await work

    return asyncio.run(whole())


@contextmanager
def cancelling(task: asyncio.Task[Any]) -> Generator[list[int]]:
    """Cancel `task` on the first signal; gives the numbers of those that came.

    A second one, or one that comes when it is done and only endings are left, kills what was started
    (`run_here`) at once, instead of saying goodbye to it: somebody is in a hurry, and records are written all
    the same. What comes after that does what it would have done.

    `signal.signal` and not the loop's own: that one is missing on Windows.
    """
    caught: list[int] = []
    loop, groups = asyncio.get_running_loop(), GROUPS.get() or Groups()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) == 1 and not task.done():
            loop.call_soon_threadsafe(task.cancel)
            return
        groups.kill()  # here, and not in the loop: whatever keeps it may be what the hurry is about
        for each, handler in previous.items():
            signal.signal(each, handler)

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


def run_until_stopped(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it in a new loop. The first signal cancels it, so that it ends what it has begun, above all the
    programs of servers; then SystemExit says which one it was, as a shell would."""

    async def whole() -> tuple[_T | None, list[int]]:
        task = asyncio.create_task(work)
        with cancelling(task) as caught:
            try:
                return await task, []
            except asyncio.CancelledError:
                if not caught:
                    raise
                return None, caught

    result, caught = run_here(whole())
    if caught:
        raise SystemExit(128 + caught[0])
    return result  # type: ignore[return-value] # its own, where nothing stopped it
