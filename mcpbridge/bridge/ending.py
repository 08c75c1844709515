"""An ending that nobody can hurry away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Ending:
    """Carries out `end` in a task of its own. Who is cancelled while he waits for it ends nothing: it goes on
    by itself, and whoever ends again meanwhile waits for the same end."""

    def __init__(self, end: Callable[[], Awaitable[None]]) -> None:
        self._end = end
        self._under_way: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._whole())
        await asyncio.shield(self._under_way)

    async def _whole(self) -> None:
        await self._end()
