"""Credentials in the headers of each request, fetched anew when the server refuses them.

The SDK's own OAuth object holds a lock until the answer's headers arrive, so that calls wait for each other.
Here nothing is held while a request is under way: requests that need a new credential at the same time wait
for one renewal, and for nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import httpx2

from mcpbridge.adapters.mcp_servers.settings import Headers
from mcpbridge.core.secret import Secret

_T = TypeVar("_T")


class SingleFlight(Generic[_T]):
    """Asks once, however many want to know; whoever comes later asks again."""

    def __init__(self) -> None:
        self._flight: asyncio.Task[_T] | None = None

    async def do(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """The answer of the question under way, or of a new one. A cancelled waiter cancels nobody else."""
        flight = self._flight
        if flight is None or flight.done():
            flight = self._flight = asyncio.ensure_future(_awaited(ask))
            flight.add_done_callback(_looked_at)
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """End what is under way."""
        if self._flight is not None and not self._flight.done():
            self._flight.cancel()
            await asyncio.wait({self._flight})


async def _awaited(ask: Callable[[], Awaitable[_T]]) -> _T:
    return await ask()


def _looked_at(task: asyncio.Task[_T]) -> None:
    """So that asyncio does not log a failure that every waiter has gone away from."""
    if not task.cancelled():
        task.exception()


class HeaderAuth(httpx2.Auth):
    """Static headers, variables, files and callables: whatever `headers` says now.

    A refused request (401) is sent once more if the headers have changed by then: the server did nothing.
    What another request has been given since is tried first, so that many refused together ask once.
    """

    def __init__(self, headers: Headers) -> None:
        self._ask = headers
        self._flight: SingleFlight[Mapping[str, Secret]] = SingleFlight()
        self._latest: Mapping[str, Secret] = {}

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        given = await self._asked()
        _set(request, given)
        response = yield request
        if response.status_code == 401 and not _same(self._latest, given):
            given = self._latest
            _set(request, given)
            response = yield request
        if response.status_code != 401:
            return
        renewed = await self._asked()
        if not _same(renewed, given):
            _set(request, renewed)
            yield request

    async def _asked(self) -> Mapping[str, Secret]:
        self._latest = given = await self._flight.do(self._ask)
        return given


def _same(one: Mapping[str, Secret], other: Mapping[str, Secret]) -> bool:
    return one is other or dict(one) == dict(other)


def _set(request: httpx2.Request, headers: Mapping[str, Secret]) -> None:
    for name, value in headers.items():
        request.headers[name] = value.reveal()
