"""Our answers to what a server asks us: as many at once as a server can mean, so that a flood fills nothing.

The SDK (2.3.0) begins a task for each thing that a server asks, pings too. Here whoever asks has to take the
answers: while too many wait to be sent, nothing more is read from that server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse
from pydantic import ValidationError

from mcpbridge.adapters.mcp_servers.garbled import unreadable

_MOST: Final = 64
"""Waiting to be sent at once."""


class _Replies:
    def __init__(self) -> None:
        self._waiting = 0
        self.room = asyncio.Event()
        self.room.set()

    def more(self, by: int) -> None:
        self._waiting += by
        if self._waiting < _MOST:
            self.room.set()
        else:
            self.room.clear()


class _Said:
    """The SDK's write stream."""

    def __init__(self, inner: Any, replies: _Replies) -> None:
        self._inner, self._replies = inner, replies

    async def send(self, item: SessionMessage, /) -> None:
        if not isinstance(item.message, JSONRPCResponse | JSONRPCError):
            await self._inner.send(item)
            return
        self._replies.more(1)
        try:
            await self._inner.send(item)
        finally:
            self._replies.more(-1)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> _Said:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Heard:
    """The SDK's read stream."""

    def __init__(self, inner: Any, replies: _Replies) -> None:
        self._inner, self._replies = inner, replies

    @property
    def last_context(self) -> Any:
        """What the SDK looks for: in which context the message was sent."""
        return getattr(self._inner, "last_context", None)

    def __aiter__(self) -> _Heard:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        await self._replies.room.wait()
        item: SessionMessage | Exception = await anext(self._inner)
        if isinstance(item, ValidationError) and (answer := unreadable(item)) is not None:
            return SessionMessage(answer)
        if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCRequest):
            await asyncio.sleep(0)  # the answer to the one before comes first
        return item

    async def receive(self) -> SessionMessage | Exception:
        await self._replies.room.wait()
        item: SessionMessage | Exception = await self._inner.receive()
        return item

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> _Heard:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def answering(transport: AbstractAsyncContextManager[tuple[Any, Any]]) -> AsyncGenerator[Any, None]:
    """The same transport, which reads on when its answers are on their way."""
    replies = _Replies()
    async with transport as (read, write):
        yield _Heard(read, replies), _Said(write, replies)
