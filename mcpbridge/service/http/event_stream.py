"""Server-sent events: a response as it happens, or as it happened."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mcpbridge.service.errors import ApiError
from mcpbridge.service.http.access_log import note
from mcpbridge.service.loopback import Connection
from mcpbridge.service.response.making import Making
from mcpbridge.service.stored.event_log import EventLog
from mcpbridge.service.wire import Item

_log = logging.getLogger(__name__)
_LAST_WORD = 1.0  # seconds to tell a client that does not read that its stream ends


def encode(event: Item) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


class EventStream(Response):
    """Sends encoded events; with `cut_after`, closes the connection after that many.

    `interrupted` makes what is sent in place of the rest when the service stops or breaks.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[bytes],
        *,
        connection: Connection,
        cut_after: int | None = None,
        interrupted: Callable[[BaseException], bytes] = lambda _error: b"",
        only_if_heard: bool = False,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-store"})
        self._events = events
        self._connection = connection
        self._cut_after = cut_after
        self._interrupted = interrupted
        self._only_if_heard = only_if_heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        last = b""
        try:
            await self._send_events(send)
        except asyncio.CancelledError as stopped:  # a stream has an end all the same
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORD):
                    await send(_end(self._interrupted(stopped)))
            raise
        except Exception as error:  # noqa: BLE001 # boundary: a broken brain ends one stream, in the wire's words
            _log.exception("a stream broke")
            last = self._interrupted(error)
        await send(_end(last))

    async def _send_events(self, send: Send) -> None:
        sent = 0
        async for event in self._events:
            if sent == self._cut_after:
                await self._connection.drop()
            if self._only_if_heard and self._connection.lost:
                return
            await send({"type": "http.response.body", "body": event, "more_body": True})
            sent += 1


def _end(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": False}


def kept(
    events: EventLog, *, after: int, connection: Connection, cut_after: int | None = None
) -> EventStream:
    """The events of a background response, and then those that come; it goes on when nobody listens."""

    async def following() -> AsyncIterator[bytes]:
        number = after
        try:
            async for event in events.following(after):
                yield event
                number += 1
        except ApiError as error:  # this reader is slower than events may wait
            told = {"type": "error", "code": error.code, "message": error.message, "param": error.param}
            yield encode({**told, "sequence_number": number + 1})

    return EventStream(following(), connection=connection, cut_after=cut_after, only_if_heard=True)


def streamed(making: Making, request: Request, cut_after: int | None) -> EventStream:
    """A response that is made now: what has begun runs to its end, whoever listens."""

    sent = 0

    async def encoded() -> AsyncIterator[bytes]:
        nonlocal sent
        async for event in making.events():
            yield encode(event)
            sent += 1
        note(request.scope, outcome=making.body["status"])

    def interrupted(error: BaseException) -> bytes:
        try:
            return b"".join(map(encode, making.interrupted(error)))
        except Exception:  # noqa: BLE001 # boundary: what broke the stream may break its end as well
            _log.exception("a stream could not be ended")
            return b"".join(map(encode, making.broken(sent)))

    connection = Connection.of(request)
    return EventStream(encoded(), connection=connection, cut_after=cut_after, interrupted=interrupted)
