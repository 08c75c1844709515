"""Server-sent events: the performance as it happens. What has begun runs to its end, whoever listens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mcpbridge.service.errors import ApiError
from mcpbridge.service.loopback import Connection
from mcpbridge.service.respond import Happening
from mcpbridge.service.stream import Numbered, item_events
from mcpbridge.service.wire import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedResponse:
    """The events of one response, numbered, first to last."""

    begun: Item
    happenings: AsyncIterator[Happening]
    ended: Callable[[], Item]

    async def events(self) -> AsyncIterator[Item]:
        numbered = Numbered()
        yield numbered.event({"type": "response.created", "response": self.begun})
        yield numbered.event({"type": "response.in_progress", "response": self.begun})
        try:
            async for event in item_events(self.happenings):
                yield numbered.event(event)
        except ApiError as error:
            for event in self._failure(error):
                yield numbered.event(event)
            return
        response = self.ended()
        yield numbered.event({"type": f"response.{_last_event(response)}", "response": response})

    def _failure(self, error: ApiError) -> tuple[Item, Item]:
        payload = {"code": error.code, "message": error.message, "param": error.param}
        failed = {**self.ended(), "status": "failed"}
        failed["error"] = {"code": "server_error", "message": error.message}
        return {"type": "error", **payload}, {"type": "response.failed", "response": failed}


class EventStream(Response):
    """Sends a StreamedResponse; with `cut_after`, closes the connection after that many events."""

    media_type = "text/event-stream"

    def __init__(
        self,
        *,
        begun: Item,
        happenings: AsyncIterator[Happening],
        ended: Callable[[], Item],
        cut_after: int | None,
        connection: Connection,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-store"})
        self._streamed = StreamedResponse(begun=begun, happenings=happenings, ended=ended)
        self._cut_after = cut_after
        self._connection = connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sent = 0
        async for event in self._streamed.events():
            if sent == self._cut_after:
                await self._connection.drop()
            await send({"type": "http.response.body", "body": encode(event), "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def encode(event: Item) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _last_event(response: Item) -> str:
    status = response.get("status")
    return str(status) if status in ("completed", "incomplete", "failed") else "completed"
