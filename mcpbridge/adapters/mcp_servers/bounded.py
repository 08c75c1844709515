"""The bytes that a server sends over HTTP, up to what they may cost us."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2

from mcpbridge.adapters.mcp_servers.lines import MAX_PARTS, parts
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.errors import OutcomeLost

_UNASKED: Final = 2**20
"""Bytes of what nobody reads: the body of a redirect, of a goodbye."""
_BETWEEN_EVENTS: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class TooLarge(httpx2.StreamError):
    """The answer is not read any further."""


class Answer(httpx2.AsyncByteStream):
    """What a request is answered with, up to what its sender takes."""

    def __init__(self, response: httpx2.Response, sending: Sending, label: str) -> None:
        self._inner, self._events = _stream(response), _of_events(response)
        self._limit = -1 if _packed(response) else sending.limit  # packed, though not asked for: of any size
        self._sending, self._label = sending, label

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left, found = self._limit, 0
        try:
            async for chunk in self._inner:
                left -= len(chunk)
                found += parts(chunk)
                if left < 0 or found > MAX_PARTS:
                    self._sending.cut_off()
                    raise TooLarge("the answer is too large")
                yield chunk
        except httpx2.TransportError as error:
            if self._events:  # the SDK knows what to do: it asks for the rest, or gives up on this one
                raise
            said = f"{self._label}: the connection was lost in the middle of its answer"
            self._sending.session_lost = True
            self._sending.fail(OutcomeLost(said, server_label=self._label))
            raise httpx2.StreamError(said) from error

    async def aclose(self) -> None:
        await self._inner.aclose()


class Unasked(httpx2.AsyncByteStream):
    """A stream of the server's own messages, of any length but each of bounded cost; or what nobody reads."""

    def __init__(self, response: httpx2.Response) -> None:
        self._inner = _stream(response)
        self._packed, self._events = _packed(response), _of_events(response) and response.status_code == 200

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = found = 0
        async for chunk in self._inner:
            size += len(chunk)
            ends = list(_BETWEEN_EVENTS.finditer(chunk)) if self._events else []
            found = parts(chunk[ends[-1].end() :]) if ends else found + parts(chunk)
            if self._packed or found > MAX_PARTS or (size > _UNASKED and not self._events):
                raise TooLarge("it sends too much")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _stream(response: httpx2.Response) -> httpx2.AsyncByteStream:
    assert isinstance(response.stream, httpx2.AsyncByteStream), "an AsyncClient answers with an async stream"
    return response.stream


def _of_events(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").lower().startswith("text/event-stream")


def _packed(response: httpx2.Response) -> bool:
    return response.headers.get("content-encoding", "identity").strip().lower() != "identity"
