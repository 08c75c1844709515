"""One line for each request, when asked for. Never a body, a key or a header."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcpbridge.service.loopback import Connection
from mcpbridge.service.quirks import Quirks

_FIRST = ("timestamp", "event")
_LONGEST = 200  # characters of one value
_NOTES = "access_log"
_NO_ANSWER = 499  # as nginx writes it: the connection ended first


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLog:
    """Where the lines go and how they look: `json`, or `text` (key=value)."""

    form: Literal["json", "text"] = "text"
    stream: TextIO = field(default_factory=lambda: sys.stderr, repr=False)
    clock: Callable[[], float] = field(default=time.perf_counter, repr=False)

    def logger(self) -> Any:
        """A structlog logger of its own: the program's logging is left alone."""
        last = (
            structlog.processors.JSONRenderer()  # ASCII: no control character reaches a terminal
            if self.form == "json"
            else structlog.processors.LogfmtRenderer(key_order=_FIRST, drop_missing=True)
        )
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        return structlog.wrap_logger(
            structlog.PrintLogger(self.stream),
            processors=[stamp, _bounded, *([_escaped] if self.form == "text" else []), _in_order, last],
            wrapper_class=structlog.BoundLogger,
        )


def _in_order(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """When comes before what, for those who read with their eyes."""
    return {name: line.pop(name) for name in _FIRST} | {**line}


def _bounded(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """What a client chose, paths and names, is as long as it likes; a line is not."""
    return {name: _short(value) if isinstance(value, str) else value for name, value in line.items()}


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"


def _escaped(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A line of text is read on a terminal, which obeys control characters."""
    return {name: _visible(value) if isinstance(value, str) else value for name, value in line.items()}


def _visible(value: str) -> str:
    """Escaped as Python escapes: whatever does not print, and the backslash itself."""
    plain = value.replace("\\", "\\\\")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in plain)


def note(scope: Scope, **facts: object) -> None:
    """Adds facts to the line of the request that `scope` belongs to, if there will be one."""
    notes = scope.get(_NOTES)
    if notes is not None:
        notes.update(facts)


class Logged:
    """An ASGI application that writes a line when a request has ended."""

    def __init__(self, app: ASGIApp, log: AccessLog, quirks: Quirks) -> None:
        self._app = app
        self._clock = log.clock
        self._logger = log.logger()
        self._quirks = ",".join(sorted(quirks.arguments))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii", "replace")  # percent-encoded: no line break in it, no query
        facts: dict[str, object] = {"method": scope["method"], "path": path, "status": _NO_ANSWER}
        notes: dict[str, object] = {}
        scope[_NOTES] = notes
        counted = {"bytes_in": 0, "bytes_out": 0}

        async def counting_receive() -> Message:
            message = await receive()
            counted["bytes_in"] += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start" and not connection.lost:
                facts["status"] = message["status"]
            counted["bytes_out"] += len(message.get("body", b""))
            await send(message)

        connection = Connection.of(Request(scope, receive))
        began = self._clock()
        try:
            await self._app(scope, counting_receive, counting_send)
        finally:
            took = round((self._clock() - began) * 1000, 1)
            quirks = {"quirks": self._quirks} if self._quirks else {}
            self._logger.info("request", **facts, ms=took, **counted, **notes, **quirks)
