"""How much of an answer is taken in: an endpoint may send without end, or pack a little into very much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx2

PLAIN: Final = {"Accept-Encoding": "identity"}
"""Asks for an answer that is as long as it looks."""


class TooMuch(Exception):
    """The answer is not read any further. The message holds nothing of it."""


class AnswerSize:
    """An event hook: bounds the body of every answer, of whatever status."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def __call__(self, response: httpx2.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise TooMuch("the answer is compressed, which was not asked for, and so may be of any size")
        stream = response.stream
        assert isinstance(stream, httpx2.AsyncByteStream), "an AsyncClient answers with an async stream"
        response.stream = _Bounded(stream, self._limit)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream, self._limit = stream, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > self._limit:
                raise TooMuch(f"the answer is longer than {self._limit // 2**20} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
