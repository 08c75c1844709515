"""Telling a client how far its call has come: in order, as fast as it reads, and nothing after the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from mcp.server.session import ServerSession

from mcpbridge.engine.events import CallProgress
from mcpbridge.gateway.calls import Progressed

_MOST: Final = 100
"""Reports that wait for a slow client; further ones are not told."""
_LAST: Final = 1.0
"""Seconds for what is left to be told when the answer is there."""


@asynccontextmanager
async def told(session: ServerSession) -> AsyncGenerator[Progressed, None]:
    """What passes reports on to the client that asked for them, while its request is open."""
    waiting: asyncio.Queue[CallProgress | None] = asyncio.Queue(_MOST + 1)

    def tell(event: CallProgress) -> None:
        if waiting.qsize() < _MOST:
            waiting.put_nowait(event)

    async def pass_on() -> None:
        while (event := await waiting.get()) is not None:
            try:
                await session.report_progress(event.progress, event.total, event.message or None)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return

    passing = asyncio.create_task(pass_on())
    try:
        yield tell
        waiting.put_nowait(None)
        await asyncio.wait({passing}, timeout=_LAST)
    finally:
        passing.cancel()
