"""Many connections to one endpoint, in pools of a few each.

httpcore2 looks at every connection of a pool, and asks the system about every idle one, whenever a request
begins and ends. With two hundred connections that is the larger part of what a request costs here, in one
piece that keeps the event loop (docs/decisions/0007). A pool of sixteen costs little, and one request at a
time is always served by the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import httpx2

CONNECTIONS: Final = 16
"""Of one pool."""
_POOLS: Final = 64
"""Beyond them requests wait for a connection, as the openai client's wait beyond a thousand."""


@dataclass(slots=True, eq=False)
class _Pool:
    transport: httpx2.AsyncBaseTransport
    requests: int = 0
    """Those whose answers were not read to the end yet."""


class SmallPools(httpx2.AsyncBaseTransport):
    """Sends a request through the first pool with room. A pool not in use is closed, but for the first."""

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        """`make` makes one pool's transport, for up to CONNECTIONS connections."""
        self._make = make
        self._pools: list[_Pool] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        pool = self._with_room()
        pool.requests += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:  # boundary: however the request ended, it no longer counts
            await self._left(pool)
            raise
        stream = cast("httpx2.AsyncByteStream", response.stream)
        response.stream = _Counted(stream, partial(self._left, pool))
        return response

    def _with_room(self) -> _Pool:
        for pool in self._pools:
            if pool.requests < CONNECTIONS:
                return pool
        if len(self._pools) >= _POOLS:
            return min(self._pools, key=lambda pool: pool.requests)
        self._pools.append(_Pool(self._make()))
        return self._pools[-1]

    async def _left(self, pool: _Pool) -> None:
        pool.requests -= 1
        if not pool.requests and pool is not self._pools[0]:
            self._pools.remove(pool)
            await pool.transport.aclose()

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.transport.aclose()


class _Counted(httpx2.AsyncByteStream):
    """A response's bytes; says once when they were read or given up."""

    def __init__(self, stream: httpx2.AsyncByteStream, left: Callable[[], Awaitable[None]]) -> None:
        self._stream, self._left = stream, left
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._open:
                self._open = False
                await self._left()
