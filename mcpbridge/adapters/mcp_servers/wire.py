"""How a request leaves: head and body in one piece, and noted from its first byte on.

httpcore2 writes the head of a request and its body one after the other, which wakes a server twice. The
connections themselves, TLS and deadlines are the library's.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final

import httpcore2
import httpx2
from httpcore2._backends.anyio import AnyIOBackend

from mcpbridge.adapters.mcp_servers.sending import Sending

SENDING_OF: Final = "mcpbridge_sending"
"""The extension of a request that carries its Sending: `begun` from its first byte on."""
LEAVING: ContextVar[Sending | None] = ContextVar("mcpbridge_leaving", default=None)
"""That of the request which this task is about."""


class WireStream(httpcore2.AsyncNetworkStream):
    """One connection. What is written first is held until it is known whether a body follows the head."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._head = b""
        self._begins = True
        """Whether the next write is the head of a request."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        await self._leave(b"", timeout)
        self._begins = True
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if self._begins and buffer:
            self._head, self._begins = bytes(buffer), False
            return
        await self._leave(buffer, timeout)

    async def _leave(self, more: bytes, timeout: float | None) -> None:  # noqa: ASYNC109
        data, self._head = self._head + more, b""
        if not data:
            return
        leaving = LEAVING.get()
        if leaving is not None:
            leaving.begun = True
        await self._inner.write(data, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        await self._leave(b"", timeout)
        return WireStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class WireBackend(httpcore2.AsyncNetworkBackend):
    """The library's own connections, written to in that way."""

    def __init__(self) -> None:
        self._inner = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return WireStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class Noting(httpx2.AsyncBaseTransport):
    """The same transport; what it writes is noted for the request that it is written for."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        token = LEAVING.set(request.extensions.get(SENDING_OF))
        try:
            return await self._inner.handle_async_request(request)
        finally:
            LEAVING.reset(token)

    async def aclose(self) -> None:
        await self._inner.aclose()
