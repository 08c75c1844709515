"""A loop that cancels a task at a chosen moment, and looks at what is left afterwards."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from tests.long import LONG
from tests.mcp_servers.test_mcp_chaos import children, descriptors


class Passes(selectors.DefaultSelector):
    """Counts how often a loop looks for something to do while a task runs; cancels it at some of them."""

    def __init__(self, *at: int, first: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.count, self._at, self._first = 0, at, first
        self._task: asyncio.Task[Any] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._task is not None and not self._task.done():
            self.count += 1
            if self.count in self._at:
                self._first()
                self._task.cancel()
                timeout = 0
        return super().select(timeout)

    async def over(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Run it to its end, whichever that is."""
        self._task = task = asyncio.create_task(work)
        await asyncio.wait({task})
        return task


Story = Callable[[Passes], Awaitable[None]]


def run(passes: Passes, story: Story) -> int:
    """How many passes it took. Fails where a task, a process or a file descriptor is left."""
    before = children()

    async def whole() -> None:
        await story(passes)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert children() == before

    open_before = descriptors()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(passes)) as runner:
        runner.run(whole())
    assert descriptors() <= open_before
    return passes.count


def moments(whole: int, *, every: int) -> Iterator[int]:
    """The passes to cancel at: all of them with the long tests, else every `every`-th."""
    return iter(range(1, whole + 1, 1 if LONG else every))
