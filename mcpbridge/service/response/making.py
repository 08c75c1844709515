"""One response being made: its body from first to last, and its events, numbered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from mcpbridge.service.errors import ApiError, server_error
from mcpbridge.service.response.body import ended_response
from mcpbridge.service.response.events import Numbered, item_events
from mcpbridge.service.response.performance import Happening, Performance
from mcpbridge.service.wire import Item

_LAST_EVENTS = ("completed", "incomplete", "failed")


@dataclass(slots=True, kw_only=True)
class Making:
    """A performance on its way to a response. `keep` is called with the final body, once."""

    body: Item = field(repr=False)
    """As it is shown now."""
    performance: Performance = field(repr=False)
    happenings: AsyncIterator[Happening] = field(repr=False)
    clock: Callable[[], float] = field(repr=False)
    keep: Callable[[Item], None] = field(repr=False)
    cut_off: bool = False
    """Cancelled: what is there is the response."""
    _numbered: Numbered = field(default_factory=Numbered)

    async def response(self) -> Item:
        """The final body, without events. Raises ApiError when there is none; nothing is kept then."""
        async for _ in self.happenings:
            pass
        return self.end()

    async def events(self) -> AsyncIterator[Item]:
        """All events; an error ends them, it is not raised."""
        for event in self.opening():
            yield event
        async for event in self.playing():
            yield event

    def opening(self) -> Iterator[Item]:
        yield self._event("created")
        if self.body["status"] == "queued":
            yield self._event("queued")

    async def playing(self) -> AsyncIterator[Item]:
        self.body = {**self.body, "status": "in_progress"}
        yield self._event("in_progress")
        error: ApiError | None = None
        try:
            async for event in item_events(self.happenings):
                yield self._numbered.event(event)
        except ApiError as raised:
            error = raised
        for event in self.closing(error):
            yield event

    def closing(self, error: ApiError | None = None) -> Iterator[Item]:
        """Ends the response; its last events."""
        if error is not None:
            payload = {"code": error.code, "message": error.message, "param": error.param}
            yield self._numbered.event({"type": "error", **payload})
        status = self.end(error)["status"]
        yield self._event(status if status in _LAST_EVENTS else "completed")

    def interrupted(self, error: BaseException) -> Iterator[Item]:
        """The last events of a response that cannot be waited for, or that broke."""
        if not isinstance(error, asyncio.CancelledError):
            return self.closing(server_error())
        message = "The service was stopped before the response was complete."
        return self.closing(ApiError(message, status=500, code="server_error"))

    def broken(self, number: int) -> Iterator[Item]:
        """The last events when those that were to be the last could not be sent: the response fails, with
        nothing but what was asked. `number`: how many events were sent."""
        self._numbered.next = number
        self.body = {**self.body, "output": []}
        self.performance.output.clear()
        self.performance.extra.clear()
        return self.closing(server_error())

    def end(self, error: ApiError | None = None) -> Item:
        """Makes the final body and has it kept."""
        body = ended_response(self.body, self.performance, int(self.clock()))
        if error is not None:
            body["status"] = "failed"
            body["error"] = {"code": "server_error", "message": error.message}
        elif self.cut_off:
            body["status"] = "cancelled"
        if body["status"] != "completed":
            body["completed_at"] = None
        self.body = body
        self.keep(body)
        return body

    def _event(self, name: str) -> Item:
        return self._numbered.event({"type": f"response.{name}", "response": self.body})
