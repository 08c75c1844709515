"""HTTP towards an MCP server: bounded in bytes, and what the server answered last is remembered."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KEPT_ALIVE = 2.0  # seconds; less than servers keep idle connections, so that none is used as it is closed


class TooLarge(httpx2.StreamError):
    """The server sends more than is taken from it."""


@dataclass(slots=True)
class Answers:
    """What the server answered to the last POST."""

    status: int = 0
    is_json_rpc: bool = False
    too_large: bool = False

    @property
    def failed(self) -> int | None:
        """The HTTP status, where it is one that says failure and no JSON-RPC error explains it."""
        return self.status if self.status >= 300 and not self.is_json_rpc else None

    async def note(self, response: httpx2.Response) -> None:
        if response.request.method != "POST":
            return  # a server may refuse the optional GET stream
        self.status = response.status_code
        self.is_json_rpc = response.status_code >= 400 and b'"jsonrpc"' in await response.aread()


def http_client(
    url: str, headers: Mapping[str, str], answers: Answers, *, timeout: float, max_bytes: int
) -> httpx2.AsyncClient:
    """A client for one server. It follows no redirect: the SDK does, where the origin stays the same."""
    remote = urlsplit(url).hostname not in _LOOPBACK
    client = httpx2.AsyncClient(
        headers=headers,
        timeout=timeout,
        verify=_tls(),
        trust_env=remote,
        limits=httpx2.Limits(keepalive_expiry=_KEPT_ALIVE),
        event_hooks={"response": [answers.note]},
    )
    return _bounded(client, answers, max_bytes)


def _bounded(client: httpx2.AsyncClient, answers: Answers, max_bytes: int) -> httpx2.AsyncClient:
    async def bound(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedStream(response.stream, answers, max_bytes)

    client.event_hooks = {"response": [bound, *client.event_hooks["response"]]}
    return client


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, up to a limit."""

    def __init__(self, inner: httpx2.AsyncByteStream, answers: Answers, max_bytes: int) -> None:
        self._inner = inner
        self._answers = answers
        self._left = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                self._answers.too_large = True
                raise TooLarge("the answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
