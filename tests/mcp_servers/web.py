"""MCP over HTTP from an ordinary web server that misbehaves as a test tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

JSON = "application/json"
Answering = Callable[[dict[str, Any], Request], Response | Mapping[str, Any]]
"""What a method gets: a JSON-RPC result, or a whole HTTP response."""


@dataclass(slots=True)
class Web:
    """`on` maps a method to its answer; what it does not name is answered properly."""

    server: HTTPServer
    on: dict[str, Answering] = field(default_factory=dict[str, Answering])
    modern: bool = False
    session: str = ""
    on_get: Callable[[Request], Response] | None = None
    """What a GET is answered with; without one there is nothing to get."""
    seen: list[tuple[str, Mapping[str, str]]] = field(default_factory=list[tuple[str, Mapping[str, str]]])

    def __post_init__(self) -> None:
        self.server.expect_request("/mcp").respond_with_handler(self._handle)

    @property
    def url(self) -> str:
        return self.server.url_for("/mcp")

    def methods(self) -> list[str]:
        return [method for method, _ in self.seen]

    def _handle(self, request: Request) -> Response:
        if request.method == "GET" and self.on_get is not None:
            return self.on_get(request)
        if request.method != "POST":
            return Response(status=405)
        message = json.loads(request.get_data())
        method = message.get("method", "")
        self.seen.append((method, dict(request.headers)))
        if "id" not in message:
            return Response(status=202)
        answering = self.on.get(method)
        made = answering(message, request) if answering is not None else self._properly(message)
        return made if isinstance(made, Response) else self._reply(message, made)

    def _properly(self, message: dict[str, Any]) -> Response | Mapping[str, Any]:
        match message["method"]:
            case "server/discover" if self.modern:
                return {
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": {"tools": {}},
                    "ttlMs": 0,
                    "cacheScope": "private",
                }
            case "initialize":
                about: dict[str, Any] = {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "web", "version": "1"},
                }
                reply = self._reply(message, about)
                if self.session:
                    reply.headers["mcp-session-id"] = self.session
                return reply
            case "tools/list":
                return {
                    "tools": [{"name": "echo", "inputSchema": {"type": "object"}}],
                    "ttlMs": 0,
                    "cacheScope": "private",
                }
            case "tools/call":
                return said(json.dumps(message["params"].get("arguments", {})))
            case _:
                return error(message, -32601, "not known")

    def _reply(self, message: dict[str, Any], result: Mapping[str, Any]) -> Response:
        modern = {"resultType": "complete"} if self.modern else {}
        body = {"jsonrpc": "2.0", "id": message["id"], "result": modern | dict(result)}
        return Response(json.dumps(body), content_type=JSON)


def said(words: str) -> Mapping[str, Any]:
    """A tool's text."""
    return {"content": [{"type": "text", "text": words}]}


def error(message: dict[str, Any], code: int, words: str, *, status: int = 200) -> Response:
    body = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": words}}
    return Response(json.dumps(body), status=status, content_type=JSON)


def events(message: dict[str, Any], result: Mapping[str, Any]) -> Response:
    """The answer as a stream of one event."""
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
    return Response(f"event: message\ndata: {body}\n\n", content_type="text/event-stream")


def endless(piece: bytes) -> Iterator[bytes]:
    """The same again and again, until whoever reads it goes away."""
    while True:
        yield piece
